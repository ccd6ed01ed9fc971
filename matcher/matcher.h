// SPDX-License-Identifier: Apache-2.0
#pragma once
// Finds the references that a fingerprint matches best: exactly the list that the rules of
// docs/os-detection.md, section 5, give, for all references at once.
//
// A match resolves each measured value to the set of references whose expression it matches (tables
// in the image). Then, for subjects seen for the first time, points are added up bit-sliced for all
// references (kernels.h), those that reach the bar are selected and ranked in the order of the
// database. For subjects like others before, the same is done on a shortlist, or the verdict is
// known (scratch.h).
//
// A Matcher is immutable and may be shared by threads; each thread has its own Scratch, made from
// the same image. No match allocates.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "db/fingerprint.h"
#include "db/image.h"
#include "matcher/kernels.h"
#include "matcher/scratch.h"
#include "matcher/shortlist.h"
#include "matcher/subject_resolver.h"
#include "matcher/verdict.h"

namespace osprey::matcher {

// The points of one reference, in units of image.header().point_unit.
struct Score {
  uint32_t matched = 0;
  uint32_t possible = 0;
  double accuracy() const {
    return possible == 0 ? 0 : static_cast<double>(matched) / static_cast<double>(possible);
  }
};

// Where attributes are present. Most attributes of a test are there in the same references: the
// sets of references that have an attribute, each once.
struct Presence {
  Presence(const db::Image& image, const Kernel& kernel, const AttributeUnits& units);

  SetView Complement(size_t i) const {
    return {identity.data(), complements.data() + i * identity.size() * kBlockWords};
  }

  std::vector<uint32_t> distinct;
  std::array<uint8_t, db::kAttributeCount> of_attribute;  // index into `distinct`
  std::vector<uint32_t> identity;                         // block numbers
  std::vector<uint64_t> complements;  // of the distinct sets, and behind them all ones
  std::vector<uint64_t> possible;     // plane set: the points of all attributes
};

class Matcher {
 public:
  // `kernel`: one of SupportedKernels(), or nullptr for the best.
  explicit Matcher(db::Image image, const Kernel* kernel = nullptr);

  // Replaces `out`. REQUIRES: `scratch` was made from the same image and is used by one thread.
  void Match(const db::Fingerprint& subject, Scratch& scratch, MatchList& out) const;

  // The same for many: out[i] is that of subjects[i]. Faster than one by one, as what the later
  // ones need from memory is asked for while the earlier ones are matched. REQUIRES: out is as
  // long.
  void MatchBatch(std::span<const db::Fingerprint> subjects, Scratch& scratch,
                  std::span<MatchList> out) const;

  // One reference's points, from its expressions: slow, for explanations.
  Score ScoreOf(const db::Fingerprint& subject, uint32_t reference) const;

  const db::Image& image() const { return image_; }
  const Kernel& kernel() const { return *kernel_; }

 private:
  using Scale = Scratch::Scale;

  // matcher.cc: what was matched before.
  //
  struct TextKey;
  static constexpr size_t kGroup = 8;
  void MatchGroup(std::span<const db::Fingerprint> group, Scratch& scratch,
                  std::span<MatchList> out) const;
  void MatchIn(const db::Fingerprint& subject, const TextKey& key, Scratch& scratch,
               MatchList& out) const;
  // Sets the keys, and asks memory for what the group will need.
  static void Prefetch(std::span<const db::Fingerprint> group, std::span<TextKey> keys,
                       Scratch& scratch);
  // The shortlist for the subject, if there is one or one is worth making; else nullptr.
  Shortlist* ShortlistFor(const ResolvedSubject& subject, Scratch& scratch) const;
  // False if that shortlist does not say.
  bool MatchShortlist(const NoisySets& noisy, Shortlist& list, Scratch& scratch,
                      MatchList& out) const;
  ShortlistContext ContextOf(const Scratch& scratch) const {
    return {noisy_points_, names_, scratch.resolver_};
  }

  // shortlist_maker.cc
  void FillShortlist(const ResolvedSubject& subject, Shortlist& list, Scratch& scratch) const;
  double ShortlistBound(const ResolvedSubject& subject, size_t listings, Scratch& scratch) const;
  void CollectPairs(const Scale& scale, size_t listings, double bound, Scratch& scratch) const;

  // match_all.cc: all references.
  void MatchAll(const ResolvedSubject& subject, Scratch& scratch, MatchList& out) const;
  Scale& ScaleFor(const ResolvedSubject& subject, Scratch& scratch) const;
  void FillScale(Scale& scale, Scratch& scratch) const;
  void FillPossible(Scale& scale, Scratch& scratch) const;
  void FillRest(Scale& scale) const;
  // The sets of the subject's attributes, noisy ones first, into scratch.views_.
  void SetViews(const ResolvedSubject& subject, const Scale& scale, Scratch& scratch) const;
  void Rank(const Scale& scale, Scratch& scratch, MatchList& out) const;
  // Of the references in `chosen`, `count` of them, that reach a level. True if it is the list of
  // all references.
  bool RankLevel(const Scale& scale, const uint64_t* chosen, size_t count, size_t level,
                 Scratch& scratch, MatchList& out) const;
  template <class Visit>
  void ForEachChosen(const Scale& scale, const uint64_t* chosen, const Scratch& scratch,
                     Visit visit) const;
  void TakeCandidates(const Scale& scale, const uint64_t* chosen, Scratch& scratch) const;
  // Into scratch.listings_; returns how many.
  size_t TakeListings(const Scale& scale, const uint64_t* chosen, Scratch& scratch) const;
  // Reference by reference: from the candidates, or from plane sets.
  void RankCandidates(const Candidates& candidates, MatchList& out) const;
  void RankPlanes(const Scale& scale, const uint64_t* chosen, const Scratch& scratch,
                  MatchList& out) const;

  db::Image image_;
  const Kernel* kernel_;
  AttributeUnits units_;
  Presence presence_;
  std::array<AddPlan, 1 << kNoisyCount> noisy_plans_;  // by presence of the noisy attributes
  NoisyPoints noisy_points_;
  bool fits_shortlists_;  // the numbers of sets and references are small enough
  Names names_;
};

}  // namespace osprey::matcher
