// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whole files, read and written safely.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace osprey::db {

// Far more than any database has; keeps a wrong path (a disk, a log) from filling the memory.
inline constexpr uint64_t kMaxTextBytes = uint64_t{256} << 20;

// What identifies one state of a file without reading it.
struct FileStamp {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t bytes = 0;
  int64_t mtime_ns = 0;
  int64_t ctime_ns = 0;  // cannot be set back
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};
absl::StatusOr<FileStamp> StampOf(const std::string& path);

// Whether a file can be read and starts with `prefix`.
bool FileStartsWith(const std::string& path, std::string_view prefix);

// Errors start with the path. `stamp`, if given, receives that of the file that was read.
absl::StatusOr<std::string> ReadTextFile(const std::string& path, FileStamp* stamp = nullptr);

// Writes a new file beside `path` (same folder, mode 0644) and renames it over `path`, so that
// readers see the old or the new one whole. Leaves nothing behind if it fails.
absl::Status ReplaceFile(const std::string& path, std::span<const std::byte> bytes);

}  // namespace osprey::db
