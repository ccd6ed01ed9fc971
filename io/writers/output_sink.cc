// SPDX-License-Identifier: Apache-2.0
#include "io/writers/output_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "absl/strings/str_cat.h"

namespace osprey::io {
namespace {

// A descriptor shared with a terminal or a pipe may have been made non-blocking by somebody else.
void WaitWritable(int fd) {
  pollfd entry{.fd = fd, .events = POLLOUT, .revents = 0};
  (void)poll(&entry, 1, -1);
}

}  // namespace

absl::StatusOr<std::unique_ptr<FdSink>> FdSink::Open(const std::string& path) {
  if (path == "-") return std::make_unique<FdSink>(STDOUT_FILENO, false, "standard output");
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot open for writing"));
  return std::make_unique<FdSink>(fd, true, path);
}

FdSink::FdSink(int fd, bool owned, std::string name)
    : fd_(fd), owned_(owned), name_(std::move(name)) {
  buffer_.reserve(kBufferBytes);
}

FdSink::~FdSink() {
  (void)Flush();
  if (owned_) close(fd_);
}

absl::Status FdSink::Write(std::string_view bytes) {
  if (!status_.ok()) return status_;
  if (buffer_.size() + bytes.size() > kBufferBytes) {
    if (absl::Status flushed = Flush(); !flushed.ok()) return flushed;
    if (bytes.size() > kBufferBytes) return Drain(bytes);
  }
  buffer_ += bytes;
  return absl::OkStatus();
}

absl::Status FdSink::Flush() {
  if (!status_.ok() || buffer_.empty()) return status_;
  (void)Drain(buffer_);
  buffer_.clear();
  return status_;
}

absl::Status FdSink::Drain(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd_, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN) {
      WaitWritable(fd_);
    } else if (errno != EINTR) {
      status_ = absl::ErrnoToStatus(errno, absl::StrCat(name_, ": cannot write"));
      return status_;
    }
  }
  return absl::OkStatus();
}

void IgnoreBrokenPipes() { std::signal(SIGPIPE, SIG_IGN); }

}  // namespace osprey::io
