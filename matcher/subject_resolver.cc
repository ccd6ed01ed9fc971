// SPDX-License-Identifier: Apache-2.0
#include "matcher/subject_resolver.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace osprey::matcher {
namespace {

constexpr size_t kKeyPrefix = 16;  // line, presence, lengths

// How many of the line's first attributes are kept apart.
constexpr size_t NoisyIn(db::LineId line) { return line == db::LineId::kSeq ? kNoisyCount : 0; }

}  // namespace

AttributeUnits UnitsOf(const db::Image& image) {
  AttributeUnits units;
  for (size_t i = 0; i < db::kAttributeCount; ++i) {
    units[i] = image.attributes()[i].points / image.header().point_unit;
  }
  return units;
}

SubjectResolver::SubjectResolver(db::Image image, size_t cached_lines, size_t max_lines)
    : image_(std::move(image)),
      units_(UnitsOf(image_)),
      dynamic_(image_, DynamicSets::kMost),
      text_index_(cached_lines),
      texts_(text_index_.slots()),
      max_lines_(std::max<size_t>(max_lines, 1024)),
      line_table_(std::bit_ceil(max_lines_ * 2)) {
  lines_.reserve(max_lines_);
  lines_.push_back({});
}

void SubjectResolver::Clear() {
  dynamic_.Clear();
  text_index_.Clear();
  lines_.resize(1);
  std::fill(line_table_.begin(), line_table_.end(), 0);
}

bool SubjectResolver::Resolve(const db::Fingerprint& subject, ResolvedSubject& out) {
  if (!ResolveNoisy(subject, out.noisy)) return false;
  for (size_t i = 0; i < db::kLineCount; ++i) {
    const auto line = static_cast<db::LineId>(i);
    out.lines[i] = 0;
    if (!subject.HasLine(line)) continue;
    const std::optional<uint32_t> id = IdOf(subject, line);
    if (!id) return false;
    out.lines[i] = *id;
  }
  return true;
}

bool SubjectResolver::ResolveNoisy(const db::Fingerprint& subject, NoisySets& out) {
  for (size_t i = 0; i < kNoisyCount; ++i) {
    const auto attribute = static_cast<db::AttributeId>(i);
    out[i] = kNoSet;
    if (!subject.Has(attribute) || units_[i] == 0) continue;
    const auto set = matcher::Resolve(image_, attribute, subject.Get(attribute), dynamic_);
    if (!set) return false;
    out[i] = *set;
  }
  return true;
}

// The key is the line's number, which attributes it has, their lengths, and their bytes.
std::optional<uint32_t> SubjectResolver::IdOf(const db::Fingerprint& subject, db::LineId line) {
  auto view = subject.View(line);
  if (!view || texts_.empty()) return ResolveLine(subject, line);
  std::array<char, kBytesPerText> key;
  std::memset(key.data(), 0, kKeyPrefix);
  size_t skipped = 0;
  for (size_t i = 0; i < NoisyIn(line); ++i) skipped += view->lengths[i];
  const size_t size = kKeyPrefix + view->size - skipped;
  if (size > texts_[0].key.size()) return ResolveLine(subject, line);
  key[0] = static_cast<char>(line);
  std::memcpy(key.data() + 1, &view->present, sizeof(view->present));
  const size_t noisy = NoisyIn(line);
  std::memcpy(key.data() + 4, view->lengths + noisy, db::Info(line).count - noisy);
  std::memcpy(key.data() + kKeyPrefix, view->bytes + skipped, view->size - skipped);

  ++lookups_;
  const uint64_t hash = XXH3_64bits(key.data(), size);
  const size_t slot = text_index_.Find(hash, [&](size_t s) {
    return texts_[s].size == size && std::memcmp(texts_[s].key.data(), key.data(), size) == 0;
  });
  if (slot != SlotIndex::kNotFound) {
    ++hits_;
    return texts_[slot].id;
  }
  const std::optional<uint32_t> id = ResolveLine(subject, line);
  if (!id) return std::nullopt;
  TextEntry& entry = texts_[text_index_.Replace(hash)];
  entry.id = *id;
  entry.size = static_cast<uint16_t>(size);
  std::memcpy(entry.key.data(), key.data(), size);
  return id;
}

std::optional<uint32_t> SubjectResolver::ResolveLine(const db::Fingerprint& subject,
                                                     db::LineId line) {
  const db::LineInfo& info = db::Info(line);
  ResolvedLine resolved{static_cast<uint32_t>(line), 0, {}};
  for (size_t i = 0; i < info.count; ++i) {
    const auto attribute = static_cast<db::AttributeId>(info.first + i);
    if (!subject.Has(attribute) || units_[attribute] == 0) continue;
    resolved.present |= 1u << i;
    if (i < NoisyIn(line)) continue;
    const auto set = matcher::Resolve(image_, attribute, subject.Get(attribute), dynamic_);
    if (!set) return std::nullopt;
    resolved.sets[i] = *set;
  }
  if (resolved.present == 0) return 0;
  return Intern(resolved);
}

std::optional<uint32_t> SubjectResolver::Intern(const ResolvedLine& line) {
  const size_t mask = line_table_.size() - 1;
  size_t i = static_cast<size_t>(XXH3_64bits(&line, sizeof(line))) & mask;
  for (; line_table_[i] != 0; i = (i + 1) & mask) {
    if (lines_[line_table_[i]] == line) return line_table_[i];
  }
  if (lines_.size() == max_lines_) return std::nullopt;
  const auto id = static_cast<uint32_t>(lines_.size());
  lines_.push_back(line);
  line_table_[i] = id;
  return id;
}

}  // namespace osprey::matcher
