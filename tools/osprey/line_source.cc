// SPDX-License-Identifier: Apache-2.0
#include "tools/osprey/line_source.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace osprey::tools {
namespace {

// Room for the longest line and a piece of what follows.
constexpr size_t kBufferBytes = 2 * LineSource::kMaxLineBytes;

std::string_view WithoutReturn(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace

absl::StatusOr<LineSource> LineSource::Open(const std::string& path) {
  if (path == "-") return LineSource(STDIN_FILENO, false, "standard input");
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot open"));
  struct stat info {};
  if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
    close(fd);
    return absl::InvalidArgumentError(absl::StrCat(path, ": is a folder"));
  }
  return LineSource(fd, true, path);
}

LineSource::LineSource(int fd, bool owned, std::string name)
    : fd_(fd), owned_(owned), name_(std::move(name)), buffer_(kBufferBytes) {}

LineSource::LineSource(LineSource&& other) noexcept
    : fd_(other.fd_),
      owned_(std::exchange(other.owned_, false)),
      at_end_(other.at_end_),
      name_(std::move(other.name_)),
      buffer_(std::move(other.buffer_)),
      begin_(other.begin_),
      end_(other.end_),
      number_(other.number_) {}

LineSource::~LineSource() {
  if (owned_) close(fd_);
}

absl::StatusOr<bool> LineSource::Fill() {
  if (at_end_) return false;
  if (end_ == buffer_.size() && begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  while (true) {
    const ssize_t count = read(fd_, buffer_.data() + end_, buffer_.size() - end_);
    if (count > 0) return end_ += static_cast<size_t>(count), true;
    if (count == 0) return at_end_ = true, false;
    if (errno != EINTR) return absl::ErrnoToStatus(errno, absl::StrCat(name_, ": cannot read"));
  }
}

absl::StatusOr<bool> LineSource::Next(Line& out) {
  size_t searched = 0;
  while (true) {
    const std::string_view bytes = held();
    const size_t end = bytes.find('\n', searched);
    if (end != std::string_view::npos) {
      begin_ += end + 1;
      out = {.text = WithoutReturn(bytes.substr(0, end)), .number = ++number_};
      return true;
    }
    searched = bytes.size();
    if (searched > kMaxLineBytes) {
      OSPREY_RETURN_IF_ERROR(SkipLongLine().status());
      out = {.text = long_line_, .number = ++number_, .too_long = true};
      return true;
    }
    OSPREY_ASSIGN_OR_RETURN(const bool more, Fill());
    if (more) continue;
    if (searched == 0) return false;
    begin_ = end_;
    out = {.text = WithoutReturn(bytes), .number = ++number_};
    return true;
  }
}

// Drops everything up to the next newline; keeps the beginning for messages.
absl::StatusOr<bool> LineSource::SkipLongLine() {
  long_line_ = std::string(held().substr(0, 80));
  while (true) {
    const size_t end = held().find('\n');
    if (end != std::string_view::npos) {
      begin_ += end + 1;
      return true;
    }
    begin_ = end_ = 0;
    OSPREY_ASSIGN_OR_RETURN(const bool more, Fill());
    if (!more) return false;
  }
}

absl::StatusOr<std::string_view> LineSource::Peek(size_t max) {
  while (held().size() < max) {
    OSPREY_ASSIGN_OR_RETURN(const bool more, Fill());
    if (!more) break;
  }
  return held().substr(0, max);
}

bool LineSource::Ready() const {
  if (!held().empty() || at_end_) return true;
  pollfd entry{.fd = fd_, .events = POLLIN, .revents = 0};
  return poll(&entry, 1, 0) != 0;
}

absl::StatusOr<size_t> LineSource::Read(char* out, size_t max) {
  if (held().empty()) {
    begin_ = end_ = 0;
    OSPREY_RETURN_IF_ERROR(Fill().status());
  }
  const size_t count = std::min(max, held().size());
  std::memcpy(out, buffer_.data() + begin_, count);
  begin_ += count;
  return count;
}

}  // namespace osprey::tools
