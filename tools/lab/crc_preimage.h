// SPDX-License-Identifier: Apache-2.0
#pragma once
// Four bytes whose CRC-32 is a given number: data for resets of references that name an RD.

#include <array>
#include <cstddef>
#include <cstdint>

namespace osprey::lab {

// CRC-32 is a bijection on four bytes, and its table can be walked backwards: the top byte of a
// remainder names the entry that made it.
std::array<std::byte, 4> CrcPreimage(uint32_t crc);

}  // namespace osprey::lab
