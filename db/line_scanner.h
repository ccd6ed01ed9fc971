// SPDX-License-Identifier: Apache-2.0
#pragma once
// The shape that references, match points and subjects share: NAME(ATTR=value%ATTR=value...).
// Splits one such group and says where each part stands. Nothing allocates except messages.

#include <cstddef>
#include <string>
#include <string_view>

#include "db/attributes.h"

namespace osprey::db {

// A message with its place: `column` counts bytes from 0 in the scanned text.
struct ScanError {
  size_t column = 0;
  std::string message;
};

// Reads the groups of `text` one after the other. Use:
//   LineScanner scanner(text);
//   while (scanner.NextGroup()) {
//     ... scanner.group_name() ...
//     while (scanner.NextPair()) ... scanner.pair_name(), scanner.pair_value() ...
//     if (scanner.failed()) return scanner.error();
//   }
//   if (scanner.failed()) ...
class LineScanner {
 public:
  explicit LineScanner(std::string_view text, size_t position = 0)
      : text_(text), position_(position) {}

  // Skips blanks and line ends, then reads `NAME(`. False at the end of the text or on an error.
  bool NextGroup();
  // Reads the next `ATTR=value`. False behind the last one, whose `)` is then consumed, or on an
  // error.
  bool NextPair();

  std::string_view group_name() const { return group_name_; }
  std::string_view pair_name() const { return pair_name_; }
  std::string_view pair_value() const { return pair_value_; }
  size_t group_column() const { return Column(group_name_); }
  size_t pair_column() const { return Column(pair_name_); }
  size_t value_column() const { return Column(pair_value_); }
  // Behind the last thing read.
  size_t position() const { return position_; }

  bool failed() const { return failed_; }
  const ScanError& error() const { return error_; }
  // Also for errors that the caller finds. Always false.
  bool Fail(size_t column, std::string message);

 private:
  size_t Column(std::string_view part) const {
    return static_cast<size_t>(part.data() - text_.data());
  }

  std::string_view text_;
  size_t position_;
  size_t close_ = 0;  // of the current group's ')'
  std::string_view group_name_;
  std::string_view pair_name_;
  std::string_view pair_value_;
  bool failed_ = false;
  ScanError error_;
};

// What a person should see of foreign text: printable, at most 40 characters, in quotes.
std::string Quote(std::string_view text);

}  // namespace osprey::db
