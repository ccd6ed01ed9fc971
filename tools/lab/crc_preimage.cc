// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/crc_preimage.h"

namespace osprey::lab {
namespace {

constexpr uint32_t kPolynomial = 0xEDB88320;

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? kPolynomial : 0);
    table[i] = value;
  }
  return table;
}

constexpr auto kTable = MakeTable();

// The entry whose top byte is `top`: the top bytes are a permutation.
constexpr uint32_t EntryWithTop(uint32_t top) {
  uint32_t i = 0;
  while (kTable[i] >> 24 != top) ++i;
  return i;
}

}  // namespace

std::array<std::byte, 4> CrcPreimage(uint32_t crc) {
  // Backwards through four steps: which entries were used.
  std::array<uint32_t, 4> entries{};
  uint32_t remainder = ~crc;
  for (size_t i = 4; i-- > 0;) {
    entries[i] = EntryWithTop(remainder >> 24);
    remainder = (remainder ^ kTable[entries[i]]) << 8;
  }
  // Forwards from the start value: the byte that selects that entry.
  std::array<std::byte, 4> bytes{};
  uint32_t state = 0xFFFFFFFF;
  for (size_t i = 0; i < 4; ++i) {
    bytes[i] = static_cast<std::byte>((state ^ entries[i]) & 0xFF);
    state = (state >> 8) ^ kTable[entries[i]];
  }
  return bytes;
}

}  // namespace osprey::lab
