// SPDX-License-Identifier: Apache-2.0
#pragma once
// A journal in memory that forgets like a disk: Kill drops what was not synced, except for as many
// of its first bytes as the test says, so that lines can be torn anywhere. Counts its calls, and
// can be told to run full.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/journal_file.h"

namespace osprey::testing {

class MemoryJournal final : public engine::JournalFile {
 public:
  absl::Status Append(std::string_view bytes) override {
    if (!status_.ok()) return status_;
    if (text_.size() + bytes.size() > capacity_) {
      text_ += bytes.substr(0, capacity_ - text_.size());
      return status_ = absl::ResourceExhaustedError("memory: cannot write: full");
    }
    text_ += bytes;
    return absl::OkStatus();
  }
  absl::Status Sync() override {
    if (!status_.ok()) return status_;
    ++syncs_;
    durable_ = text_.size();
    return absl::OkStatus();
  }
  absl::Status Truncate(uint64_t length) override {
    text_.resize(length);
    durable_ = length;
    return absl::OkStatus();
  }
  absl::StatusOr<size_t> Read(uint64_t offset, std::span<char> out) override {
    const size_t count = offset < text_.size() ? std::min(out.size(), text_.size() - offset) : 0;
    if (count > 0) text_.copy(out.data(), count, offset);
    return count;
  }
  uint64_t length() const override { return text_.size(); }
  absl::Status SaveCheckpoint(std::string_view text) override {
    if (!checkpoint_status_.ok()) return checkpoint_status_;
    checkpoint_ = std::string(text);
    ++checkpoints_;
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> LoadCheckpoint() override {
    if (!checkpoint_) return absl::NotFoundError("memory: no checkpoint");
    return *checkpoint_;
  }
  absl::Status RemoveCheckpoint() override {
    checkpoint_.reset();
    return absl::OkStatus();
  }
  const std::string& name() const override { return name_; }

  // The machine stops and starts again: `survivors` bytes of what was not synced happen to be on
  // the disk. Errors are forgotten.
  void Kill(uint64_t survivors = 0) {
    text_.resize(std::min<uint64_t>(text_.size(), durable_ + survivors));
    durable_ = text_.size();
    status_ = absl::OkStatus();
  }
  // The disk holds no more than this from now on.
  void SetCapacity(uint64_t bytes) { capacity_ = bytes; }
  void FailCheckpoints(absl::Status status) { checkpoint_status_ = std::move(status); }

  const std::string& text() const { return text_; }
  uint64_t durable() const { return durable_; }
  int syncs() const { return syncs_; }
  int checkpoints() const { return checkpoints_; }

 private:
  std::string name_ = "memory";
  std::string text_;
  uint64_t durable_ = 0;
  uint64_t capacity_ = std::numeric_limits<uint64_t>::max();
  std::optional<std::string> checkpoint_;
  absl::Status status_;
  absl::Status checkpoint_status_;
  int syncs_ = 0;
  int checkpoints_ = 0;
};

}  // namespace osprey::testing
