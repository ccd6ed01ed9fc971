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

static_assert(kLevelTable[0].accuracy == kAccuracyBar);

constexpr uint32_t kNoisyMask = (1u << kNoisyCount) - 1;
// Fewer candidates than this are ranked without looking for a higher bar first.
constexpr size_t kFew = 2 * kMaxMatches;

std::vector<uint8_t> FindUniqueNames(const db::Image& image) {
  std::vector<uint32_t> uses(image.reference_count());
  for (size_t i = 0; i < uses.size(); ++i) ++uses[image.reference(i).name_id];
  std::vector<uint8_t> unique(uses.size());
  for (size_t i = 0; i < uses.size(); ++i) unique[i] = uses[image.reference(i).name_id] == 1;
  return unique;
}

// Single numbers of one block of a plane set: all spread at once if many are wanted, else put
// together bit by bit.
class Numbers {
 public:
  Numbers(const Kernel& kernel, const uint64_t* planes, size_t plane_count, size_t wanted)
      : planes_(planes), plane_count_(plane_count), is_spread_(wanted > kSpreadFrom) {
    if (is_spread_) kernel.spread(planes, plane_count, spread_.data());
  }

  uint32_t operator[](size_t i) const {
    if (is_spread_) return spread_[i];
    uint32_t number = 0;
    for (size_t k = 0; k < plane_count_; ++k) {
      const uint64_t bit = (planes_[k * kBlockWords + i / 64] >> (i % 64)) & 1;
      number |= static_cast<uint32_t>(bit) << k;
    }
    return number;
  }

 private:
  static constexpr size_t kSpreadFrom = 12;
  const uint64_t* planes_;
  size_t plane_count_;
  bool is_spread_;
  std::array<uint16_t, kBlockBits> spread_;
};

// Most attributes of a test are there in the same references: their points are added up once.
PresentSets FindPresentSets(const db::Image& image) {
  PresentSets out;
  for (size_t i = 0; i < db::kAttributeCount; ++i) {
    const uint32_t set = image.attributes()[i].present_set;
    const auto same = std::find(out.distinct.begin(), out.distinct.end(), set);
    out.of_attribute[i] = static_cast<uint8_t>(same - out.distinct.begin());
    if (same == out.distinct.end()) out.distinct.push_back(set);
  }
  return out;
}

uint64_t Mix(uint64_t key) {
  key *= 0x9E3779B97F4A7C15u;
  return key ^ (key >> 29);
}

template <typename Function>
void ForEachBit(const uint64_t* words, size_t word_count, Function function) {
  for (size_t w = 0; w < word_count; ++w) {
    for (uint64_t left = words[w]; left != 0; left &= left - 1) {
      function(w * 64 + static_cast<size_t>(std::countr_zero(left)));
    }
  }
}

}  // namespace

