// SPDX-License-Identifier: Apache-2.0
#pragma once
// The lines of a byte source, in memory bounded by the longest line that is accepted, and their
// fields. Internal to the import. Belongs to one thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/token_reader.h"

namespace osprey {

class ImportLines {
 public:
  // A host with all its 65,535 ports in one line of grepable output has about 2 MiB.
  static constexpr size_t kMaxLineBytes = size_t{4} << 20;

  // `source` outlives this.
  explicit ImportLines(const ByteSource& source) : source_(source) {}

  struct Line {
    std::string_view text;  // without its end, "\n" or "\r\n"; valid until the next call
    uint64_t number = 0;    // from 1
    bool too_long = false;  // more than kMaxLineBytes: `text` is empty
  };
  // False at the end. Fails if the source does.
  absl::StatusOr<bool> Next(Line& out);

 private:
  // Reads more behind what is held; false at the end.
  absl::StatusOr<bool> Fill();

  const ByteSource& source_;
  std::vector<char> buffer_ = std::vector<char>(size_t{1} << 16);
  size_t begin_ = 0;  // what is held lies in [begin_, end_)
  size_t end_ = 0;
  bool at_end_ = false;
  uint64_t number_ = 0;
};

// Fields of a CSV row (RFC 4180); quotes around a field are taken off, and doubled ones inside it
// are one. A quoted field does not go on in the next line: no scanner writes that.
std::vector<std::string> SplitCsv(std::string_view row);
// The same for the names in the first row, without white space around them.
std::vector<std::string> SplitCsvHeader(std::string_view row);

}  // namespace osprey
