// SPDX-License-Identifier: Apache-2.0
// Whatever the option bytes, the walks end inside them and agree with each other.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "base/check.h"
#include "base/tcp_options.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Blocks of exactly the right size, so that a sanitizer sees any access beyond them.
  const auto block = std::make_unique<uint8_t[]>(size);
  if (size > 0) std::memcpy(block.get(), data, size);
  const std::span<const uint8_t> options(block.get(), size);
  const auto text = std::make_unique<char[]>(osprey::kMaxOptionString);
  const size_t length = osprey::OptionString(options, text.get());
  OSPREY_CHECK(length <= osprey::kMaxOptionString);
  const std::string_view string(text.get(), length);
  OSPREY_CHECK(string.find_first_not_of("LNMWST0123456789ABCDEF") == std::string_view::npos);
  // A walk that succeeded has passed a timestamp if one was found.
  const auto timestamp = osprey::FindTimestamp(options);
  if (timestamp && length > 0) OSPREY_CHECK(string.find('T') != std::string_view::npos);
  (void)osprey::AcceptOptions(options);
  return 0;
}
