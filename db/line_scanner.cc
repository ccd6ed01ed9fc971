// SPDX-License-Identifier: Apache-2.0
#include "db/line_scanner.h"

#include <utility>

#include "absl/strings/str_format.h"

namespace osprey::db {
namespace {

constexpr size_t kMaxNameLength = 5;

constexpr bool IsNameCharacter(char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

constexpr bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

size_t NameLength(std::string_view text) {
  size_t n = 0;
  while (n < text.size() && n <= kMaxNameLength && IsNameCharacter(text[n])) ++n;
  return n;
}

}  // namespace

std::string Quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, 40)) {
    const bool plain = c >= ' ' && c <= '~';
    out += plain ? std::string(1, c) : absl::StrFormat("\\x%02x", static_cast<uint8_t>(c));
  }
  out += text.size() > 40 ? "...\"" : "\"";
  return out;
}

bool LineScanner::Fail(size_t column, std::string message) {
  failed_ = true;
  error_ = {column, std::move(message)};
  return false;
}

bool LineScanner::NextGroup() {
  if (failed_) return false;
  while (position_ < text_.size() && IsBlank(text_[position_])) ++position_;
  if (position_ >= text_.size()) return false;
  const std::string_view rest = text_.substr(position_);
  const size_t n = NameLength(rest);
  if (n == 0 || n > kMaxNameLength || n >= rest.size() || rest[n] != '(') {
    return Fail(position_, "expected a test such as SEQ(...), found " + Quote(rest));
  }
  group_name_ = rest.substr(0, n);
  position_ += n + 1;
  close_ = text_.find(')', position_);
  if (close_ == std::string_view::npos) {
    return Fail(position_ - 1, absl::StrFormat("%s( is not closed", group_name_));
  }
  return true;
}

bool LineScanner::NextPair() {
  if (failed_) return false;
  if (position_ >= close_) {
    position_ = close_ + 1;
    return false;
  }
  const std::string_view rest = text_.substr(position_, close_ - position_);
  const size_t n = NameLength(rest);
  if (n == 0 || n > kMaxNameLength) {
    return Fail(position_, "expected the name of an attribute, found " + Quote(rest));
  }
  if (n == rest.size() || rest[n] != '=') {
    return Fail(position_ + n, absl::StrFormat("expected \"=\" behind %s", rest.substr(0, n)));
  }
  pair_name_ = rest.substr(0, n);
  size_t end = rest.find('%', n + 1);
  if (end == std::string_view::npos) end = rest.size();
  pair_value_ = rest.substr(n + 1, end - n - 1);
  position_ += end;
  if (position_ < close_) {
    ++position_;
    if (position_ == close_) return Fail(close_ - 1, "nothing behind the last \"%\"");
  }
  return true;
}

}  // namespace osprey::db
