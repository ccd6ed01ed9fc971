// SPDX-License-Identifier: Apache-2.0
#pragma once
// Device classes of a match list: docs/os-detection.md, section 5.3.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "db/image.h"
#include "matcher/verdict.h"

namespace osprey::matcher {

struct OsClass {
  const db::ClassRecord* record;  // names and CPEs, through the image it belongs to
  double accuracy;                // of the reference it came from
};

struct ClassList {
  MatchResult result = MatchResult::kNoMatches;
  uint32_t perfect = 0;
  uint32_t count = 0;
  std::array<OsClass, kMaxMatches> all;

  std::span<const OsClass> classes() const { return {all.data(), count}; }
};

// The result points into `image`.
ClassList CollectClasses(const db::Image& image, const MatchList& matches);

}  // namespace osprey::matcher
