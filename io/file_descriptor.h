// SPDX-License-Identifier: Apache-2.0
#pragma once
// Owns one file descriptor and closes it. Movable, one owner, not synchronised.

#include <unistd.h>

#include <utility>

namespace osprey::io {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  // Takes `fd` over; negative means none.
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

}  // namespace osprey::io
