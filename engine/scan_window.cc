// SPDX-License-Identifier: Apache-2.0
#include "engine/scan_window.h"

#include <algorithm>
#include <ctime>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace osprey {
namespace {

// "6:00", "06:00", "24:00".
absl::StatusOr<uint32_t> ParseTime(std::string_view text) {
  const auto digit = [&](size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  const size_t colon = text.find(':');
  const bool shaped = (colon == 1 || colon == 2) && text.size() == colon + 3 && digit(0) &&
                      digit(colon - 1) && digit(colon + 1) && digit(colon + 2);
  if (shaped) {
    const auto value = [&](size_t i) { return static_cast<uint32_t>(text[i] - '0'); };
    const uint32_t hours = colon == 1 ? value(0) : value(0) * 10 + value(1);
    const uint32_t minutes = value(colon + 1) * 10 + value(colon + 2);
    const uint32_t seconds = (hours * 60 + minutes) * 60;
    if (minutes < 60 && seconds <= ScanWindow::kSecondsOfDay) return seconds;
  }
  return absl::InvalidArgumentError(
      absl::StrFormat("\"%s\" is no time of day such as 06:00", text));
}

}  // namespace

absl::StatusOr<ScanWindow::Span> ScanWindow::ParseSpan(std::string_view text) {
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrFormat("\"%s\" is no time span such as 22:00-06:00", text));
  }
  Span span;
  OSPREY_ASSIGN_OR_RETURN(span.first, ParseTime(text.substr(0, dash)));
  OSPREY_ASSIGN_OR_RETURN(span.last, ParseTime(text.substr(dash + 1)));
  span.first %= kSecondsOfDay;
  if (span.first == span.last) {
    return absl::InvalidArgumentError(
        absl::StrFormat("\"%s\" is empty; for the whole day leave the option out", text));
  }
  return span;
}

absl::StatusOr<ScanWindow> ScanWindow::Parse(std::string_view text) {
  ScanWindow window;
  while (true) {
    const size_t comma = text.find(',');
    OSPREY_ASSIGN_OR_RETURN(const Span span, ParseSpan(text.substr(0, comma)));
    window.spans_.push_back(span);
    if (comma == std::string_view::npos) return window;
    text.remove_prefix(comma + 1);
  }
}

bool ScanWindow::IsOpen(uint32_t second) const {
  const auto holds = [second](const Span& span) {
    return span.first < span.last ? second >= span.first && second < span.last
                                  : second >= span.first || second < span.last;
  };
  return spans_.empty() || std::any_of(spans_.begin(), spans_.end(), holds);
}

uint32_t ScanWindow::UntilChange(uint32_t second) const {
  const bool open = IsOpen(second);
  uint32_t soonest = 0;
  for (const Span& span : spans_) {
    for (const uint32_t border : {span.first, span.last % kSecondsOfDay}) {
      if (IsOpen(border) == open) continue;  // inside another span, or of the same kind
      const uint32_t wait = (border + kSecondsOfDay - second) % kSecondsOfDay;
      if (wait > 0 && (soonest == 0 || wait < soonest)) soonest = wait;
    }
  }
  return soonest;
}

uint32_t LocalSecondOfDay(int64_t epoch_s) {
  const auto time = static_cast<std::time_t>(epoch_s);
  std::tm local = {};
  localtime_r(&time, &local);
  // A leap second counts with the one before it.
  const int second = (local.tm_hour * 60 + local.tm_min) * 60 + std::min(local.tm_sec, 59);
  return static_cast<uint32_t>(second);
}

}  // namespace osprey
