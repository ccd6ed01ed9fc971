// SPDX-License-Identifier: Apache-2.0
#pragma once
// The internet checksum (RFC 1071): the complement of the one's complement sum of the 16-bit
// words of the data, an odd last byte being padded with a zero.
//
// A sum is kept unfolded in 64 bits: a constant part of a packet is summed once and the words that
// change are added for each packet. A word is the big-endian value of two bytes that lie at an
// even offset from the start of what is summed. 2^31 pairs of words can be added before it
// overflows.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/address.h"

namespace osprey::io::wire {

// The folded sum of `bytes`: add it like one word. Congruent to the sum of the words modulo
// 65535; 0 only if all bytes are zero.
uint16_t SumBytes(std::span<const std::byte> bytes) noexcept;

// Two words: 2^16 is 1 modulo 65535, so they need not be taken apart.
constexpr uint64_t SumWords(uint32_t value) { return value; }

// The pseudo header of TCP and UDP; `length` counts the transport header and its data.
constexpr uint64_t SumPseudoHeader(Ipv4Addr source, Ipv4Addr destination, uint8_t protocol,
                                   size_t length) {
  return SumWords(source.host_order) + SumWords(destination.host_order) + protocol + length;
}

// Congruent to `sum` modulo 65535; 0 only if it is 0. Each half is added to the other: what the low
// half carries lands in the high one, where the result is.
constexpr uint16_t FoldSum(uint64_t sum) {
  const auto words = static_cast<uint32_t>((sum + std::rotl(sum, 32)) >> 32);
  return static_cast<uint16_t>((words + std::rotl(words, 16)) >> 16);
}

// The value for the checksum field, the field itself having counted as zero.
constexpr uint16_t FinishChecksum(uint64_t sum) {
  return static_cast<uint16_t>(~FoldSum(sum) & 0xFFFF);
}

// UDP cannot say "0": that would mean "no checksum" (RFC 768).
constexpr uint16_t FinishUdpChecksum(uint64_t sum) {
  const uint16_t checksum = FinishChecksum(sum);
  return checksum == 0 ? uint16_t{0xFFFF} : checksum;
}

// The new checksum after one word changed from `old_word` to `new_word` (RFC 1624, equation 3).
constexpr uint16_t UpdateChecksum(uint16_t checksum, uint16_t old_word, uint16_t new_word) {
  return FinishChecksum(uint64_t{static_cast<uint16_t>(~checksum & 0xFFFF)} +
                        static_cast<uint16_t>(~old_word & 0xFFFF) + new_word);
}

}  // namespace osprey::io::wire
