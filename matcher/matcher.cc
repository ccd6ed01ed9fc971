// SPDX-License-Identifier: Apache-2.0
#include "matcher/matcher.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "db/value_expression.h"
#include "matcher/ranking.h"

namespace osprey::matcher {
namespace {

constexpr auto kSeq = static_cast<size_t>(db::LineId::kSeq);

// needed[p]: the smallest m with m / p >= kAccuracyBar in double precision. With nothing possible
// no reference is a candidate: more is needed than there is.
std::vector<uint16_t> NeededPoints(size_t plane_count) {
  const size_t most = (size_t{1} << plane_count) - 1;
  std::vector<uint16_t> needed(most + 1);
  needed[0] = static_cast<uint16_t>(most);
  for (size_t p = 1; p <= most; ++p) {
    auto m = static_cast<size_t>(kAccuracyBar * static_cast<double>(p));
    while (m > 0 && static_cast<double>(m - 1) / static_cast<double>(p) >= kAccuracyBar) --m;
    while (static_cast<double>(m) / static_cast<double>(p) < kAccuracyBar) ++m;
    needed[p] = static_cast<uint16_t>(m);
  }
  return needed;
}

std::vector<bool> FindUniqueNames(const db::Image& image) {
  std::vector<uint32_t> uses(image.reference_count());
  for (size_t i = 0; i < uses.size(); ++i) ++uses[image.reference(i).name_id];
  std::vector<bool> unique(uses.size());
  for (size_t i = 0; i < uses.size(); ++i) unique[i] = uses[image.reference(i).name_id] == 1;
  return unique;
}

}  // namespace

Matcher::Matcher(db::Image image, const Kernel* kernel)
    : image_(std::move(image)),
      kernel_(kernel != nullptr ? kernel : SupportedKernels().front()),
      needed_(NeededPoints(image_.plane_count())),
      name_is_unique_(FindUniqueNames(image_)) {
  for (size_t i = 0; i < db::kAttributeCount; ++i) {
    units_[i] = image_.attributes()[i].points / image_.header().point_unit;
  }
}

void Matcher::Match(const db::Fingerprint& subject, Scratch& scratch, MatchList& out) const {
  ++scratch.counters_.matches;
  LineIds ids;
  if (!ResolveLines(subject, scratch, ids)) {
    scratch.Flush();
    OSPREY_CHECK(ResolveLines(subject, scratch, ids));  // one subject always fits
  }
  const uint64_t hash = XXH3_64bits(ids.data(), sizeof(ids));
  auto& entries = scratch.verdict_entries_;
  const size_t slot =
      scratch.verdict_index_.Find(hash, [&](size_t s) { return entries[s].key == ids; });
  if (slot != SlotIndex::kNotFound) {
    ++scratch.counters_.verdict_hits;
    const auto& entry = entries[slot];
    out.result = entry.result;
    out.perfect = entry.perfect;
    out.count = entry.count;
    for (size_t i = 0; i < entry.count; ++i) {
      out.all[i] = {entry.references[i], entry.accuracies[i]};
    }
    return;
  }
  ScoreAll(ids, scratch, out);
  if (entries.empty()) return;
  auto& entry = entries[scratch.verdict_index_.Replace(hash)];
  entry.key = ids;
  entry.result = out.result;
  entry.perfect = out.perfect;
  entry.count = out.count;
  for (size_t i = 0; i < out.count; ++i) {
    entry.references[i] = out.all[i].reference;
    entry.accuracies[i] = out.all[i].accuracy;
  }
}

bool Matcher::ResolveLines(const db::Fingerprint& subject, Scratch& scratch, LineIds& ids) const {
  for (size_t i = 0; i < db::kLineCount; ++i) {
    const auto line = static_cast<db::LineId>(i);
    ids[i] = 0;
    if (!subject.HasLine(line)) continue;
    const std::optional<uint32_t> id = LineIdOf(subject, line, scratch);
    if (!id) return false;
    ids[i] = *id;
  }
  return true;
}

std::optional<uint32_t> Matcher::LineIdOf(const db::Fingerprint& subject, db::LineId line,
                                          Scratch& scratch) const {
  constexpr size_t kPrefix = 16;  // line, presence, lengths
  const auto view = subject.View(line);
  decltype(Scratch::LineEntry::key) key;
  if (!view || kPrefix + view->size > key.size() || scratch.line_entries_.empty()) {
    return ResolveLine(subject, line, scratch);
  }
  ++scratch.counters_.line_lookups;
  const size_t size = kPrefix + view->size;
  std::memset(key.data(), 0, kPrefix);
  key[0] = static_cast<char>(line);
  std::memcpy(key.data() + 1, &view->present, sizeof(view->present));
  std::memcpy(key.data() + 4, view->lengths, db::Info(line).count);
  std::memcpy(key.data() + kPrefix, view->bytes, view->size);
  const uint64_t hash = XXH3_64bits(key.data(), size);
  auto& entries = scratch.line_entries_;
  const size_t slot = scratch.line_index_.Find(hash, [&](size_t s) {
    return entries[s].size == size && std::memcmp(entries[s].key.data(), key.data(), size) == 0;
  });
  if (slot != SlotIndex::kNotFound) {
    ++scratch.counters_.line_hits;
    return entries[slot].id;
  }
  const std::optional<uint32_t> id = ResolveLine(subject, line, scratch);
  if (!id) return std::nullopt;
  auto& entry = entries[scratch.line_index_.Replace(hash)];
  entry.id = *id;
  entry.size = static_cast<uint16_t>(size);
  std::memcpy(entry.key.data(), key.data(), size);
  return id;
}

// Attributes without points are left out: they decide nothing.
std::optional<uint32_t> Matcher::ResolveLine(const db::Fingerprint& subject, db::LineId line,
                                             Scratch& scratch) const {
  const db::LineInfo& info = db::Info(line);
  ResolvedLine resolved{static_cast<uint32_t>(line), 0, {}};
  for (size_t i = 0; i < info.count; ++i) {
    const auto attribute = static_cast<db::AttributeId>(info.first + i);
    if (!subject.Has(attribute) || units_[attribute] == 0) continue;
    const auto set = Resolve(image_, attribute, subject.Get(attribute), scratch.dynamic_);
    if (!set) return std::nullopt;
    resolved.present |= 1u << i;
    resolved.sets[i] = *set;
  }
  if (resolved.present == 0) return 0;
  return scratch.InternLine(resolved);
}

void Matcher::ScoreAll(const LineIds& ids, Scratch& scratch, MatchList& out) const {
  const Scale& scale = ScaleFor(ids, scratch);
  AddUp(ids, scale, scratch);
  kernel_->at_least(scratch.sums_.data(), scale.bars.data(), image_.block_count(),
                    image_.plane_count(), scratch.candidates_.data());
  Rank(scale, scratch, out);
}

const Matcher::Scale& Matcher::ScaleFor(const LineIds& ids, Scratch& scratch) const {
  std::array<uint64_t, 2> present{};
  for (const uint32_t id : ids) {
    if (id == 0) continue;
    const ResolvedLine& line = scratch.lines_[id];
    const size_t first = db::internal::FirstOf(static_cast<db::LineId>(line.line));
    present[first / 64] |= uint64_t{line.present} << (first % 64);
    if (first % 64 > 53) present[1] |= uint64_t{line.present} >> (64 - first % 64);
  }
  const uint64_t hash = XXH3_64bits(present.data(), sizeof(present));
  const size_t slot = scratch.scale_index_.Find(
      hash, [&](size_t s) { return scratch.scales_[s].present == present; });
  if (slot != SlotIndex::kNotFound) return scratch.scales_[slot];
  ++scratch.counters_.bar_misses;
  Scale& scale = scratch.scales_.empty() ? scratch.uncached_scale_
                                         : scratch.scales_[scratch.scale_index_.Replace(hash)];
  scale.present = present;
  FillScale(scale, scratch);
  return scale;
}

void Matcher::FillScale(Scale& scale, Scratch& scratch) const {
  const size_t seq_end = db::Info(db::LineId::kSeq).count;  // SEQ comes first in the table
  scale.attributes.clear();
  scale.seq_count = 0;
  std::array<uint32_t, db::kAttributeCount> points;
  for (size_t i = 0; i < db::kAttributeCount; ++i) {
    if (((scale.present[i / 64] >> (i % 64)) & 1) == 0) continue;
    points[scale.attributes.size()] = units_[i];
    scratch.views_[scale.attributes.size()] =
        scratch.dynamic_.View(image_.attributes()[i].present_set);
    scale.attributes.push_back(static_cast<db::AttributeId>(i));
    if (i < seq_end) ++scale.seq_count;
  }
  const std::span<const uint32_t> all(points.data(), scale.attributes.size());
  scale.all.Assign(all, image_.plane_count());
  scale.seq.Assign(all.first(scale.seq_count), image_.plane_count());
  scale.rest.Assign(all.subspan(scale.seq_count), image_.plane_count());

  kernel_->add(
      {&scale.all, scratch.views_.data(), nullptr, scratch.sums_.data(), image_.block_count()});
  scale.possible.resize(image_.block_count() * kBlockBits);
  scale.bars.resize(scratch.plane_words_);
  for (size_t b = 0; b < image_.block_count(); ++b) {
    const size_t row = b * image_.plane_count() * kBlockWords;
    uint16_t* const possible = scale.possible.data() + b * kBlockBits;
    kernel_->spread(scratch.sums_.data() + row, image_.plane_count(), possible);
    std::array<uint16_t, kBlockBits> needed;
    for (size_t i = 0; i < kBlockBits; ++i) needed[i] = needed_[possible[i]];
    Gather(needed.data(), image_.plane_count(), scale.bars.data() + row);
  }
}

void Matcher::AddUp(const LineIds& ids, const Scale& scale, Scratch& scratch) const {
  size_t count = 0;
  for (const uint32_t id : ids) {
    const ResolvedLine& line = scratch.lines_[id];
    for (uint32_t left = line.present; left != 0; left &= left - 1) {
      const auto i = static_cast<size_t>(std::countr_zero(left));
      scratch.views_[count++] = scratch.dynamic_.View(line.sets[i]);
    }
  }
  OSPREY_DCHECK(count == scale.attributes.size());
  const SetView* const views = scratch.views_.data();
  const size_t blocks = image_.block_count();

  LineIds key = ids;
  key[kSeq] = 0;
  const uint64_t hash = XXH3_64bits(key.data(), sizeof(key));
  auto& entries = scratch.sum_entries_;
  size_t slot = scratch.sum_index_.Find(hash, [&](size_t s) { return entries[s].key == key; });
  if (slot == SlotIndex::kNotFound || entries.empty()) {
    if (!entries.empty()) entries[scratch.sum_index_.Replace(hash)] = {key, false};
    kernel_->add({&scale.all, views, nullptr, scratch.sums_.data(), blocks});
    return;
  }
  uint64_t* const base = scratch.sum_planes_.data() + slot * scratch.plane_words_;
  if (!entries[slot].filled) {
    kernel_->add({&scale.rest, views + scale.seq_count, nullptr, base, blocks});
    entries[slot].filled = true;
  } else {
    ++scratch.counters_.sum_hits;
  }
  kernel_->add({&scale.seq, views, base, scratch.sums_.data(), blocks});
}

void Matcher::Rank(const Scale& scale, Scratch& scratch, MatchList& out) const {
  Ranking ranking(out);
  bool more = true;
  std::array<uint16_t, kBlockBits> matched;
  for (size_t b = 0; more && b < image_.block_count(); ++b) {
    const uint64_t* const candidates = scratch.candidates_.data() + b * kBlockWords;
    uint64_t any = 0;
    for (size_t w = 0; w < kBlockWords; ++w) any |= candidates[w];
    if (any == 0) continue;
    kernel_->spread(scratch.sums_.data() + b * image_.plane_count() * kBlockWords,
                    image_.plane_count(), matched.data());
    for (size_t w = 0; more && w < kBlockWords; ++w) {
      for (uint64_t left = candidates[w]; more && left != 0; left &= left - 1) {
        const size_t i = w * 64 + static_cast<size_t>(std::countr_zero(left));
        const size_t reference = b * kBlockBits + i;
        const double accuracy =
            static_cast<double>(matched[i]) / static_cast<double>(scale.possible[reference]);
        more = ranking.Offer(static_cast<uint32_t>(reference), image_.reference(reference).name_id,
                             name_is_unique_[reference], accuracy);
      }
    }
  }
  ranking.Finish();
}

Score Matcher::ScoreOf(const db::Fingerprint& subject, uint32_t reference) const {
  Score score;
  for (size_t i = 0; i < db::kAttributeCount; ++i) {
    const auto attribute = static_cast<db::AttributeId>(i);
    if (!subject.Has(attribute)) continue;
    const db::ExpressionRecord* const expression = image_.Find(reference, attribute);
    if (expression == nullptr) continue;
    score.possible += units_[i];
    if (db::Matches(image_.Text(expression->text), subject.Get(attribute),
                    db::Info(attribute).is_options)) {
      score.matched += units_[i];
    }
  }
  return score;
}

}  // namespace osprey::matcher
