// SPDX-License-Identifier: Apache-2.0
#include "io/wire/checksum.h"

#include <cstring>

#include "io/wire/bytes.h"

namespace osprey::io::wire {

// The one's complement sum does not care about byte order (RFC 1071, 2 B): words are added as the
// machine loads them, four bytes at a time, and the result is turned round at the end.
uint16_t SumBytes(std::span<const std::byte> bytes) noexcept {
  uint64_t sum = 0;
  const std::byte* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 4; at += 4, left -= 4) {
    uint32_t words;
    std::memcpy(&words, at, sizeof words);
    sum += words;
  }
  if (left > 0) {
    uint32_t words = 0;
    std::memcpy(&words, at, left);
    sum += words;
  }
  return NetworkOrder(FoldSum(sum));
}

}  // namespace osprey::io::wire
