// SPDX-License-Identifier: Apache-2.0
// Which pairs belong on a subject's shortlist (shortlist.h): those that can be in the result of any
// host with the subject's GCD. Others that are as good come with them.
#include <algorithm>
#include <bit>

#include "matcher/matcher.h"

namespace osprey::matcher {
namespace {

constexpr double kMargin = 0.0027;
static_assert(kMargin > (Shortlist::kMaxListings + 4) * kWindow);

// Pairs are put in order by how far their accuracy is below 1, in units so small that no two
// accuracies come out equal: numbers of kMaxPlanes bits give fractions that differ by 2^-32 or
// more, and distances are those of doubles from 0.5 to 1.
constexpr size_t kDistanceShift = 53 - 33;
static_assert(kMaxPlanes <= 16);

uint64_t PairKey(double accuracy, ListedPair pair) {
  const uint64_t distance = kOneBits - std::bit_cast<uint64_t>(accuracy);
  return (distance >> kDistanceShift) << 32 | pair;
}

// One more than a list takes, to see whether there are more.
constexpr size_t kWanted = Shortlist::kMaxPairs + 1;

// The best kWanted, in any order.
void KeepBest(std::vector<uint64_t>& keys) {
  if (keys.size() <= kWanted) return;
  std::nth_element(keys.begin(), keys.begin() + kWanted - 1, keys.end());
  keys.resize(kWanted);
}

}  // namespace

void Matcher::FillShortlist(const ResolvedSubject& subject, Shortlist& list,
                            Scratch& scratch) const {
  ++scratch.counters_.shortlists_made;
  Scale& scale = ScaleFor(subject, scratch);
  SetViews(subject, scale, scratch);
  if (!scale.has_rest) FillRest(scale);
  const size_t blocks = image_.block_count();
  const size_t words = blocks * kBlockWords;
  kernel_->add({scale.rest, scratch.views_.data() + scale.noisy_count, nullptr,
                scratch.matched_.data(), blocks});
  for (size_t i = 0; i < scale.noisy_count; ++i) {
    const db::AttributeRecord& attribute = image_.attributes()[scale.attributes[i]];
    scratch.views_[i] = scratch.resolver_.View(attribute.present_set);
  }
  kernel_->add({noisy_plans_[scale.present[0] & kNoisyMask], scratch.views_.data(),
                scratch.matched_.data(), scratch.most_.data(), blocks});
  kernel_->select(scratch.most_.data(), scale.possible.data(), blocks, image_.plane_count(),
                  kLevels, scratch.reached_.data());
  // A level with more references than a list can have leaves none out that it would have.
  size_t level = kLevels - 1;
  while (level > 0 && kernel_->count(scratch.reached_.data() + level * words, words) <=
                          Shortlist::kMaxListings) {
    --level;
  }
  const size_t count = TakeListings(scale, scratch.reached_.data() + level * words, scratch);
  double bound = ShortlistBound(subject, count, scratch);
  if (level > 0) bound = std::max(bound, kLevelTable[level].accuracy);
  CollectPairs(scale, count, bound, scratch);
  scratch.shortlists_.Fill(list, std::span(scratch.listings_).first(count), scratch.pairs_, bound,
                           ContextOf(scratch), scratch.marks_, scratch.places_);
}

// 36 names are clearly above it whatever SP and ISR are, or it is 0. Counted from the best down in
// 256 steps.
double Matcher::ShortlistBound(const ResolvedSubject& subject, size_t listings,
                               Scratch& scratch) const {
  constexpr size_t kBuckets = 256;
  constexpr double kScale = kBuckets / (1 - kAccuracyBar);
  constexpr size_t kGcd = 1;
  std::array<uint32_t, kBuckets + 1> ends{};
  const bool has_gcd = subject.noisy[kGcd] != kNoSet;
  const SetView gcd = scratch.resolver_.View(has_gcd ? subject.noisy[kGcd] : 0);
  for (size_t i = 0; i < listings; ++i) {
    const Listing& listing = scratch.listings_[i];
    const bool adds = has_gcd && gcd.Has(listing.reference);
    const double above =
        (AccuracyOf(listing, noisy_points_[adds ? 1u << kGcd : 0]) - kAccuracyBar) * kScale;
    const size_t bucket = above < 0 ? 0 : std::min(static_cast<size_t>(above) + 1, kBuckets);
    scratch.buckets_[i] = static_cast<uint16_t>(bucket);
    ++ends[bucket];
  }
  for (size_t i = 1; i <= kBuckets; ++i) ends[i] += ends[i - 1];
  for (size_t i = listings; i-- > 0;) {
    scratch.by_bucket_[--ends[scratch.buckets_[i]]] = static_cast<uint32_t>(i);
  }
  scratch.marks_.Begin();
  size_t names = 0;
  for (size_t i = listings; i-- > 0;) {
    const uint32_t place = scratch.by_bucket_[i];
    if (scratch.buckets_[place] == 0) break;
    if (!scratch.marks_.Mark(names_.id(scratch.listings_[place].reference))) continue;
    if (++names < kMaxMatches) continue;
    const double least =
        kAccuracyBar + static_cast<double>(scratch.buckets_[place] - 1) / kScale - 1e-9;
    return least - kMargin < kAccuracyBar ? 0 : least - kMargin;
  }
  return 0;
}

// The best pairs of the listings, in order, into scratch.pairs_. A reference without an attribute
// cannot be matched by it.
void Matcher::CollectPairs(const Scale& scale, size_t listings, double bound,
                           Scratch& scratch) const {
  const double least = std::max(bound, kAccuracyBar);
  std::vector<uint64_t>& keys = scratch.pair_keys_;
  keys.clear();
  for (size_t i = 0; i < listings; ++i) {
    const Listing& listing = scratch.listings_[i];
    uint32_t has = 0;
    for (size_t k = 0; k < scale.noisy_count; ++k) {
      has |= uint32_t{scratch.views_[k].Has(listing.reference)} << scale.attributes[k];
    }
    if (AccuracyOf(listing, noisy_points_[has]) < least) continue;
    if (keys.size() + noisy_points_.size() > Scratch::kMaxPairKeys) KeepBest(keys);
    for (uint32_t choice = 0; choice <= has; ++choice) {
      const double accuracy = AccuracyOf(listing, noisy_points_[choice]);
      if ((choice & has) != choice || accuracy < least) continue;
      keys.push_back(PairKey(accuracy, static_cast<ListedPair>(i << kNoisyCount | choice)));
    }
  }
  KeepBest(keys);
  std::sort(keys.begin(), keys.end());
  scratch.pairs_.clear();
  for (const uint64_t key : keys) scratch.pairs_.push_back(static_cast<ListedPair>(key));
}

}  // namespace osprey::matcher
