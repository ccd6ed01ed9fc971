// SPDX-License-Identifier: Apache-2.0
#include "matcher/resolver.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "db/hex_order.h"
#include "db/value_expression.h"

namespace osprey::matcher {
namespace {

constexpr uint32_t kNotFound = db::kNone;

uint32_t FindShort(const db::Image& image, const db::AttributeRecord& a, uint64_t key) {
  if (a.short_slots == 0) return kNotFound;
  const db::ShortValue* const table = image.short_values().data() + a.first_short;
  for (size_t i = db::ShortSlot(key, a.short_slots);; i = (i + 1) & (a.short_slots - 1)) {
    if (table[i].key == key) return table[i].set;
    if (table[i].key == db::kLongKey) return kNotFound;
  }
}

uint32_t FindLong(const db::Image& image, const db::AttributeRecord& a, std::string_view value) {
  if (a.long_slots == 0) return kNotFound;
  const uint64_t hash = XXH3_64bits(value.data(), value.size());
  const db::LongValue* const table = image.long_values().data() + a.first_long;
  for (size_t i = db::LongSlot(hash, a.long_slots);; i = (i + 1) & (a.long_slots - 1)) {
    if (table[i].text.size == 0) return kNotFound;
    if (table[i].hash == hash && image.Text(table[i].text) == value) return table[i].set;
  }
}

// The set of the gap that holds `key`, which is not among the attribute's keys.
uint32_t FindGap(const db::Image& image, const db::AttributeRecord& a, uint64_t key) {
  const auto keys = image.keys().subspan(a.first_key, a.key_count);
  const auto below = std::lower_bound(keys.begin(), keys.end(), key) - keys.begin();
  return image.key_sets()[a.first_key_set + 2 * static_cast<size_t>(below)];
}

// Every distinct expression is interpreted. Rare: see the header.
std::optional<uint32_t> EvaluateAll(const db::Image& image, db::AttributeId attribute,
                                    std::string_view value, DynamicSets& dynamic) {
  const db::AttributeRecord& a = image.attributes()[attribute];
  std::vector<uint32_t>& matching = dynamic.Expressions();
  for (uint32_t i = 0; i < a.expression_count; ++i) {
    const uint32_t expression = a.first_expression + i;
    const std::string_view text = image.Text(image.expressions()[expression].text);
    if (db::Matches(text, value, db::Info(attribute).is_options)) matching.push_back(expression);
  }
  return dynamic.Union(0);
}

// Adds what alternatives with brackets match.
std::optional<uint32_t> WithBrackets(const db::Image& image, const db::AttributeRecord& a,
                                     std::string_view value, uint32_t base, DynamicSets& dynamic) {
  const auto outlines = image.outlines().subspan(a.first_outline, a.outline_count);
  const uint64_t hash = db::OutlineHash(value, /*has_brackets=*/false);
  auto at = std::lower_bound(outlines.begin(), outlines.end(), hash,
                             [](const auto& outline, uint64_t h) { return outline.hash < h; });
  std::vector<uint32_t>& matching = dynamic.Expressions();
  for (; at != outlines.end() && at->hash == hash; ++at) {
    const std::string_view text = image.Text(image.expressions()[at->expression].text);
    if (db::Matches(text, value, /*is_options=*/true)) matching.push_back(at->expression);
  }
  return dynamic.Union(base);
}

}  // namespace

DynamicSets::DynamicSets(db::Image image, size_t capacity)
    : image_(std::move(image)),
      words_per_set_(image_.block_count() * kBlockWords),
      capacity_(capacity),
      words_(capacity * words_per_set_),
      identity_(image_.block_count()),
      table_(std::bit_ceil(2 * capacity)) {
  OSPREY_CHECK(capacity >= db::kAttributeCount);
  std::iota(identity_.begin(), identity_.end(), 0u);
  uint32_t most = 0;
  for (const db::AttributeRecord& a : image_.attributes())
    most = std::max(most, a.expression_count);
  expressions_.reserve(most);
}

void DynamicSets::MergeInto(uint32_t set, uint64_t* words) const {
  const uint32_t* const ids = image_.set(set);
  for (size_t b = 0; b < image_.block_count(); ++b) {
    const uint64_t* const block = image_.blocks() + size_t{ids[b]} * kBlockWords;
    for (size_t w = 0; w < kBlockWords; ++w) words[b * kBlockWords + w] |= block[w];
  }
}

std::optional<uint32_t> DynamicSets::Union(uint32_t base_set) {
  if (expressions_.empty()) return base_set;
  if (count_ == capacity_) return std::nullopt;
  uint64_t* const words = words_.data() + count_ * words_per_set_;
  std::fill_n(words, words_per_set_, 0);
  MergeInto(base_set, words);
  for (const uint32_t e : expressions_) MergeInto(image_.expressions()[e].set, words);

  const size_t bytes = words_per_set_ * sizeof(uint64_t);
  const size_t mask = table_.size() - 1;
  size_t i = static_cast<size_t>(XXH3_64bits(words, bytes)) & mask;
  for (; table_[i] != 0; i = (i + 1) & mask) {
    const size_t known = table_[i] - 1;
    if (std::memcmp(words_.data() + known * words_per_set_, words, bytes) == 0) {
      return image_.header().set_count + static_cast<uint32_t>(known);
    }
  }
  table_[i] = static_cast<uint32_t>(count_ + 1);
  return image_.header().set_count + static_cast<uint32_t>(count_++);
}

void DynamicSets::Clear() {
  count_ = 0;
  std::fill(table_.begin(), table_.end(), 0);
}

std::optional<uint32_t> Resolve(const db::Image& image, db::AttributeId attribute,
                                std::string_view value, DynamicSets& dynamic) {
  const db::AttributeRecord& a = image.attributes()[attribute];
  const bool is_hex = db::StartsWithHexDigit(value);
  uint32_t set = 0;
  if (value.size() <= 8) {
    if (is_hex && value[0] == '0' && value.size() > 1) {
      return EvaluateAll(image, attribute, value, dynamic);
    }
    const uint64_t key = db::HexKey(value);
    const uint32_t known = FindShort(image, a, key);
    if (known != kNotFound) return known;
    if (is_hex) set = FindGap(image, a, key);
  } else {
    if (is_hex) return EvaluateAll(image, attribute, value, dynamic);
    const uint32_t known = FindLong(image, a, value);
    if (known != kNotFound) return known;
  }
  if (a.outline_count == 0) return set;
  return WithBrackets(image, a, value, set, dynamic);
}

}  // namespace osprey::matcher
