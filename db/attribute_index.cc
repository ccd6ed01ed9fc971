// SPDX-License-Identifier: Apache-2.0
#include "db/attribute_index.h"

#include <algorithm>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "db/value_expression.h"

namespace osprey::db {
namespace {

// Bounds on work and memory for one attribute, far above any real database: a common one needs
// about a thousandth of each.
constexpr uint64_t kMaxMarks = uint64_t{1} << 32;
constexpr uint64_t kMaxBytes = uint64_t{1} << 29;

struct Interval {
  uint64_t low;  // ends are keys
  uint64_t high;
  bool low_open;  // low itself does not belong to it
  bool high_open;
  bool from_start;  // `low` is meaningless
  bool to_end;
  uint32_t expression;
};

std::string KeyText(uint64_t key) {
  std::string text;
  for (int shift = 56; shift >= 0; shift -= 8) {
    const char c = static_cast<char>((key >> shift) & 0xFF);
    if (c != 0 || !text.empty()) text += c;
  }
  return text;
}

class Builder {
 public:
  Builder(AttributeId attribute, const std::vector<Expression>& expressions, SetPool& pool,
          AttributeIndex& out)
      : attribute_(attribute), expressions_(expressions), pool_(pool), out_(out) {}

  absl::Status Run() {
    for (uint32_t i = 0; i < expressions_.size(); ++i) ReadExpression(i);
    SortMarks();
    OSPREY_RETURN_IF_ERROR(CheckBudget());
    MakeKeySets();
    MakeTexts();
    return absl::OkStatus();
  }

 private:
  void ReadExpression(uint32_t index) {
    const std::string_view text = expressions_[index].text;
    AlternativeReader reader(text, Info(attribute_).is_options);
    for (Alternative alternative; reader.Next(alternative);) ReadAlternative(alternative, index);
  }

  void ReadAlternative(const Alternative& a, uint32_t index) {
    const uint64_t low = HexKey(a.low);
    const uint64_t high = HexKey(a.high);
    switch (a.kind) {
      case AlternativeKind::kText:
        return AddText(a.text, index);
      case AlternativeKind::kHexText:
      case AlternativeKind::kRange:
        if (CompareHex(a.low, a.high) <= 0) AddInterval(low, high, false, false, index);
        return;
      case AlternativeKind::kGreater:
        AddText(a.text, index);
        return AddInterval(low, kLongKey, true, false, index);
      case AlternativeKind::kLess:
        AddText(a.text, index);
        return AddInterval(kLongKey, high, false, true, index);
      case AlternativeKind::kBrackets:
        out_.outlines.push_back({OutlineHash(a.text, true), index});
        return;
      case AlternativeKind::kNever:
        return;
    }
  }

  void AddText(std::string_view text, uint32_t index) {
    const auto [position, is_new] = text_ids_.try_emplace(text, texts_.size());
    if (is_new) texts_.push_back({text, {}});
    texts_[position->second].expressions.push_back(index);
  }

  // Ends that are longer than every value in the tables are kLongKey: then the interval is open to
  // that side, or empty. `high_open` marks a relation "<", whose low end is the start.
  void AddInterval(uint64_t low, uint64_t high, bool low_open, bool high_open, uint32_t index) {
    const bool from_start = high_open;
    if (!from_start && low == kLongKey) return;
    const bool to_end = high == kLongKey;
    intervals_.push_back({low, high, low_open, high_open, from_start, to_end, index});
    if (!from_start) out_.keys.push_back(low);
    if (!to_end) out_.keys.push_back(high);
  }

  void SortMarks() {
    std::sort(out_.keys.begin(), out_.keys.end());
    out_.keys.erase(std::unique(out_.keys.begin(), out_.keys.end()), out_.keys.end());
    const auto by_hash = [](const auto& a, const auto& b) {
      return a.hash != b.hash ? a.hash < b.hash : a.expression < b.expression;
    };
    std::sort(out_.outlines.begin(), out_.outlines.end(), by_hash);
  }

