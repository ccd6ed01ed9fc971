// SPDX-License-Identifier: Apache-2.0
#include "matcher/matcher.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "db/value_expression.h"

namespace osprey::matcher {
namespace {

uint64_t Mix(uint64_t key) {
  key *= 0x9E3779B97F4A7C15u;
  return key ^ (key >> 29);
}

}  // namespace

Matcher::Matcher(db::Image image, const Kernel* kernel)
    : image_(std::move(image)),
      kernel_(kernel != nullptr ? kernel : SupportedKernels().front()),
      units_(UnitsOf(image_)),
      presence_(image_, *kernel_, units_),
      names_(image_) {
  for (size_t i = 0; i < kNoisyCount; ++i) noisy_units_[i] = static_cast<uint16_t>(units_[i]);
  for (uint32_t present = 0; present < noisy_plans_.size(); ++present) {
    std::array<uint32_t, kNoisyCount> points;
    size_t count = 0;
    for (size_t i = 0; i < kNoisyCount; ++i) {
      if ((present >> i) & 1) points[count++] = units_[i];
    }
    noisy_plans_[present].Assign(std::span(points).first(count), image_.plane_count());
  }
}

void Matcher::Match(const db::Fingerprint& subject, Scratch& scratch, MatchList& out) const {
  MatchIn(subject, scratch.ForNext(), out);
}

void Matcher::MatchIn(const db::Fingerprint& subject, Scratch& scratch, MatchList& out) const {
  ++scratch.counters_.matches;
  // A host as one before, but for its noise?
  std::array<char, 498> key;
  const size_t key_size = scratch.texts_.empty() ? 0 : TextKey(subject, key);
  const uint64_t hash = XXH3_64bits(key.data(), key_size);
  const size_t slot = scratch.text_index_.Find(hash, [&](size_t s) {
    const auto& entry = scratch.texts_[s];
    return entry.size == key_size && std::memcmp(entry.key.data(), key.data(), key_size) == 0;
  });
  ResolvedSubject resolved;
  if (slot != SlotIndex::kNotFound) {
    const auto& entry = scratch.texts_[slot];
    Shortlist* const list = scratch.shortlists_.Get(entry.shortlist_slot, entry.shortlist_id);
    if (list != nullptr && scratch.resolver_.ResolveNoisy(subject, resolved.noisy)) {
      ++scratch.counters_.text_hits;
      ++scratch.counters_.shortlist_hits;
      return MatchShortlist(resolved.noisy, *list, scratch, out);
    }
  }

  if (!scratch.resolver_.Resolve(subject, resolved)) {
    scratch.Flush();
    OSPREY_CHECK(scratch.resolver_.Resolve(subject, resolved));  // one subject always fits
  }
  Shortlist* const list = ShortlistFor(resolved, scratch);
  if (list == nullptr || list->is_wide()) return MatchAll(resolved, scratch, out);
  if (key_size != 0) {
    const size_t replaced = slot != SlotIndex::kNotFound ? slot : scratch.text_index_.Replace(hash);
    auto& entry = scratch.texts_[replaced];
    entry.shortlist_id = list->id();
    entry.shortlist_slot = scratch.shortlists_.SlotOf(*list);
    entry.size = static_cast<uint16_t>(key_size);
    std::memcpy(entry.key.data(), key.data(), key_size);
  }
  MatchShortlist(resolved.noisy, *list, scratch, out);
}

// Which attributes there are, and lengths and bytes of all values but the noisy ones.
size_t Matcher::TextKey(const db::Fingerprint& subject, std::array<char, 498>& key) {
  constexpr size_t kLengths = db::kAttributeCount - kNoisyCount;
  const auto view = subject.Whole(kNoisyCount);
  if (!view) return 0;
  const size_t size = sizeof(*view->present) + kLengths + view->size;
  if (size > key.size()) return 0;
  char* const lengths = key.data() + sizeof(*view->present);
  std::memcpy(key.data(), view->present, sizeof(*view->present));
  std::memcpy(lengths, view->lengths, kLengths);
  std::memcpy(lengths + kLengths, view->bytes, view->size);
  return size;
}

Shortlist* Matcher::ShortlistFor(const ResolvedSubject& subject, Scratch& scratch) const {
  if (scratch.shortlists_.empty()) return nullptr;
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

void Matcher::MatchShortlist(const std::array<uint32_t, kNoisyCount>& noisy, Shortlist& list,
                             Scratch& scratch, MatchList& out) const {
  const auto local = scratch.shortlists_.LocalSets(list, noisy, scratch.resolver_);
  const uint64_t key = list.Key(local);
  const uint64_t hash = Mix(key);
  const size_t slot =
      scratch.verdict_index_.Find(hash, [&](size_t s) { return scratch.verdicts_[s].key == key; });
  if (slot != SlotIndex::kNotFound) {
    ++scratch.counters_.verdict_hits;
    const auto& verdict = scratch.verdicts_[slot];
    out.result = verdict.result;
    out.perfect = verdict.perfect;
    out.count = verdict.count;
    for (size_t i = 0; i < verdict.count; ++i) {
      out.all[i] = {verdict.references[i], verdict.accuracies[i]};
    }
    return;
  }

  scratch.shortlists_.Score(list, local, noisy_units_, *kernel_, scratch.candidates_);
  if (QuickRank(*kernel_, scratch.candidates_, true, names_, scratch.marks_, out)) {
    ++scratch.counters_.sorted;
  } else {
    RankCandidates(scratch.candidates_, out);
  }

  auto& verdict = scratch.verdicts_[scratch.verdict_index_.Replace(hash)];
  verdict.key = key;
  verdict.result = out.result;
  verdict.perfect = out.perfect;
  verdict.count = out.count;
  for (size_t i = 0; i < out.count; ++i) {
    verdict.references[i] = out.all[i].reference;
    verdict.accuracies[i] = out.all[i].accuracy;
  }
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
