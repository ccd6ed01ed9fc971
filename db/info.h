// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a compiled database holds, in numbers.

#include <cstdint>
#include <string>

#include "db/image.h"

namespace osprey::db {

struct DatabaseInfo {
  uint64_t references = 0;
  uint64_t names = 0;  // distinct ones
  uint64_t classes = 0;
  uint64_t cpes = 0;
  uint64_t scored_attributes = 0;  // with points
  uint64_t points = 0;             // of all attributes
  uint64_t expressions = 0;        // of all references
  uint64_t distinct_expressions = 0;
  uint64_t lines = 0;
  uint64_t distinct_lines = 0;
  uint64_t reference_sets = 0;
  uint64_t blocks = 0;  // distinct ones
  uint64_t image_bytes = 0;
  uint64_t source_bytes = 0;
  std::string source_sha256;  // hex digits
  std::string version_notice;

  // A few lines for people.
  std::string Text() const;
};

DatabaseInfo InfoOf(const Image& image);

}  // namespace osprey::db