Matcher::Matcher(db::Image image, const Kernel* kernel)
    : image_(std::move(image)),
      kernel_(kernel != nullptr ? kernel : SupportedKernels().front()),
      units_(UnitsOf(image_)),
      present_sets_(FindPresentSets(image_)),
      name_is_unique_(FindUniqueNames(image_)) {
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
    Shortlist& list = scratch.shortlists_[entry.shortlist_slot];
    if (list.id() == entry.shortlist_id &&
        scratch.resolver_.ResolveNoisy(subject, resolved.noisy)) {
      ++scratch.counters_.text_hits;
      ++scratch.counters_.shortlist_hits;
      return MatchShortlist(resolved.noisy, list, scratch, out);
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
    entry.shortlist_slot = static_cast<uint32_t>(list - scratch.shortlists_.data());
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
  const uint64_t hash = XXH3_64bits(subject.lines.data(), sizeof(subject.lines));
  size_t slot = scratch.shortlist_index_.Find(
      hash, [&](size_t s) { return scratch.shortlists_[s].lines() == subject.lines; });
  if (slot != SlotIndex::kNotFound) {
    ++scratch.counters_.shortlist_hits;
  } else {
    if (!scratch.IsWorthKeeping(hash)) return nullptr;
    slot = scratch.shortlist_index_.Replace(hash);
    MakeShortlist(subject, scratch.shortlists_[slot], scratch);
  }
  return &scratch.shortlists_[slot];
}

// ---- all references

void Matcher::MatchAll(const ResolvedSubject& subject, Scratch& scratch, MatchList& out) const {
  const Scale& scale = ScaleFor(subject, scratch);
  SetViews(subject, scale, scratch);
  const size_t blocks = image_.block_count();
  kernel_->add({scale.all, scratch.views_.data(), nullptr, scratch.matched_.data(), blocks});
  Rank({scratch.matched_.data(), scale.possible.data(), nullptr, blocks}, scratch, out);
}

Matcher::Scale& Matcher::ScaleFor(const ResolvedSubject& subject, Scratch& scratch) const {
  std::array<uint64_t, 2> present{};
  for (const uint32_t id : subject.lines) {
    if (id == 0) continue;
    const ResolvedLine& line = scratch.resolver_.line(id);
    const size_t first = db::internal::FirstOf(static_cast<db::LineId>(line.line));
    present[first / 64] |= uint64_t{line.present} << (first % 64);
    if (first % 64 > 53) present[1] |= uint64_t{line.present} >> (64 - first % 64);
  }
  const uint64_t hash = XXH3_64bits(present.data(), sizeof(present));
  const size_t slot = scratch.scale_index_.Find(
      hash, [&](size_t s) { return scratch.scales_[s].present == present; });
  if (slot != SlotIndex::kNotFound) return scratch.scales_[slot];
  ++scratch.counters_.scale_misses;
  Scale& scale = scratch.scales_.empty() ? scratch.uncached_scale_
                                         : scratch.scales_[scratch.scale_index_.Replace(hash)];
  scale.present = present;
  FillScale(scale, scratch);
  return scale;
}

void Matcher::FillScale(Scale& scale, Scratch& scratch) const {
  scale.attributes.clear();
  scale.has_rest = false;
  std::array<uint32_t, db::kAttributeCount> points;
  std::array<uint32_t, db::kAttributeCount> points_of_set{};
  ForEachBit(scale.present.data(), scale.present.size(), [&](size_t i) {
    points[scale.attributes.size()] = units_[i];
    points_of_set[present_sets_.of_attribute[i]] += units_[i];
    scale.attributes.push_back(static_cast<db::AttributeId>(i));
  });
  scale.noisy_count = static_cast<size_t>(std::popcount(scale.present[0] & kNoisyMask));
  scale.all.Assign(std::span(points).first(scale.attributes.size()), image_.plane_count());

  size_t count = 0;
  for (size_t i = 0; i < present_sets_.distinct.size(); ++i) {
    if (points_of_set[i] == 0) continue;
    scratch.views_[count] = scratch.resolver_.View(present_sets_.distinct[i]);
    points[count++] = points_of_set[i];
  }
  scratch.present_plan_.Assign(std::span(points).first(count), image_.plane_count());
  scale.possible.resize(scratch.matched_.size());
  kernel_->add({scratch.present_plan_, scratch.views_.data(), nullptr, scale.possible.data(),
                image_.block_count()});
}

void Matcher::FillRest(Scale& scale) const {
  std::array<uint32_t, db::kAttributeCount> points;
  size_t count = 0;
  for (size_t i = scale.noisy_count; i < scale.attributes.size(); ++i) {
    points[count++] = units_[scale.attributes[i]];
  }
  scale.rest.Assign(std::span(points).first(count), image_.plane_count());
  scale.has_rest = true;
}

void Matcher::SetViews(const ResolvedSubject& subject, const Scale& scale, Scratch& scratch) const {
  size_t count = 0;
  for (size_t i = 0; i < kNoisyCount; ++i) {
    if ((scale.present[0] >> i) & 1) {
      scratch.views_[count++] = scratch.resolver_.View(subject.noisy[i]);
    }
  }
  for (const uint32_t id : subject.lines) {
    const ResolvedLine& line = scratch.resolver_.line(id);
    uint32_t left = line.present;
    if (line.line == static_cast<uint32_t>(db::LineId::kSeq)) left &= ~kNoisyMask;
    for (; left != 0; left &= left - 1) {
      const auto i = static_cast<size_t>(std::countr_zero(left));
      scratch.views_[count++] = scratch.resolver_.View(line.sets[i]);
    }
  }
  OSPREY_DCHECK(count == scale.attributes.size());
}

// ---- shortlists

void Matcher::MatchShortlist(const std::array<uint32_t, kNoisyCount>& noisy, Shortlist& list,
                             Scratch& scratch, MatchList& out) const {
  const uint32_t present = list.noisy_present();
  std::array<uint8_t, kNoisyCount> local{};
  for (size_t i = 0; i < kNoisyCount; ++i) {
    // Taken again from the start if the list forgot its numbers on the way.
    const uint64_t before = list.Key({});
    local[i] = list.LocalSet(noisy[i], scratch.resolver_, scratch.next_serial_);
    if (list.Key({}) != before) {
      for (size_t j = 0; j < i; ++j) {
        local[j] = list.LocalSet(noisy[j], scratch.resolver_, scratch.next_serial_);
      }
    }
  }
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

  static constexpr uint32_t kOnlyBlock = 0;
  std::array<SetView, kNoisyCount> views;
  size_t count = 0;
  for (size_t i = 0; i < kNoisyCount; ++i) {
    if ((present >> i) & 1) views[count++] = {&kOnlyBlock, list.local_words(local[i])};
  }
  std::array<uint64_t, kMaxPlanes * kBlockWords> matched;
  kernel_->add({noisy_plans_[present], views.data(), list.matched(), matched.data(), 1});
  Rank({matched.data(), list.possible(), list.references(), 1}, scratch, out);

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

void Matcher::MakeShortlist(const ResolvedSubject& subject, Shortlist& list,
                            Scratch& scratch) const {
  ++scratch.counters_.shortlists_made;
  list.Begin(subject.lines, scratch.next_serial_++);
  Scale& scale = ScaleFor(subject, scratch);
  list.set_noisy_present(static_cast<uint32_t>(scale.present[0]) & kNoisyMask);
  SetViews(subject, scale, scratch);
  if (!scale.has_rest) FillRest(scale);
  const size_t blocks = image_.block_count();
  kernel_->add({scale.rest, scratch.views_.data() + scale.noisy_count, nullptr,
                scratch.matched_.data(), blocks});
  for (size_t i = 0; i < scale.noisy_count; ++i) {
    const db::AttributeRecord& attribute = image_.attributes()[scale.attributes[i]];
    scratch.views_[i] = scratch.resolver_.View(attribute.present_set);
  }
  kernel_->add({noisy_plans_[scale.present[0] & kNoisyMask], scratch.views_.data(),
                scratch.matched_.data(), scratch.most_.data(), blocks});
  kernel_->select(scratch.most_.data(), scale.possible.data(), blocks, image_.plane_count(),
                  scratch.reached_.data());
  const size_t count = CollectCandidates(scale, scratch);
  const double bar = ShortlistBar(count, scratch);
  for (size_t i = 0; i < count; ++i) {
    const auto& c = scratch.candidates_[i];
    if (static_cast<double>(c.most) / static_cast<double>(c.possible) < bar) continue;
    if (list.size() == kShortlistSize) return list.set_wide();
    list.Add(c.reference, c.matched, c.possible);
  }
}

// All references that reach kAccuracyBar if the noisy attributes match.
size_t Matcher::CollectCandidates(const Scale& scale, Scratch& scratch) const {
  size_t count = 0;
  const size_t planes = image_.plane_count();
  std::array<uint16_t, kBlockBits> matched;
  std::array<uint16_t, kBlockBits> possible;
  std::array<uint16_t, kBlockBits> most;
  for (size_t b = 0; b < image_.block_count(); ++b) {
    const uint64_t* const candidates = scratch.reached_.data() + b * kBlockWords;
    if (kernel_->count(candidates, kBlockWords) == 0) continue;
    const size_t row = b * planes * kBlockWords;
    kernel_->spread(scratch.matched_.data() + row, planes, matched.data());
    kernel_->spread(scale.possible.data() + row, planes, possible.data());
    kernel_->spread(scratch.most_.data() + row, planes, most.data());
    ForEachBit(candidates, kBlockWords, [&](size_t i) {
      scratch.candidates_[count++] = {static_cast<uint32_t>(b * kBlockBits + i), matched[i],
                                      possible[i], most[i], 0};
    });
  }
  return count;
}

// A bar as in shortlist.h, from the accuracies that the candidates have at least, rounded down to
// 256 steps: counted from the best down until there are 36 names.
double Matcher::ShortlistBar(size_t candidates, Scratch& scratch) const {
  constexpr size_t kBuckets = 256;
  constexpr double kScale = kBuckets / (1 - kAccuracyBar);
  std::array<uint32_t, kBuckets + 1> ends{};
  for (size_t i = 0; i < candidates; ++i) {
    auto& c = scratch.candidates_[i];
    const double least = static_cast<double>(c.matched) / static_cast<double>(c.possible);
    const double above = (least - kAccuracyBar) * kScale;
    c.bucket =
        static_cast<uint16_t>(above < 0 ? 0 : std::min(static_cast<size_t>(above) + 1, kBuckets));
    ++ends[c.bucket];
  }
  for (size_t i = 1; i <= kBuckets; ++i) ends[i] += ends[i - 1];
  for (size_t i = candidates; i-- > 0;) {
    scratch.by_bucket_[--ends[scratch.candidates_[i].bucket]] = static_cast<uint32_t>(i);
  }
  ++scratch.stamp_;
  size_t names = 0;
  for (size_t i = candidates; i-- > 0;) {
    const auto& c = scratch.candidates_[scratch.by_bucket_[i]];
    if (c.bucket == 0) break;
    uint32_t& stamp = scratch.name_stamps_[image_.reference(c.reference).name_id];
    if (stamp == scratch.stamp_) continue;
    stamp = scratch.stamp_;
    if (++names == kMaxMatches) {
      const double least = kAccuracyBar + static_cast<double>(c.bucket - 1) / kScale - 1e-9;
      return least - kShortlistMargin;
    }
  }
  return 0;
}

// ---- ranking

// From the highest bar that leaves more than a few down to the one that counts. What a higher bar
// leaves out does not matter if the list is full of entries clearly above it (see shortlist.h).
void Matcher::Rank(const Lanes& lanes, Scratch& scratch, MatchList& out) const {
  const size_t words = lanes.block_count * kBlockWords;
  kernel_->select(lanes.matched, lanes.possible, lanes.block_count, image_.plane_count(),
                  scratch.reached_.data());
  if (kernel_->count(scratch.reached_.data(), words) > kFew) {
    for (size_t level = kLevels - 1; level > 0; --level) {
      const uint64_t* const candidates = scratch.reached_.data() + level * words;
      const size_t count = kernel_->count(candidates, words);
      if (count < kFew) continue;
      RankSome(lanes, candidates, out);
      const double clear = kLevelTable[level].accuracy + static_cast<double>(count + 2) * kWindow;
      if (out.result == MatchResult::kTooManyMatches ||
          (out.count == kMaxMatches && out.all[kMaxMatches - 1].accuracy >= clear)) {
        return;
      }
    }
  }
  RankSome(lanes, scratch.reached_.data(), out);
}

void Matcher::RankSome(const Lanes& lanes, const uint64_t* candidates, MatchList& out) const {
  Ranking ranking(out);
  const size_t planes = image_.plane_count();
  bool more = true;
  for (size_t b = 0; more && b < lanes.block_count; ++b) {
    const uint64_t* const block = candidates + b * kBlockWords;
    const size_t count = kernel_->count(block, kBlockWords);
    if (count == 0) continue;
    const size_t row = b * planes * kBlockWords;
    Numbers matched(*kernel_, lanes.matched + row, planes, count);
    Numbers possible(*kernel_, lanes.possible + row, planes, count);
    ForEachBit(block, kBlockWords, [&](size_t i) {
      const double accuracy = static_cast<double>(matched[i]) / static_cast<double>(possible[i]);
      if ((accuracy < ranking.bar() && accuracy != 1) || !more) return;
      const size_t lane = b * kBlockBits + i;
      const uint32_t reference =
          lanes.references == nullptr ? static_cast<uint32_t>(lane) : lanes.references[lane];
      more = ranking.Offer(reference, image_.reference(reference).name_id,
                           name_is_unique_[reference] != 0, accuracy);
    });
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
