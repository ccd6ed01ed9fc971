// SPDX-License-Identifier: Apache-2.0
#include "matcher/matcher.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <optional>
#include <utility>

#include "base/check.h"
#include "db/value_expression.h"

namespace osprey::matcher {

Matcher::Matcher(db::Image image, const Kernel* kernel)
    : image_(std::move(image)),
      kernel_(kernel != nullptr ? kernel : SupportedKernels().front()),
      units_(UnitsOf(image_)),
      presence_(image_, *kernel_, units_),
      fits_shortlists_(image_.reference_count() <= size_t{1} << Shortlist::kReferenceBits &&
                       image_.header().set_count + DynamicSets::kMost <= Shortlist::kMaxSets),
      names_(image_) {
  for (uint32_t present = 0; present < noisy_plans_.size(); ++present) {
    std::array<uint32_t, kNoisyCount> points;
    size_t count = 0;
    for (size_t i = 0; i < kNoisyCount; ++i) {
      if ((present >> i) & 1) points[count++] = units_[i];
    }
    noisy_points_[present] =
        static_cast<uint16_t>(std::accumulate(points.begin(), points.begin() + count, 0u));
    noisy_plans_[present].Assign(std::span(points).first(count), image_.plane_count());
  }
}

// What finds the subject in scratch.texts_: which attributes there are, and lengths and bytes of
// all values but the noisy ones.
struct Matcher::TextKey {
  void Set(const db::Fingerprint& subject) {
    constexpr size_t kLengths = db::kAttributeCount - kNoisyCount;
    const auto view = subject.Whole(kNoisyCount);
    if (!view) return;
    const size_t needed = sizeof(*view->present) + kLengths + view->size;
    if (needed > bytes.size()) return;
    size = needed;
    char* const lengths = bytes.data() + sizeof(*view->present);
    std::memcpy(bytes.data(), view->present, sizeof(*view->present));
    std::memcpy(lengths, view->lengths, kLengths);
    std::memcpy(lengths + kLengths, view->bytes, view->size);
    hash = XXH3_64bits(bytes.data(), size);
  }
  bool IsOf(const Scratch::TextEntry& entry) const {
    return entry.size == size && std::memcmp(entry.key.data(), bytes.data(), size) == 0;
  }

