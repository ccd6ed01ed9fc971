// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads lists of targets: words separated by blanks, tabs and line ends, '#' starts a comment up to
// the end of its line. Streams: lines and files of any length need one buffer; only a single word
// is bounded.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace osprey {

inline constexpr size_t kMaxTokenBytes = 1024;

// Fills up to `size` bytes of `buffer` and returns how many; 0 is the end.
using ByteSource = std::function<absl::StatusOr<size_t>(char* buffer, size_t size)>;

// A file, or stdin if `path` is "-". NotFound, PermissionDenied or Unavailable if it cannot be
// opened; a source that cannot be read says so when called. Errors name the file.
absl::StatusOr<ByteSource> OpenByteSource(const std::string& path);
// What messages call the file at `path`.
std::string ByteSourceName(const std::string& path);

// Called for each word; valid during the call.
using TokenSink = std::function<absl::Status(std::string_view token)>;

// Hands every word of `source` to `sink`, until one fails. An error comes back with "NAME:LINE: "
// in front: InvalidArgument for a word of more than kMaxTokenBytes, else what source or sink said.
// A byte order mark at the start is skipped.
absl::Status ReadTokens(const ByteSource& source, std::string_view name, const TokenSink& sink);

// The same from a file (OpenByteSource).
absl::Status ReadTokensFromFile(const std::string& path, const TokenSink& sink);

}  // namespace osprey
