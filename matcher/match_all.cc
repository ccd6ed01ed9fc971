// SPDX-License-Identifier: Apache-2.0
// Matching against all references: points by bit-sliced addition, then the best ones in order.
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <iterator>
#include <numeric>

#include "base/check.h"
#include "matcher/bits.h"
#include "matcher/matcher.h"
#include "matcher/ranking.h"

namespace osprey::matcher {
namespace {

static_assert(kLevelTable[0].accuracy == kAccuracyBar);

// Fewer references than this are ranked without looking for a higher bar first.
constexpr size_t kFew = 64;

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

}  // namespace

Presence::Presence(const db::Image& image, const Kernel& kernel, const AttributeUnits& units)
    : identity(image.block_count()),
      possible(image.block_count() * image.plane_count() * kBlockWords) {
  std::iota(identity.begin(), identity.end(), 0u);
  AddPlan plan;
  std::vector<SetView> views;
  for (size_t i = 0; i < db::kAttributeCount; ++i) {
    const uint32_t set = image.attributes()[i].present_set;
    const auto same = std::find(distinct.begin(), distinct.end(), set);
    of_attribute[i] = static_cast<uint8_t>(same - distinct.begin());
    views.push_back({image.set(set), image.blocks()});
    if (same != distinct.end()) continue;
    distinct.push_back(set);
    for (const uint32_t block : identity) {
      const uint64_t* const words =
          views.back().blocks + size_t{views.back().ids[block]} * kBlockWords;
      std::transform(words, words + kBlockWords, std::back_inserter(complements),
                     [](uint64_t word) { return ~word; });
    }
  }
  complements.resize(complements.size() + identity.size() * kBlockWords, ~uint64_t{0});
  plan.Assign(units, image.plane_count());
  kernel.add({plan, views.data(), nullptr, possible.data(), image.block_count()});
}

void Matcher::MatchAll(const ResolvedSubject& subject, Scratch& scratch, MatchList& out) const {
  const Scale& scale = ScaleFor(subject, scratch);
  SetViews(subject, scale, scratch);
  kernel_->add(
      {scale.all, scratch.views_.data(), nullptr, scratch.matched_.data(), image_.block_count()});
  Rank(scale, scratch, out);
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
  ForEachBit(scale.present.data(), scale.present.size(), [&](size_t i) {
    points[scale.attributes.size()] = units_[i];
    scale.attributes.push_back(static_cast<db::AttributeId>(i));
  });
  scale.noisy_count = static_cast<size_t>(std::popcount(scale.present[0] & kNoisyMask));
  scale.all.Assign(std::span(points).first(scale.attributes.size()), image_.plane_count());
  FillPossible(scale, scratch);
}

// The points of the attributes that the subject has; or, if that is shorter, those of all
// attributes minus those that it lacks. Points w are taken from a set by adding w to its complement
// and 2^planes - w to all.
void Matcher::FillPossible(Scale& scale, Scratch& scratch) const {
  const size_t sets = presence_.distinct.size();
  std::array<uint32_t, db::kAttributeCount + 1> has{};
  std::array<uint32_t, db::kAttributeCount + 1> lacks{};
  uint32_t lacking = 0;
  for (size_t i = 0; i < db::kAttributeCount; ++i) {
    const bool is_present = (scale.present[i / 64] >> (i % 64)) & 1;
    (is_present ? has : lacks)[presence_.of_attribute[i]] += units_[i];
    if (!is_present) lacking += units_[i];
  }
  const auto parts = [sets](const auto& points) {
    return sets - static_cast<size_t>(std::count(points.begin(), points.begin() + sets, 0u));
  };
  const bool subtract = parts(lacks) + 1 < parts(has);
  auto& points = subtract ? lacks : has;
  lacks[sets] = (0 - lacking) & ((1u << image_.plane_count()) - 1);
  size_t count = 0;
  for (size_t i = 0; i <= sets; ++i) {
    if (points[i] == 0) continue;
    scratch.views_[count] =
        subtract ? presence_.Complement(i) : scratch.resolver_.View(presence_.distinct[i]);
    points[count++] = points[i];
  }
  scratch.present_plan_.Assign(std::span(points).first(count), image_.plane_count());
  kernel_->add({scratch.present_plan_, scratch.views_.data(),
                subtract ? presence_.possible.data() : nullptr, scale.possible.data(),
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

// ---- ranking

// From the highest bar that leaves more than a few down to the one that counts.
void Matcher::Rank(const Scale& scale, Scratch& scratch, MatchList& out) const {
  const size_t blocks = image_.block_count();
  const size_t words = blocks * kBlockWords;
  const uint64_t* const reached = scratch.reached_.data();
  const auto select = [&](size_t levels) {
    kernel_->select(scratch.matched_.data(), scale.possible.data(), blocks, image_.plane_count(),
                    levels, scratch.reached_.data());
  };
  const auto count_of = [&](size_t level) {
    return kernel_->count(reached + level * words, words);
  };
  select(2);
  const size_t all = count_of(0);
  if (all > kFew) {
    const bool many = count_of(1) > 2 * kFew;
    if (many) select(kLevels);
    for (size_t level = many ? kLevels - 1 : 1; level > 0; --level) {
      const size_t count = count_of(level);
      if (count < kFew) continue;
      if (RankLevel(scale, reached + level * words, count, level, scratch, out)) return;
    }
  }
  RankLevel(scale, reached, all, 0, scratch, out);
}

// What a higher bar leaves out does not matter if the list is full of entries clearly above it (see
// shortlist.h).
bool Matcher::RankLevel(const Scale& scale, const uint64_t* chosen, size_t count, size_t level,
                        Scratch& scratch, MatchList& out) const {
  if (count <= Candidates::kMax) {
    TakeCandidates(scale, chosen, scratch);
    if (QuickRank(*kernel_, scratch.candidates_, level == 0, names_, scratch.marks_, out)) {
      ++scratch.counters_.sorted;
      return true;
    }
    RankCandidates(scratch.candidates_, out);
  } else {
    RankPlanes(scale, chosen, scratch, out);
  }
  const double clear = kLevelTable[level].accuracy + static_cast<double>(count + 2) * kWindow;
  return level == 0 || out.result == MatchResult::kTooManyMatches ||
         (out.count == kMaxMatches && out.all[kMaxMatches - 1].accuracy >= clear);
}

// Calls `visit` with each chosen reference and its points, matched and possible, in the order of
// the database, until it returns false.
template <class Visit>
void Matcher::ForEachChosen(const Scale& scale, const uint64_t* chosen, const Scratch& scratch,
                            Visit visit) const {
  const size_t planes = image_.plane_count();
  bool more = true;
  for (size_t b = 0; more && b < image_.block_count(); ++b) {
    const uint64_t* const block = chosen + b * kBlockWords;
    const size_t count = kernel_->count(block, kBlockWords);
    if (count == 0) continue;
    const size_t row = b * planes * kBlockWords;
    const Numbers matched(*kernel_, scratch.matched_.data() + row, planes, count);
    const Numbers possible(*kernel_, scale.possible.data() + row, planes, count);
    ForEachBit(block, kBlockWords, [&](size_t i) {
      more = more && visit(static_cast<uint32_t>(b * kBlockBits + i), matched[i], possible[i]);
    });
  }
}

void Matcher::TakeCandidates(const Scale& scale, const uint64_t* chosen, Scratch& scratch) const {
  Candidates& out = scratch.candidates_;
  out.count = 0;
  ForEachChosen(scale, chosen, scratch, [&](uint32_t reference, auto matched, auto possible) {
    out.matched[out.count] = static_cast<uint16_t>(matched);
    out.possible[out.count] = static_cast<uint16_t>(possible);
    out.references[out.count++] = reference;
    return true;
  });
  out.SetKeys(*kernel_);
}

size_t Matcher::TakeListings(const Scale& scale, const uint64_t* chosen, Scratch& scratch) const {
  size_t count = 0;
  ForEachChosen(scale, chosen, scratch, [&](uint32_t reference, auto matched, auto possible) {
    scratch.listings_[count++] = {reference, static_cast<uint16_t>(matched),
                                  static_cast<uint16_t>(possible)};
    return true;
  });
  return count;
}

void Matcher::RankCandidates(const Candidates& candidates, MatchList& out) const {
  Ranking ranking(out);
  for (size_t i = 0; i < candidates.count; ++i) {
    if (candidates.keys[i] >= kFarKey) continue;
    const uint32_t reference = candidates.references[i];
    const double accuracy = Candidates::Accuracy(candidates.keys[i]);
    if (!ranking.Offer(reference, names_.id(reference), names_.is_unique(reference), accuracy)) {
      break;
    }
  }
  ranking.Finish();
}

void Matcher::RankPlanes(const Scale& scale, const uint64_t* chosen, const Scratch& scratch,
                         MatchList& out) const {
  Ranking ranking(out);
  ForEachChosen(scale, chosen, scratch, [&](uint32_t reference, auto matched, auto possible) {
    const double accuracy = static_cast<double>(matched) / static_cast<double>(possible);
    if (accuracy < ranking.bar() && accuracy != 1) return true;
    return ranking.Offer(reference, names_.id(reference), names_.is_unique(reference), accuracy);
  });
  ranking.Finish();
}

}  // namespace osprey::matcher