  size_t size = 0;  // 0: it has no key
  uint64_t hash = 0;
  std::array<char, Scratch::kMaxTextKey> bytes;
};

void Matcher::Match(const db::Fingerprint& subject, Scratch& scratch, MatchList& out) const {
  Scratch& chosen = scratch.ForNext(1);
  TextKey key;
  if (!chosen.texts_.empty()) key.Set(subject);
  MatchIn(subject, key, chosen, out);
}

void Matcher::MatchBatch(std::span<const db::Fingerprint> subjects, Scratch& scratch,
                         std::span<MatchList> out) const {
  for (size_t first = 0; first < subjects.size(); first += kGroup) {
    const size_t count = std::min(kGroup, subjects.size() - first);
    MatchGroup(subjects.subspan(first, count), scratch.ForNext(count), out.subspan(first, count));
  }
}

// Each step of the way to a shortlist waits for memory. So all subjects of a group take one step
// before any takes the next. Nothing is decided here that a match would rely on.
void Matcher::MatchGroup(std::span<const db::Fingerprint> group, Scratch& scratch,
                         std::span<MatchList> out) const {
  std::array<TextKey, kGroup> keys;
  if (!scratch.texts_.empty()) Prefetch(group, keys, scratch);
  for (size_t i = 0; i < group.size(); ++i) MatchIn(group[i], keys[i], scratch, out[i]);
}

void Matcher::Prefetch(std::span<const db::Fingerprint> group, std::span<TextKey> keys,
                       Scratch& scratch) {
  std::array<size_t, kGroup> slots;
  std::array<NoisySets, kGroup> sets;
  for (size_t i = 0; i < group.size(); ++i) {
    keys[i].Set(group[i]);
    scratch.text_index_.Prefetch(keys[i].hash);
  }
  for (size_t i = 0; i < group.size(); ++i) {
    slots[i] = scratch.text_index_.Guess(keys[i].hash);
    if (slots[i] == SlotIndex::kNotFound) continue;
    scratch.PrefetchText(slots[i], keys[i].size);
    if (!scratch.resolver_.ResolveNoisy(group[i], sets[i])) slots[i] = SlotIndex::kNotFound;
  }
  for (size_t i = 0; i < group.size(); ++i) {
    if (slots[i] == SlotIndex::kNotFound) continue;
    scratch.shortlists_.PrefetchHead(scratch.texts_[slots[i]].shortlist_slot, sets[i]);
  }
  for (size_t i = 0; i < group.size(); ++i) {
    if (slots[i] == SlotIndex::kNotFound) continue;
    scratch.shortlists_.PrefetchBody(scratch.texts_[slots[i]].shortlist_slot, sets[i]);
  }
}

void Matcher::MatchIn(const db::Fingerprint& subject, const TextKey& key, Scratch& scratch,
                      MatchList& out) const {
  ++scratch.counters_.matches;
  // A host as one before, but for its noise?
  const size_t slot =
      scratch.text_index_.Find(key.hash, [&](size_t s) { return key.IsOf(scratch.texts_[s]); });
  ResolvedSubject resolved;
  Shortlist* list = nullptr;
  if (slot != SlotIndex::kNotFound) {
    const auto& entry = scratch.texts_[slot];
    list = scratch.shortlists_.Get(entry.shortlist_slot, entry.shortlist_id);
    if (list != nullptr && scratch.resolver_.ResolveNoisy(subject, resolved.noisy)) {
      ++scratch.counters_.text_hits;
      ++scratch.counters_.shortlist_hits;
      if (MatchShortlist(resolved.noisy, *list, scratch, out)) return;
    }
  }

  if (!scratch.resolver_.Resolve(subject, resolved)) {
    scratch.Flush();
    OSPREY_CHECK(scratch.resolver_.Resolve(subject, resolved));  // one subject always fits
  }
  if (list == nullptr) {
    list = ShortlistFor(resolved, scratch);
    if (list != nullptr && key.size != 0) {
      const size_t s = slot != SlotIndex::kNotFound ? slot : scratch.text_index_.Replace(key.hash);
      auto& entry = scratch.texts_[s];
      entry.shortlist_id = list->id();
      entry.shortlist_slot = scratch.shortlists_.SlotOf(*list);
      entry.size = static_cast<uint16_t>(key.size);
      std::memcpy(entry.key.data(), key.bytes.data(), key.size);
    }
    if (list != nullptr && MatchShortlist(resolved.noisy, *list, scratch, out)) return;
  }
  MatchAll(resolved, scratch, out);
}

Shortlist* Matcher::ShortlistFor(const ResolvedSubject& subject, Scratch& scratch) const {
  if (scratch.shortlists_.empty() || !fits_shortlists_) return nullptr;
  const uint64_t hash = ShortlistStore::Hash(subject.lines);
  Shortlist* list = scratch.shortlists_.Find(hash, subject.lines);
  if (list != nullptr) {
    ++scratch.counters_.shortlist_hits;
    return list;
  }
  if (!scratch.IsWorthKeeping(hash)) return nullptr;
  list = &scratch.shortlists_.Make(hash, subject.lines);
  FillShortlist(subject, *list, scratch);
  return list;
}

bool Matcher::MatchShortlist(const NoisySets& noisy, Shortlist& list, Scratch& scratch,
                             MatchList& out) const {
  if (!scratch.shortlists_.Match(list, noisy, ContextOf(scratch), out)) return false;
  ++scratch.counters_.shortlist_results;
  return true;
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
