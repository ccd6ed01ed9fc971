// SPDX-License-Identifier: Apache-2.0
#pragma once
// Opens the database that a program is to use, from whatever there is: a compiled image, a text
// (compiled, or taken from the cache), or the built-in one.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "db/cache.h"
#include "db/image.h"
#include "db/locate.h"
#include "db/reference_text.h"

namespace osprey::db {

struct OpenOptions {
  std::string path = {};  // text or image; empty: as Locate finds it
  bool use_cache = true;
  std::string cache_folder = {};  // empty: DefaultCacheFolder()
};

enum class OpenedFrom : uint8_t { kText, kImage, kCache };

struct Database {
  Image image;
  SourceKind kind;
  OpenedFrom from;
  std::string source;  // path, or kBuiltinName
  int64_t time_s = 0;  // when that file was last changed, Unix time; 0: built in
  // What was left out of a text. Texts with errors are not cached, so that each run can say so.
  std::vector<Diagnostic> diagnostics;
};

// Errors are one line and name the file, with line and column where there is one.
absl::StatusOr<Database> OpenDatabase(const OpenOptions& options = {});

}  // namespace osprey::db
