// SPDX-License-Identifier: Apache-2.0
#pragma once
// A subject fingerprint: which test lines are there, and the measured text of each attribute.
//
// A value type without heap use: values live in one inline buffer, so that building, copying and
// matching one never allocates. The buffer holds any fingerprint that can be measured (the longest
// possible one takes less than half); text from a file that does not fit is refused by Set.
//
// A line may be present without attributes: SEQ() is printed, and differs from no SEQ at all.
// Not synchronised.

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "db/attributes.h"

namespace osprey::db {

class Fingerprint {
 public:
  static constexpr size_t kMaxValueBytes = 2048;

  void Clear();

  void AddLine(LineId line) { lines_.set(static_cast<size_t>(line)); }
  bool HasLine(LineId line) const { return lines_.test(static_cast<size_t>(line)); }
  // Removes the line and its attributes (their bytes are given back when needed).
  void RemoveLine(LineId line);

  // Sets a value, and adds its line. False if the buffer is full or `value` is longer than 255
  // bytes; the values are as before then. Setting an attribute again replaces it.
  [[nodiscard]] bool Set(AttributeId attribute, std::string_view value);

  bool Has(AttributeId attribute) const { return present_.test(attribute); }
  // Empty if absent. Valid until the next change of this object.
  std::string_view Get(AttributeId attribute) const {
    return {bytes_.data() + offset_[attribute], length_[attribute]};
  }
  const std::bitset<kAttributeCount>& present() const { return present_; }

  // One line's values as they lie: the raw material of cache keys. Valid until the next change.
  struct LineView {
    uint16_t present;        // bit i: the line's i-th attribute is there
    const uint8_t* lengths;  // of all the line's attributes, 0 if absent
    const char* bytes;       // the values of the present ones, one behind the other
    uint16_t size;           // of bytes
  };
  // nullopt if the line's values do not lie in table order without gaps, which is so only if they
  // were set in another order or replaced.
  std::optional<LineView> View(LineId line) const {
    const auto i = static_cast<size_t>(line);
    if (!contiguous_.test(i)) return std::nullopt;
    return LineView{line_present_[i], length_.data() + internal::FirstOf(line),
                    bytes_.data() + begin_[i], static_cast<uint16_t>(end_[i] - begin_[i])};
  }

  // The same for all lines at once, without the first `skipped` attributes of the table. nullopt if
  // values were not set in table order, or a line was removed.
  struct WholeView {
    const std::bitset<kAttributeCount>* present;
    const uint8_t* lengths;  // of attributes from `skipped` on
    const char* bytes;
    uint16_t size;
  };
  std::optional<WholeView> Whole(size_t skipped) const {
    if (!in_order_) return std::nullopt;
    uint16_t before = 0;
    for (size_t i = 0; i < skipped; ++i) before = static_cast<uint16_t>(before + length_[i]);
    return WholeView{&present_, length_.data() + skipped, bytes_.data() + before,
                     static_cast<uint16_t>(used_ - before)};
  }

  // "T1(R=Y%DF=Y...)": attributes in table order. Empty if the line is absent.
  std::string LineText(LineId line) const;
  // Appends the same.
  void AppendLineText(LineId line, std::string& out) const;
  // All present lines in table order, joined with `separator`.
  std::string Text(std::string_view separator = "\n") const;

  friend bool operator==(const Fingerprint& a, const Fingerprint& b);

 private:
  void NoteOrder(AttributeId attribute, size_t size);
  void Compact();

  std::bitset<kLineCount> lines_;
  std::bitset<kAttributeCount> present_;
  uint16_t used_ = 0;
  std::array<uint16_t, kAttributeCount> offset_{};
  std::array<uint8_t, kAttributeCount> length_{};
  // For View and Whole. A line without attributes is contiguous and empty.
  std::bitset<kLineCount> contiguous_ = std::bitset<kLineCount>().set();
  bool in_order_ = true;
  int last_set_ = -1;
  std::array<uint16_t, kLineCount> line_present_{};
  std::array<uint16_t, kLineCount> begin_{};
  std::array<uint16_t, kLineCount> end_{};
  std::array<char, kMaxValueBytes> bytes_;
};

}  // namespace osprey::db
