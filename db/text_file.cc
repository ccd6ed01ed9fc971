// SPDX-License-Identifier: Apache-2.0
#include "db/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_format.h"

namespace osprey::db {
namespace {

int64_t Nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

FileStamp Stamp(const struct stat& status) {
  return {static_cast<uint64_t>(status.st_dev), static_cast<uint64_t>(status.st_ino),
          static_cast<uint64_t>(status.st_size), Nanoseconds(status.st_mtim),
          Nanoseconds(status.st_ctim)};
}

absl::Status WriteAll(int fd, std::span<const std::byte> bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::ErrnoToStatus(errno, path);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<FileStamp> StampOf(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return absl::ErrnoToStatus(errno, path);
  return Stamp(status);
}

bool FileStartsWith(const std::string& path, std::string_view prefix) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return false;
  std::string start(prefix.size(), '\0');
  const ssize_t n = ::pread(fd, start.data(), start.size(), 0);
  ::close(fd);
  return n == static_cast<ssize_t>(prefix.size()) && start == prefix;
}

absl::StatusOr<std::string> ReadTextFile(const std::string& path, FileStamp* stamp) {
  // Not blocking: a FIFO must not hang the program before it is refused.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return absl::ErrnoToStatus(errno, path);
  const auto close_fd = absl::MakeCleanup([fd] { ::close(fd); });
  struct stat status {};
  if (::fstat(fd, &status) != 0) return absl::ErrnoToStatus(errno, path);
  if (!S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(absl::StrFormat("%s: not a regular file", path));
  }
  if (static_cast<uint64_t>(status.st_size) > kMaxTextBytes) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: %d bytes are more than a database has (at most %d)", path,
                        status.st_size, kMaxTextBytes));
  }
  if (stamp != nullptr) *stamp = Stamp(status);
  std::string text(static_cast<size_t>(status.st_size), '\0');
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::read(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::ErrnoToStatus(errno, path);
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  text.resize(done);
  return text;
}

absl::Status ReplaceFile(const std::string& path, std::span<const std::byte> bytes) {
  std::string temporary = path + ".XXXXXX";
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, path);
  absl::Status written = WriteAll(fd, bytes, path);
  if (written.ok() && (::fchmod(fd, 0644) != 0 || ::fsync(fd) != 0)) {
    written = absl::ErrnoToStatus(errno, path);
  }
  if (::close(fd) != 0 && written.ok()) written = absl::ErrnoToStatus(errno, path);
  if (written.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    written = absl::ErrnoToStatus(errno, path);
  }
  if (!written.ok()) ::unlink(temporary.c_str());
  return written;
}

}  // namespace osprey::db
