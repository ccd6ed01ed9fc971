// SPDX-License-Identifier: Apache-2.0
#pragma once
// Times of day at which a scan may start hosts (--window 22:00-06:00). Outside, discovery and new
// hosts wait; hosts in flight are finished.
//
// A value; any thread. Local time, as the person at the machine reads it; seconds are counted from
// midnight by the clock on the wall, so a change to or from summer time moves a border as it
// moves everything else.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace osprey {

class ScanWindow {
 public:
  static constexpr uint32_t kSecondsOfDay = 24 * 60 * 60;

  // Always open.
  ScanWindow() = default;

  // "22:00-06:00", or several with commas: "12:00-13:00,18:30-24:00". The end does not belong to
  // it. InvalidArgument names the part.
  static absl::StatusOr<ScanWindow> Parse(std::string_view text);

  bool always_open() const { return spans_.empty(); }
  // REQUIRES of all: second < kSecondsOfDay.
  bool IsOpen(uint32_t second) const;
  // Seconds until IsOpen changes, at most a day; 0 if it never does.
  uint32_t UntilChange(uint32_t second) const;

 private:
  struct Span {
    uint32_t first = 0;
    uint32_t last = 0;  // not included; <= first: over midnight
  };
  static absl::StatusOr<Span> ParseSpan(std::string_view text);

  std::vector<Span> spans_;
};

// Seconds since midnight of the local time at this moment (since 1970).
uint32_t LocalSecondOfDay(int64_t epoch_s);

}  // namespace osprey
