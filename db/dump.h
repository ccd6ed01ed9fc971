// SPDX-License-Identifier: Apache-2.0
#pragma once
// Image -> text that compiles back to the same bytes.
//
// The text is plain nmap-os-db format, with what the compiler assumed written out. Empty comment
// lines keep every record at its line number, and a last comment, "# osprey-origin SHA256 BYTES",
// says what the image was compiled from, both being part of the image.

#include <string>

#include "db/image.h"

namespace osprey::db {

std::string Dump(const Image& image);

// "T1(R=Y%DF=N...)" of a reference, as in the dump. Empty if it has no such line.
std::string TestLineText(const Image& image, size_t reference, LineId line);

}  // namespace osprey::db
