// SPDX-License-Identifier: Apache-2.0
#pragma once
// From a subject to what decides its score: for each attribute, its presence and the set of
// references whose expression it matches. In a scan most lines repeat, so lines are resolved by
// their text from a cache, and equal results get equal ids.
//
// SP, GCD and ISR are kept apart: they are measured from random numbers and differ each time, while
// the rest of SEQ is a property of the system.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "db/fingerprint.h"
#include "db/image.h"
#include "matcher/huge_pages.h"
#include "matcher/resolver.h"
#include "matcher/slot_index.h"

namespace osprey::matcher {

// The attributes kept apart are the first ones of the table.
inline constexpr size_t kNoisyCount = 3;
inline constexpr uint32_t kNoisyMask = (1u << kNoisyCount) - 1;
static_assert(db::Attribute(db::LineId::kSeq, "SP") == 0 &&
              db::Attribute(db::LineId::kSeq, "GCD") == 1 &&
              db::Attribute(db::LineId::kSeq, "ISR") == 2);

// The sets of a line's attributes. Attributes without points are left out: they decide nothing.
struct ResolvedLine {
  uint32_t line;
  uint32_t present;                 // bit i: the line's i-th attribute
  std::array<uint32_t, 11> sets{};  // of those present; 0 for others, and for the noisy ones
  friend bool operator==(const ResolvedLine&, const ResolvedLine&) = default;
};

// The sets of SP, GCD and ISR. kNoSet: the attribute is absent, or has no points.
using NoisySets = std::array<uint32_t, kNoisyCount>;
inline constexpr uint32_t kNoSet = db::kNone;

struct ResolvedSubject {
  std::array<uint32_t, db::kLineCount> lines;  // ids; 0: the line adds nothing
  NoisySets noisy;
};

// Which attributes have points, in units of the image.
using AttributeUnits = std::array<uint32_t, db::kAttributeCount>;
AttributeUnits UnitsOf(const db::Image& image);

class SubjectResolver {
 public:
  // `cached_lines`: texts kept; `max_lines`: ids that can be given, at least 1024.
  SubjectResolver(db::Image image, size_t cached_lines, size_t max_lines);

  // Bytes of one cached text, and of one id.
  static constexpr size_t kBytesPerText = 176;
  static constexpr size_t kBytesPerLine = sizeof(ResolvedLine) + 8;

  // False if ids have run out: Clear, then any one subject fits.
  [[nodiscard]] bool Resolve(const db::Fingerprint& subject, ResolvedSubject& out);
  // Only the noisy part of the above.
  [[nodiscard]] bool ResolveNoisy(const db::Fingerprint& subject, NoisySets& out);
  // Ids and dynamic sets given so far become invalid.
  void Clear();

  const ResolvedLine& line(uint32_t id) const { return lines_[id]; }
  SetView View(uint32_t set) const { return dynamic_.View(set); }
  uint64_t lookups() const { return lookups_; }
  uint64_t hits() const { return hits_; }

 private:
  struct TextEntry {
    uint32_t id;
    uint16_t size;
    std::array<char, kBytesPerText - 6> key;
  };
  static_assert(sizeof(TextEntry) == kBytesPerText);

  std::optional<uint32_t> IdOf(const db::Fingerprint& subject, db::LineId line);
  std::optional<uint32_t> ResolveLine(const db::Fingerprint& subject, db::LineId line);
  std::optional<uint32_t> Intern(const ResolvedLine& line);

  db::Image image_;
  AttributeUnits units_;
  DynamicSets dynamic_;
  SlotIndex text_index_;
  HugeVector<TextEntry> texts_;
  size_t max_lines_;
  HugeVector<ResolvedLine> lines_;   // by id; [0] is the empty one
  HugeVector<uint32_t> line_table_;  // open addressing over lines_; 0 is empty
  uint64_t lookups_ = 0;
  uint64_t hits_ = 0;
};

}  // namespace osprey::matcher
