// SPDX-License-Identifier: Apache-2.0
#pragma once
// A stream of subject fingerprints from a file or standard input. What they are in is recognised:
//
//   lines     one subject a line: "SEQ(...)OPS(...)...". Blank lines and '#' comments are skipped.
//   blocks    Nmap's wrapped rows ("OS:SCAN(V=...") as printed or pasted, each block one subject.
//   output    Nmap's or Osprey's normal output: the blocks in it; also unwrapped ones, which follow
//             "TCP/IP fingerprint:" and go to the next blank line. All other lines are skipped.
//   XML       Nmap's or Osprey's: each osfingerprint element. Streamed.
//   NDJSON    Osprey's records: the stored measurement, with the rules of today, or else the
//             stored fingerprint.
//
// In `lines`, a line that holds a SCAN group alone starts an unwrapped subject that goes on over
// all following lines with one group each. Memory does not grow with the input. One owner, one
// thread; Parse may be called from any thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "db/subject.h"
#include "tools/osprey/line_source.h"

namespace osprey::tools {

// One subject as found, not parsed yet.
struct SubjectText {
  enum class Form : uint8_t {
    kGroups,  // groups, joined or one a row
    kRecord,  // a line of NDJSON
    kBroken,  // the input is broken here: `text` is the message
  };
  Form form = Form::kGroups;
  std::string text;
  std::string file;
  // Where each row of `text` came from: rows are joined without newlines.
  struct Row {
    size_t offset = 0;    // of its first byte in `text`
    uint64_t line = 0;    // in the file
    uint64_t column = 0;  // of that byte, from 1; 0 if the file has no such place (XML)
  };
  std::vector<Row> rows;

  void Clear();
  void AddRow(std::string_view row, uint64_t line, uint64_t column);
  // "FILE:LINE:COLUMN" of a byte of `text`.
  std::string Place(size_t offset) const;
};

// What a subject is, once read.
struct ParsedSubject {
  db::Subject subject;
  std::string address;   // of NDJSON records; else empty
  bool measured = true;  // false: a record of a host that was never measured; no fingerprint
};

// Reads the groups or the record. The error starts with its place: "FILE:LINE:COLUMN: ...".
absl::Status Parse(const SubjectText& text, ParsedSubject& out);

class SubjectReader {
 public:
  static absl::StatusOr<std::unique_ptr<SubjectReader>> Open(const std::string& path);
  virtual ~SubjectReader() = default;

  // False at the end. An error ends the stream; what is wrong with a single subject does not.
  virtual absl::StatusOr<bool> Next(SubjectText& out) = 0;
  // Whether there is more to read now. False: Next would wait for somebody who is still writing.
  virtual bool Ready() = 0;
};

}  // namespace osprey::tools
