// SPDX-License-Identifier: Apache-2.0
#pragma once
// TCP options as OS detection reads them: docs/os-detection.md, 1.6 (which replies are looked at
// at all) and 3.6 (the option string). Three walks over the option bytes of one header, from
// behind its 20 fixed bytes to its data offset. Pure functions; every walk ends after at most one
// step for each byte, whatever the bytes are.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace osprey {

inline constexpr size_t kMaxTcpOptionBytes = 40;
// Ten times "M" and four digits: no 40 option bytes give a longer string.
inline constexpr size_t kMaxOptionString = 50;

// The acceptance walk: false if a reply with these options must be ignored.
[[nodiscard]] bool AcceptOptions(std::span<const uint8_t> options) noexcept;

// Writes the value of O, O1..O6, not terminated, and returns its length. 0 if there are no
// options or the walk fails (a missing or wrong length); `out` may then have been written to.
// Bytes beyond the 40 that a TCP header can hold are not looked at.
// REQUIRES: out has room for kMaxOptionString characters.
[[nodiscard]] size_t OptionString(std::span<const uint8_t> options, char* out) noexcept;

struct TcpTimestamp {
  uint32_t tsval = 0;  // host order, as are all numbers here
  uint32_t tsecr = 0;
};

// The first timestamp option of length 10, found by the walk of the option string; none if that
// walk fails before it.
[[nodiscard]] std::optional<TcpTimestamp> FindTimestamp(std::span<const uint8_t> options) noexcept;

}  // namespace osprey
