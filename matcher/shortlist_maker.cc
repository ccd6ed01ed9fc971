// SPDX-License-Identifier: Apache-2.0
// Which references belong on a subject's shortlist (shortlist.h).
#include <algorithm>

#include "matcher/bits.h"
#include "matcher/matcher.h"

namespace osprey::matcher {

void Matcher::FillShortlist(const ResolvedSubject& subject, Shortlist& list,
                            Scratch& scratch) const {
  ++scratch.counters_.shortlists_made;
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
  kernel_->select(scratch.most_.data(), scale.possible.data(), blocks, image_.plane_count(), 1,
                  scratch.reached_.data());
  const size_t count = CollectListed(scale, scratch);
  const double bar = ShortlistBar(count, scratch);
  for (size_t i = 0; i < count; ++i) {
    const auto& c = scratch.listed_[i];
    if (static_cast<double>(c.most) / static_cast<double>(c.possible) < bar) continue;
    scratch.shortlists_.Add(list, c.reference, c.matched, c.possible);
  }
}

// All references that reach kAccuracyBar if the noisy attributes match.
size_t Matcher::CollectListed(const Scale& scale, Scratch& scratch) const {
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
      scratch.listed_[count++] = {static_cast<uint32_t>(b * kBlockBits + i), matched[i],
                                  possible[i], most[i], 0};
    });
  }
  return count;
}

// A bar as in shortlist.h, from the accuracies that those listed have at least, rounded down to
// 256 steps: counted from the best down until there are 36 names.
double Matcher::ShortlistBar(size_t listed, Scratch& scratch) const {
  constexpr size_t kBuckets = 256;
  constexpr double kScale = kBuckets / (1 - kAccuracyBar);
  std::array<uint32_t, kBuckets + 1> ends{};
  for (size_t i = 0; i < listed; ++i) {
    auto& c = scratch.listed_[i];
    const double least = static_cast<double>(c.matched) / static_cast<double>(c.possible);
    const double above = (least - kAccuracyBar) * kScale;
    c.bucket =
        static_cast<uint16_t>(above < 0 ? 0 : std::min(static_cast<size_t>(above) + 1, kBuckets));
    ++ends[c.bucket];
  }
  for (size_t i = 1; i <= kBuckets; ++i) ends[i] += ends[i - 1];
  for (size_t i = listed; i-- > 0;) {
    scratch.by_bucket_[--ends[scratch.listed_[i].bucket]] = static_cast<uint32_t>(i);
  }
  scratch.marks_.Begin();
  size_t names = 0;
  for (size_t i = listed; i-- > 0;) {
    const auto& c = scratch.listed_[scratch.by_bucket_[i]];
    if (c.bucket == 0) break;
    if (!scratch.marks_.Mark(names_.id(c.reference))) continue;
    if (++names == kMaxMatches) {
      const double least = kAccuracyBar + static_cast<double>(c.bucket - 1) / kScale - 1e-9;
      return least - kShortlistMargin;
    }
  }
  return 0;
}

}  // namespace osprey::matcher
