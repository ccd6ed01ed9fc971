// SPDX-License-Identifier: Apache-2.0
#include "engine/journal_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace osprey::engine {
namespace {

absl::Status Errno(const std::string& path, const char* what) {
  return absl::ErrnoToStatus(errno, absl::StrCat(path, ": ", what));
}

absl::Status WriteAll(int fd, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      return Errno(path, "cannot write");
    }
  }
  return absl::OkStatus();
}

// A new name in a folder is durable only when the folder is.
absl::Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Errno(folder, "cannot open the folder");
  const absl::Cleanup closer = [fd] { close(fd); };
  // Some file systems cannot sync folders (EINVAL); there the rename is all there is.
  if (fsync(fd) != 0 && errno != EINVAL) return Errno(folder, "cannot sync the folder");
  return absl::OkStatus();
}

absl::Status WriteNewFile(const std::string& path, std::string_view text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return Errno(path, "cannot open for writing");
  const absl::Cleanup closer = [fd] { close(fd); };
  OSPREY_RETURN_IF_ERROR(WriteAll(fd, path, text));
  if (fsync(fd) != 0) return Errno(path, "cannot sync");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<PosixJournalFile>> PosixJournalFile::OpenLocked(
    const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | O_RDWR | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0644);
  if (fd < 0) return Errno(path, "cannot open");
  absl::Cleanup closer = [fd] { close(fd); };
  struct stat info {};
  if (fstat(fd, &info) != 0) return Errno(path, "cannot read its state");
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": not a regular file"));
  }
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Errno(path, "cannot lock");
    return absl::FailedPreconditionError(absl::StrCat(path, ": in use by another scan"));
  }
  std::move(closer).Cancel();
  return std::unique_ptr<PosixJournalFile>(
      new PosixJournalFile(fd, path, static_cast<uint64_t>(info.st_size)));
}

absl::StatusOr<std::unique_ptr<PosixJournalFile>> PosixJournalFile::Create(
    const std::string& path) {
  const std::string checkpoint = CheckpointPath(path);
  if (access(checkpoint.c_str(), F_OK) == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": holds an unfinished scan; continue it with --resume, or remove ",
                     checkpoint, " to start over"));
  }
  OSPREY_ASSIGN_OR_RETURN(auto file, OpenLocked(path, O_CREAT));
  OSPREY_RETURN_IF_ERROR(file->Truncate(0));
  OSPREY_RETURN_IF_ERROR(SyncFolderOf(path));
  return file;
}

absl::StatusOr<std::unique_ptr<PosixJournalFile>> PosixJournalFile::Open(const std::string& path) {
  return OpenLocked(path, 0);
}

PosixJournalFile::PosixJournalFile(int fd, std::string path, uint64_t length)
    : fd_(fd), path_(std::move(path)), length_(length) {
  buffer_.reserve(kBufferBytes);
}

PosixJournalFile::~PosixJournalFile() {
  (void)WriteOut();
  close(fd_);
}

absl::Status PosixJournalFile::Append(std::string_view bytes) {
  OSPREY_RETURN_IF_ERROR(status_);
  length_ += bytes.size();
  buffer_ += bytes;
  return buffer_.size() < kBufferBytes ? absl::OkStatus() : WriteOut();
}

absl::Status PosixJournalFile::WriteOut() {
  if (status_.ok()) status_ = WriteAll(fd_, path_, buffer_);
  buffer_.clear();
  return status_;
}

absl::Status PosixJournalFile::Sync() {
  OSPREY_RETURN_IF_ERROR(WriteOut());
  if (fdatasync(fd_) != 0) status_ = Errno(path_, "cannot sync");
  return status_;
}

absl::Status PosixJournalFile::Truncate(uint64_t length) {
  OSPREY_CHECK(length <= length_);
  OSPREY_RETURN_IF_ERROR(WriteOut());
  if (ftruncate(fd_, static_cast<off_t>(length)) != 0) return Errno(path_, "cannot cut");
  if (fsync(fd_) != 0) return Errno(path_, "cannot sync");
  length_ = length;
  return absl::OkStatus();
}

absl::StatusOr<size_t> PosixJournalFile::Read(uint64_t offset, std::span<char> out) {
  OSPREY_RETURN_IF_ERROR(WriteOut());
  while (true) {
    const ssize_t count = pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
    if (count >= 0) return static_cast<size_t>(count);
    if (errno != EINTR) return Errno(path_, "cannot read");
  }
}

absl::Status PosixJournalFile::SaveCheckpoint(std::string_view text) {
  const std::string path = CheckpointPath(path_);
  const std::string fresh = path + ".new";
  OSPREY_RETURN_IF_ERROR(WriteNewFile(fresh, text));
  if (rename(fresh.c_str(), path.c_str()) != 0) return Errno(path, "cannot replace");
  return SyncFolderOf(path);
}

absl::StatusOr<std::string> PosixJournalFile::LoadCheckpoint() {
  constexpr size_t kMaxBytes = size_t{1} << 20;
  const std::string path = CheckpointPath(path_);
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Errno(path, "cannot open");
  const absl::Cleanup closer = [fd] { close(fd); };
  std::string text(kMaxBytes, '\0');
  size_t used = 0;
  while (used < kMaxBytes) {
    const ssize_t count = read(fd, text.data() + used, kMaxBytes - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Errno(path, "cannot read");
    if (count == 0) break;
    used += static_cast<size_t>(count);
  }
  text.resize(used);
  return text;
}

absl::Status PosixJournalFile::RemoveCheckpoint() {
  const std::string path = CheckpointPath(path_);
  if (unlink(path.c_str()) == 0) return SyncFolderOf(path);
  return errno == ENOENT ? absl::OkStatus() : Errno(path, "cannot remove");
}

}  // namespace osprey::engine
