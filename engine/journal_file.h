// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a journal is stored in: bytes that grow at their end and can be made durable, and beside
// them one small checkpoint that is replaced as a whole. The posix form is two files, `path` and
// `path.checkpoint`; tests have an in-memory twin that forgets what was not synced
// (tests/testing/memory_journal.h).
//
// One owner, one thread. After an error in Append or Sync every later call of those two returns the
// same error: a journal never continues behind a hole. Messages are one line and name the file.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace osprey::engine {

class JournalFile {
 public:
  virtual ~JournalFile() = default;

  // Queues bytes behind all earlier ones. They may be lost by a kill until Sync returns.
  [[nodiscard]] virtual absl::Status Append(std::string_view bytes) = 0;
  // Returns when all appended bytes are on stable storage. Blocks for the disk.
  [[nodiscard]] virtual absl::Status Sync() = 0;
  // Drops everything from `length` on, durably. REQUIRES: length <= this->length().
  [[nodiscard]] virtual absl::Status Truncate(uint64_t length) = 0;
  // Reads from `offset` what fits into `out`; returns how many bytes, 0 at the end.
  virtual absl::StatusOr<size_t> Read(uint64_t offset, std::span<char> out) = 0;
  // Bytes appended so far, durable or not.
  virtual uint64_t length() const = 0;

  // Replaces the checkpoint: after a kill at any moment either the old or the new one is there,
  // whole. Durable when it returns.
  [[nodiscard]] virtual absl::Status SaveCheckpoint(std::string_view text) = 0;
  // NotFound if there is none.
  virtual absl::StatusOr<std::string> LoadCheckpoint() = 0;
  // Removes it; no error if there is none.
  [[nodiscard]] virtual absl::Status RemoveCheckpoint() = 0;

  // What messages call it.
  virtual const std::string& name() const = 0;
};

// A regular file, locked against other processes for as long as the object lives.
class PosixJournalFile final : public JournalFile {
 public:
  // Makes `path` new and empty. FailedPrecondition if a checkpoint lies beside it: an unfinished
  // scan would be lost. InvalidArgument if `path` is something else than a regular file (a pipe,
  // a device): such an output cannot be a journal.
  static absl::StatusOr<std::unique_ptr<PosixJournalFile>> Create(const std::string& path);
  // Opens what is there, to read or to continue. NotFound if there is no such file.
  static absl::StatusOr<std::unique_ptr<PosixJournalFile>> Open(const std::string& path);
  static std::string CheckpointPath(const std::string& path) { return path + ".checkpoint"; }

  // Hands queued bytes to the kernel and drops errors: call Sync.
  ~PosixJournalFile() override;
  PosixJournalFile(const PosixJournalFile&) = delete;
  PosixJournalFile& operator=(const PosixJournalFile&) = delete;

  [[nodiscard]] absl::Status Append(std::string_view bytes) override;
  [[nodiscard]] absl::Status Sync() override;
  [[nodiscard]] absl::Status Truncate(uint64_t length) override;
  absl::StatusOr<size_t> Read(uint64_t offset, std::span<char> out) override;
  uint64_t length() const override { return length_; }
  [[nodiscard]] absl::Status SaveCheckpoint(std::string_view text) override;
  absl::StatusOr<std::string> LoadCheckpoint() override;
  [[nodiscard]] absl::Status RemoveCheckpoint() override;
  const std::string& name() const override { return path_; }

 private:
  static constexpr size_t kBufferBytes = size_t{256} << 10;

  PosixJournalFile(int fd, std::string path, uint64_t length);
  static absl::StatusOr<std::unique_ptr<PosixJournalFile>> OpenLocked(const std::string& path,
                                                                      int flags);
  absl::Status WriteOut();

  int fd_;
  std::string path_;
  uint64_t length_;  // buffer included
  std::string buffer_;
  absl::Status status_;
};

}  // namespace osprey::engine
