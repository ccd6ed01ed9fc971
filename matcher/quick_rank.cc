// SPDX-License-Identifier: Apache-2.0
#include "matcher/quick_rank.h"

#include <bit>
#include <span>

namespace osprey::matcher {
namespace {

constexpr uint64_t kIndexMask = Candidates::kMax - 1;
constexpr uint64_t Distance(uint64_t key) { return key >> kIndexBits; }

// At first as many as the list needs and a few of the same name; if that is not enough, more.
struct Share {
  size_t least, most;
};
constexpr Share kShares[] = {{44, 64}, {96, kMaxOrdered}};

struct Best {
  alignas(64) std::array<uint64_t, kMaxOrdered> keys;
  size_t count;
  bool all;  // none that reaches 0.85 is missing
};

// All keys that reach 0.85 are below.
constexpr uint64_t kReachEnd = (kOneBits - std::bit_cast<uint64_t>(kAccuracyBar) + 1) << kIndexBits;

// A limit that between `share.least` and `share.most` keys are below.
uint64_t FindLimit(const Kernel& kernel, const Candidates& c, const Share& share) {
  uint64_t low = 0;
  uint64_t high = kReachEnd;
  for (;;) {
    const uint64_t middle = low + (high - low) / 2;
    const size_t below = kernel.count_below(c.keys.data(), c.PaddedCount(), middle);
    if (below < share.least) {
      low = middle;
    } else if (below > share.most) {
      high = middle;
    } else {
      return middle;
    }
  }
}

void TakeBest(const Kernel& kernel, const Candidates& c, size_t reaching, const Share& share,
              Best& best) {
  best.all = reaching <= share.most;
  const uint64_t limit = best.all ? kFarKey : FindLimit(kernel, c, share);
  std::array<uint64_t, kMaxOrdered + 1> keys;
  size_t count = 0;
  for (size_t i = 0; i < c.count; ++i) {
    keys[count] = c.keys[i];
    count += static_cast<size_t>(c.keys[i] < limit);
  }
  best.count = count;
  kernel.order(keys.data(), count, best.keys.data());
}

// The accuracies next to that of the last entry of a full list are clearly others.
bool StandsApart(std::span<const uint64_t> keys, uint64_t above, size_t next, uint64_t last,
                 bool all) {
  const double v = Candidates::Accuracy(last);
  if (above != Distance(last) && Candidates::Accuracy(above << kIndexBits) - v < kApart) {
    return false;
  }
  while (next < keys.size() && Distance(keys[next]) == Distance(last)) ++next;
  if (next == keys.size()) return all;
  return v - Candidates::Accuracy(keys[next]) >= kApart;
}

// As QuickRank, from the best ones in order.
bool Fill(const Candidates& c, const Best& best, bool complete, const Names& names,
          NameMarks& marks, MatchList& out) {
  marks.Begin();
  const std::span keys(best.keys.data(), best.count);
  const bool all = best.all && complete;
  out.count = 0;
  out.perfect = 0;
  uint64_t above = best.count == 0 ? 0 : Distance(keys[0]);  // of another accuracy, if there is one
  size_t i = 0;
  for (; i < keys.size() && out.count < kMaxMatches; ++i) {
    const uint32_t reference = c.references[keys[i] & kIndexMask];
    if (i > 0 && Distance(keys[i]) != Distance(keys[i - 1])) above = Distance(keys[i - 1]);
    if (!names.is_unique(reference) && !marks.Mark(names.id(reference))) continue;
    out.all[out.count++] = {reference, Candidates::Accuracy(keys[i])};
    if (Distance(keys[i]) == 0) ++out.perfect;
  }
  out.result = out.count == 0 ? MatchResult::kNoMatches : MatchResult::kSuccess;
  if (out.count < kMaxMatches) return all;
  if (out.perfect == kMaxMatches) return false;
  return StandsApart(keys, above, i, keys[i - 1], all);
}

}  // namespace

void Candidates::SetKeys(const Kernel& kernel) {
  const size_t end = PaddedCount();
  for (size_t i = count; i < end; ++i) matched[i] = possible[i] = 0;
  for (size_t i = 0; i < end; i += kKeyGroup) {
    kernel.to_keys(matched.data() + i, possible.data() + i, i, keys.data() + i);
  }
}

double Candidates::Accuracy(uint64_t key) {
  return std::bit_cast<double>(kOneBits - Distance(key));
}

bool QuickRank(const Kernel& kernel, const Candidates& candidates, bool complete,
               const Names& names, NameMarks& marks, MatchList& out) {
  const size_t reaching =
      kernel.count_below(candidates.keys.data(), candidates.PaddedCount(), kFarKey);
  for (const Share& share : kShares) {
    Best best;
    TakeBest(kernel, candidates, reaching, share, best);
    if (Fill(candidates, best, complete, names, marks, out)) return true;
    if (best.all) return false;
  }
  return false;
}

}  // namespace osprey::matcher
