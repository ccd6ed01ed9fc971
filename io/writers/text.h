// SPDX-License-Identifier: Apache-2.0
#pragma once
// Text that is safe to put into an output format, whatever a database or a network said.
// Pure functions; none allocates when there is nothing to change.

#include <cstdint>
#include <string>
#include <string_view>

namespace osprey::io {

// Returns `text` if it is valid UTF-8; else a copy in `buffer` in which each byte that is not part
// of a valid sequence has become the character of that number in Latin-1. The result lives as long
// as both arguments are unchanged.
std::string_view ValidUtf8(std::string_view text, std::string& buffer);

// As ValidUtf8, and characters that XML 1.0 forbids (most control characters, U+FFFE, U+FFFF) have
// become U+FFFD.
std::string_view ValidXml(std::string_view text, std::string& buffer);

// As ValidUtf8, and control characters, line ends included, have become "?": for formats of one
// line a host, and for terminals.
std::string_view OneLine(std::string_view text, std::string& buffer);

// "Sun Nov 22 22:41:52 2026": local time, independent of the locale.
std::string LocalTimeText(int64_t epoch_s);

// "2026-11-22 22:41 UTC": local time with the zone's name.
std::string StartTimeText(int64_t epoch_s);

}  // namespace osprey::io
