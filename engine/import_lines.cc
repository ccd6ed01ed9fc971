// SPDX-License-Identifier: Apache-2.0
#include "engine/import_lines.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "base/status_macros.h"

namespace osprey {

absl::StatusOr<bool> ImportLines::Fill() {
  if (at_end_) return false;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(buffer_.size() * 2);
  OSPREY_ASSIGN_OR_RETURN(const size_t got, source_(buffer_.data() + end_, buffer_.size() - end_));
  end_ += got;
  at_end_ = got == 0;
  return got > 0;
}

absl::StatusOr<bool> ImportLines::Next(Line& out) {
  out = {.text = {}, .number = ++number_};
  size_t searched = 0;
  while (true) {
    const std::string_view held(buffer_.data() + begin_, end_ - begin_);
    const size_t end = held.find('\n', searched);
    if (end != std::string_view::npos) {
      begin_ += end + 1;
      if (out.too_long) return true;
      out.text = held.substr(0, end);
      break;
    }
    searched = held.size();
    if (searched > kMaxLineBytes) {  // its rest is thrown away piece by piece
      out.too_long = true;
      begin_ = end_;
      searched = 0;
    }
    OSPREY_ASSIGN_OR_RETURN(const bool more, Fill());
    if (more) continue;
    begin_ = end_;
    if (out.too_long) return true;
    if (searched == 0) return false;
    // Fill may have moved what was held.
    out.text = {buffer_.data() + end_ - searched, searched};
    break;
  }
  if (out.text.ends_with('\r')) out.text.remove_suffix(1);
  return true;
}

std::vector<std::string> SplitCsv(std::string_view row) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < row.size(); ++i) {
    const char c = row[i];
    if (c == '"' && quoted && i + 1 < row.size() && row[i + 1] == '"') {
      fields.back() += row[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

std::vector<std::string> SplitCsvHeader(std::string_view row) {
  std::vector<std::string> names = SplitCsv(row);
  for (std::string& name : names) absl::StripAsciiWhitespace(&name);
  return names;
}

}  // namespace osprey
