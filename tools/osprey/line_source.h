// SPDX-License-Identifier: Apache-2.0
#pragma once
// The lines of a file or of standard input, one at a time, in bounded memory. One owner, one
// thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace osprey::tools {

class LineSource {
 public:
  static constexpr size_t kMaxLineBytes = size_t{1} << 20;

  // "-" is standard input. The error names the file.
  static absl::StatusOr<LineSource> Open(const std::string& path);
  LineSource(LineSource&& other) noexcept;
  LineSource& operator=(LineSource&&) = delete;
  ~LineSource();

  struct Line {
    std::string_view text;  // without its end ("\n" or "\r\n"); valid until the next call
    uint64_t number = 0;    // from 1
    bool too_long = false;  // longer than kMaxLineBytes; `text` is its beginning
  };
  // False at the end. The last line need not end with a newline.
  absl::StatusOr<bool> Next(Line& out);

  // Up to `max` bytes from the start of what was not handed out yet, without taking them: to guess
  // the format. Fewer at the end of the file.
  absl::StatusOr<std::string_view> Peek(size_t max);

  // Takes up to `max` bytes, for readers that do not go by lines; 0 at the end.
  absl::StatusOr<size_t> Read(char* out, size_t max);

  // Whether bytes are there without waiting; true at the end too.
  bool Ready() const;

  const std::string& name() const { return name_; }

 private:
  LineSource(int fd, bool owned, std::string name);
  // Reads more behind what is held. False at the end of the file.
  absl::StatusOr<bool> Fill();
  absl::StatusOr<bool> SkipLongLine();
  std::string_view held() const { return {buffer_.data() + begin_, end_ - begin_}; }

  int fd_;
  bool owned_;
  bool at_end_ = false;
  std::string name_;
  std::vector<char> buffer_;
  size_t begin_ = 0;  // what is held lies in [begin_, end_)
  size_t end_ = 0;
  uint64_t number_ = 0;
  std::string long_line_;
};

}  // namespace osprey::tools
