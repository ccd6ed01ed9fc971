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
  // Removes the line and its attributes (their bytes are not given back).
  void RemoveLine(LineId line);

  // Sets a value, and adds its line. False if the buffer is full or `value` is longer than 255
  // bytes; nothing is changed then. Setting an attribute again replaces it.
  [[nodiscard]] bool Set(AttributeId attribute, std::string_view value);

  bool Has(AttributeId attribute) const { return present_.test(attribute); }
  // Empty if absent. Valid until the next change of this object.
  std::string_view Get(AttributeId attribute) const {
    return {bytes_.data() + offset_[attribute], length_[attribute]};
  }
  const std::bitset<kAttributeCount>& present() const { return present_; }

  // "T1(R=Y%DF=Y...)": attributes in table order. Empty if the line is absent.
  std::string LineText(LineId line) const;
  // Appends the same.
  void AppendLineText(LineId line, std::string& out) const;
  // All present lines in table order, joined with `separator`.
  std::string Text(std::string_view separator = "\n") const;

  friend bool operator==(const Fingerprint& a, const Fingerprint& b);

 private:
  std::bitset<kLineCount> lines_;
  std::bitset<kAttributeCount> present_;
  uint16_t used_ = 0;
  std::array<uint16_t, kAttributeCount> offset_{};
  std::array<uint8_t, kAttributeCount> length_{};
  std::array<char, kMaxValueBytes> bytes_;
};

}  // namespace osprey::db
