// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where a writer's bytes go: a file, a pipe, the terminal, or memory. One owner, one thread.
//
// Bytes are collected and written in large pieces; Flush hands everything to the kernel. After an
// error every later call returns the same error and writes nothing, so that an output never
// continues behind a hole. Messages are one line and name the output:
// "results.xml: cannot write: No space left on device".
//
// A closed pipe is an error like any other (EPIPE), provided the program ignores SIGPIPE: call
// IgnoreBrokenPipes() once at start.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace osprey::io {

class OutputSink {
 public:
  virtual ~OutputSink() = default;

  // Queues bytes; may write earlier ones. May block on a slow reader of a pipe.
  [[nodiscard]] virtual absl::Status Write(std::string_view bytes) = 0;
  // Hands all queued bytes to the kernel. Says nothing about the disk.
  [[nodiscard]] virtual absl::Status Flush() = 0;
  // What messages call this output.
  virtual const std::string& name() const = 0;
};

// A file descriptor with a buffer. The destructor flushes and drops errors: call Flush.
class FdSink final : public OutputSink {
 public:
  // Creates or empties `path`; "-" is standard output. The error names the path.
  static absl::StatusOr<std::unique_ptr<FdSink>> Open(const std::string& path);
  // Takes `fd` over if `owned`.
  FdSink(int fd, bool owned, std::string name);
  ~FdSink() override;
  FdSink(const FdSink&) = delete;
  FdSink& operator=(const FdSink&) = delete;

  [[nodiscard]] absl::Status Write(std::string_view bytes) override;
  [[nodiscard]] absl::Status Flush() override;
  const std::string& name() const override { return name_; }

 private:
  static constexpr size_t kBufferBytes = size_t{256} << 10;

  absl::Status Drain(std::string_view bytes);

  int fd_;
  bool owned_;
  std::string name_;
  std::string buffer_;
  absl::Status status_;
};

// Keeps everything; never fails.
class MemorySink final : public OutputSink {
 public:
  [[nodiscard]] absl::Status Write(std::string_view bytes) override {
    text_ += bytes;
    return absl::OkStatus();
  }
  [[nodiscard]] absl::Status Flush() override { return absl::OkStatus(); }
  const std::string& name() const override { return name_; }
  const std::string& text() const { return text_; }
  void Clear() { text_.clear(); }

 private:
  std::string name_ = "memory";
  std::string text_;
};

// Makes writes to a closed pipe fail with EPIPE instead of ending the process.
void IgnoreBrokenPipes();

}  // namespace osprey::io
