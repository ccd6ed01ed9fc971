// SPDX-License-Identifier: Apache-2.0
#include "engine/token_reader.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace osprey {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 18;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

absl::Status At(std::string_view name, uint64_t line, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrFormat("%s:%d: %s", name, line, std::string(status.message())));
}

// Splits a stream of chunks; a word cut by the end of a chunk is kept in partial_.
class Splitter {
 public:
  Splitter(std::string_view name, const TokenSink& sink) : name_(name), sink_(sink) {}

  absl::Status Feed(std::string_view chunk) {
    size_t at = 0;
    while (at < chunk.size()) {
      if (in_comment_) {
        at = chunk.find('\n', at);
        if (at == std::string_view::npos) return absl::OkStatus();
        in_comment_ = false;
      }
      size_t end = at;
      while (end < chunk.size() && !IsBlank(chunk[end]) && chunk[end] != '#') ++end;
      OSPREY_RETURN_IF_ERROR(Append(chunk.substr(at, end - at)));
      if (end == chunk.size()) return absl::OkStatus();
      OSPREY_RETURN_IF_ERROR(Flush());
      in_comment_ = chunk[end] == '#';
      if (chunk[end] == '\n') ++line_;
      at = end + 1;
    }
    return absl::OkStatus();
  }

  // Ends the word that is being read, if any.
  absl::Status Flush() {
    if (partial_.empty()) return absl::OkStatus();
    const absl::Status status = sink_(partial_);
    partial_.clear();
    return status.ok() ? status : At(name_, line_, status);
  }

  uint64_t line() const { return line_; }

 private:
  absl::Status Append(std::string_view part) {
    if (partial_.size() + part.size() > kMaxTokenBytes) {
      return At(name_, line_,
                absl::InvalidArgumentError(absl::StrFormat(
                    "entry of more than %d bytes; is this a list of targets?", kMaxTokenBytes)));
    }
    partial_.append(part);
    return absl::OkStatus();
  }

  std::string_view name_;
  const TokenSink& sink_;
  std::string partial_;
  uint64_t line_ = 1;
  bool in_comment_ = false;
};

absl::Status FileError(const std::string& path, const char* verb, int error) {
  const std::string message = absl::StrFormat("%s: cannot %s: %s", path, verb, strerror(error));
  if (error == ENOENT) return absl::NotFoundError(message);
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(message);
  return absl::UnavailableError(message);
}

}  // namespace

absl::Status ReadTokens(const ByteSource& source, std::string_view name, const TokenSink& sink) {
  std::vector<char> buffer(kBufferBytes);
  Splitter splitter(name, sink);
  for (bool at_start = true;; at_start = false) {
    const absl::StatusOr<size_t> size = source(buffer.data(), buffer.size());
    if (!size.ok()) return size.status();
    if (*size == 0) return splitter.Flush();
    std::string_view chunk(buffer.data(), *size);
    if (at_start && chunk.starts_with(kByteOrderMark)) chunk.remove_prefix(kByteOrderMark.size());
    OSPREY_RETURN_IF_ERROR(splitter.Feed(chunk));
  }
}

std::string ByteSourceName(const std::string& path) { return path == "-" ? "stdin" : path; }

absl::StatusOr<ByteSource> OpenByteSource(const std::string& path) {
  const auto close = [](std::FILE* file) {
    if (file != nullptr && file != stdin) std::fclose(file);
  };
  // Shared, because a ByteSource can be copied.
  const std::shared_ptr<std::FILE> file(path == "-" ? stdin : std::fopen(path.c_str(), "rbe"),
                                        close);
  if (file == nullptr) return FileError(path, "open", errno);
  return [file, name = ByteSourceName(path)](char* buffer, size_t size) -> absl::StatusOr<size_t> {
    const size_t got = std::fread(buffer, 1, size, file.get());
    if (got == 0 && std::ferror(file.get()) != 0) return FileError(name, "read", errno);
    return got;
  };
}

absl::Status ReadTokensFromFile(const std::string& path, const TokenSink& sink) {
  OSPREY_ASSIGN_OR_RETURN(const ByteSource source, OpenByteSource(path));
  return ReadTokens(source, ByteSourceName(path), sink);
}

}  // namespace osprey