  // Sets are numbered gap, key, gap, key, ..., gap.
  size_t KeyPosition(uint64_t key) const {
    const auto at = std::lower_bound(out_.keys.begin(), out_.keys.end(), key);
    return 2 * static_cast<size_t>(at - out_.keys.begin()) + 1;
  }
  std::pair<size_t, size_t> Positions(const Interval& interval) const {
    const size_t first = interval.from_start ? 0 : KeyPosition(interval.low) + interval.low_open;
    const size_t last =
        interval.to_end ? 2 * out_.keys.size() : KeyPosition(interval.high) - interval.high_open;
    return {first, last};
  }

  absl::Status CheckBudget() const {
    uint64_t marks = 0;
    for (const Interval& interval : intervals_) {
      const auto [first, last] = Positions(interval);
      marks += (last - first + 1) * expressions_[interval.expression].references.size();
    }
    const uint64_t bytes = (2 * out_.keys.size() + 1) * pool_.words_per_set() * 8;
    if (marks <= kMaxMarks && bytes <= kMaxBytes) return absl::OkStatus();
    return absl::ResourceExhaustedError(
        absl::StrFormat("%s.%s has %u expressions with %u ends of ranges: too many to compile",
                        Info(Info(attribute_).line).name, Info(attribute_).name,
                        expressions_.size(), out_.keys.size()));
  }

  void Mark(uint64_t* bits, uint32_t expression) const {
    for (const uint32_t r : expressions_[expression].references) {
      bits[r / 64] |= uint64_t{1} << (r % 64);
    }
  }

  // Adds the references whose brackets match `text`.
  void MarkBrackets(uint64_t* bits, std::string_view text) const {
    if (out_.outlines.empty()) return;
    const uint64_t hash = OutlineHash(text, false);
    auto at = std::lower_bound(out_.outlines.begin(), out_.outlines.end(), hash,
                               [](const auto& outline, uint64_t h) { return outline.hash < h; });
    for (; at != out_.outlines.end() && at->hash == hash; ++at) {
      if (Matches(expressions_[at->expression].text, text, true)) Mark(bits, at->expression);
    }
  }

  void MakeKeySets() {
    const size_t words = pool_.words_per_set();
    const size_t count = 2 * out_.keys.size() + 1;
    std::vector<uint64_t> bits(count * words);
    for (const Interval& interval : intervals_) {
      const auto [first, last] = Positions(interval);
      for (size_t i = first; i <= last && i < count; ++i) {
        Mark(bits.data() + i * words, interval.expression);
      }
    }
    out_.key_sets.resize(count);
    for (size_t i = 0; i < count; ++i) {
      const std::span<uint64_t> set(bits.data() + i * words, words);
      out_.key_sets[i] = pool_.Intern(set);
      if (i % 2 == 0) continue;
      const std::string text = KeyText(out_.keys[i / 2]);
      if (!StartsWithHexDigit(text)) continue;
      MarkBrackets(set.data(), text);
      out_.short_values.push_back({out_.keys[i / 2], pool_.Intern(set)});
    }
  }

  void MakeTexts() {
    std::vector<uint64_t> bits(pool_.words_per_set());
    for (const auto& [text, expressions] : texts_) {
      std::fill(bits.begin(), bits.end(), 0);
      for (const uint32_t expression : expressions) Mark(bits.data(), expression);
      MarkBrackets(bits.data(), text);
      const uint32_t set = pool_.Intern(bits);
      if (text.size() <= 8) {
        out_.short_values.push_back({HexKey(text), set});
      } else {
        out_.long_values.push_back({text, set});
      }
    }
    std::sort(out_.short_values.begin(), out_.short_values.end(),
              [](const auto& a, const auto& b) { return a.key < b.key; });
  }

  struct Text {
    std::string_view text;
    std::vector<uint32_t> expressions;
  };

  AttributeId attribute_;
  const std::vector<Expression>& expressions_;
  SetPool& pool_;
  AttributeIndex& out_;
  std::vector<Interval> intervals_;
  std::vector<Text> texts_;
  absl::flat_hash_map<std::string_view, size_t> text_ids_;
};

}  // namespace

absl::Status BuildAttributeIndex(AttributeId attribute, const std::vector<Expression>& expressions,
                                 SetPool& pool, AttributeIndex& out) {
  return Builder(attribute, expressions, pool, out).Run();
}

}  // namespace osprey::db
