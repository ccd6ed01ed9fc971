// SPDX-License-Identifier: Apache-2.0
#pragma once
// Finds the references that a fingerprint matches best: exactly the list that the rules of
// docs/os-detection.md, section 5, give, for all references at once.
//
// A match resolves each measured value to the set of references whose expression it matches (tables
// in the image), adds up points bit-sliced over those sets (kernels.h), keeps the references that
// reach the bar, and ranks them in the order of the database. What repeats is cached in the
// Scratch.
//
// A Matcher is immutable and may be shared by threads; each thread has its own Scratch, made from
// the same image. Nothing allocates once a Scratch has seen the attributes that occur.

#include <cstdint>
#include <string_view>
#include <vector>

#include "db/fingerprint.h"
#include "db/image.h"
#include "matcher/kernels.h"
#include "matcher/scratch.h"
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

class Matcher {
 public:
  // `kernel`: one of SupportedKernels(), or nullptr for the best.
  explicit Matcher(db::Image image, const Kernel* kernel = nullptr);

  // Replaces `out`. REQUIRES: `scratch` was made from the same image and is used by one thread.
  void Match(const db::Fingerprint& subject, Scratch& scratch, MatchList& out) const;

  // One reference's points, from its expressions: slow, for explanations.
  Score ScoreOf(const db::Fingerprint& subject, uint32_t reference) const;

  const db::Image& image() const { return image_; }
  const Kernel& kernel() const { return *kernel_; }

 private:
  using Scale = Scratch::Scale;

  // False if ids have run out.
  bool ResolveLines(const db::Fingerprint& subject, Scratch& scratch, LineIds& ids) const;
  std::optional<uint32_t> LineIdOf(const db::Fingerprint& subject, db::LineId line,
                                   Scratch& scratch) const;
  std::optional<uint32_t> ResolveLine(const db::Fingerprint& subject, db::LineId line,
                                      Scratch& scratch) const;

  void ScoreAll(const LineIds& ids, Scratch& scratch, MatchList& out) const;
  const Scale& ScaleFor(const LineIds& ids, Scratch& scratch) const;
  void FillScale(Scale& scale, Scratch& scratch) const;
  void AddUp(const LineIds& ids, const Scale& scale, Scratch& scratch) const;
  void Rank(const Scale& scale, Scratch& scratch, MatchList& out) const;

  db::Image image_;
  const Kernel* kernel_;
  std::array<uint32_t, db::kAttributeCount> units_;  // points / point_unit
  std::vector<uint16_t> needed_;      // by possible points: the least that reach kAccuracyBar
  std::vector<bool> name_is_unique_;  // by reference
};

}  // namespace osprey::matcher
