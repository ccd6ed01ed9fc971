// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which stateless probe goes out next: the first step of the discovery ladder.
//
// Model: passes over the whole permutation. Pass k sends step k of the plan (a cheap probe: SYN,
// ACK, echo or UDP) to every target that has not shown life in an earlier pass, so repeats are
// lagged by a whole pass and never back to back; between the starts of two passes lie at least
// `pass_lag_ns`. On-link targets get an ARP request instead, in the first passes only.
//
// A target's linear position is pass * places + place in this run's part of the permutation: the
// low-water mark counts in it. Every lane walks all positions and skips what other lanes own, so
// the position means the same whatever the number of lanes. The order of some dozens of places is
// computed ahead, together (engine/hash_kernels.h), and so is whose they are; that also lets their
// bits be fetched.
//
// Belongs to one lane's thread; no method allocates. Monotonic nanoseconds.

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "base/address.h"
#include "engine/done_set.h"
#include "engine/permutation.h"
#include "engine/random.h"
#include "engine/shard_plan.h"
#include "engine/target_set.h"

namespace osprey::engine {

// kKnownPort is a SYN to a port that is known from elsewhere (PortHint); targets without one are
// left out of that pass.
enum class ProbeKind : uint8_t { kSyn, kAck, kEcho, kUdp, kKnownPort };

struct DiscoveryStep {
  ProbeKind kind = ProbeKind::kSyn;
  HostOrderPort port = 0;

  friend bool operator==(const DiscoveryStep&, const DiscoveryStep&) = default;
};

// The same for all lanes, immutable while a scan runs.
struct DiscoveryPlan {
  const TargetSet* targets = nullptr;
  const Permutation* order = nullptr;    // of target indexes
  ShardPlan part{0, {}};                 // which positions of `order` this run visits, in steps
  std::span<const DiscoveryStep> steps;  // one a pass; empty: everything counts as up
  uint8_t arp_passes = 2;
  bool any_on_link = false;  // some target needs ARP
  int64_t pass_lag_ns = 500'000'000;
  int64_t reply_window_ns = 2'000'000'000;  // after which a reply is no longer expected
  HashKey lane_key{};
  uint32_t lanes = 1;

  uint64_t passes() const {
    return std::max<uint64_t>({1, steps.size(), any_on_link ? arp_passes : uint64_t{1}});
  }
  // Which step a pass takes, and how often it was taken before. REQUIRES: !steps.empty().
  const DiscoveryStep& StepOf(uint32_t pass) const {
    return pass < steps.size() ? steps[pass] : steps[pass % steps.size()];
  }
  uint32_t RepeatOf(uint32_t pass) const {
    return pass < steps.size() ? 0 : static_cast<uint32_t>(pass / steps.size());
  }
  bool AsksKnownPorts() const {
    return !steps.empty() && steps.front().kind == ProbeKind::kKnownPort;
  }
  uint64_t places() const { return part.size(); }
  uint64_t end() const { return passes() * places(); }
  uint32_t LaneOf(Ipv4Addr address) const {
    return lanes == 1 ? 0 : LaneFrom(KeyedHash(lane_key, address.slash24()));
  }
  uint32_t LaneFrom(uint64_t hash) const { return ScaleTo(static_cast<uint32_t>(hash), lanes); }
};

struct DiscoveryTarget {
  Ipv4Addr address;
  uint32_t index = 0;
  uint32_t pass = 0;
};

class Discovery {
 public:
  // `admitted` tells which indexes have shown life; both outlive this object. `start` is the
  // linear position to begin at (0, or a checkpoint's low-water mark).
  Discovery(const DiscoveryPlan* plan, uint32_t lane, const DoneSet* admitted, uint64_t start,
            int64_t now);

  // The next targets of this lane to probe, up to out.size(), all of one pass. Returns how many; 0
  // if there is none at this moment: see ResumeAt. Looks at no more than `budget` places, so that
  // one call is bounded, and gives up early likewise.
  size_t Next(int64_t now, uint32_t budget, std::span<DiscoveryTarget> out);

  // When Next may succeed again: `now` or earlier if at once, INT64_MAX if all passes are over.
  int64_t ResumeAt() const { return done_walking() ? INT64_MAX : resume_at_; }
  bool done_walking() const { return position_ >= end_; }
  // All passes are over, and so is the time in which replies to the last one may come.
  bool Finished(int64_t now) const;
  // Goes through all steps once more: targets that showed life were turned away for want of room.
  void Repeat() {
    end_ += plan_->end();
    finished_walking_ns_ = -1;
  }

  uint64_t position() const { return position_; }
  // The position below which no reply is expected any more. To be called at least now and then.
  uint64_t ReplyMark(int64_t now);

 private:
  static constexpr size_t kAhead = 64;  // bits of ahead_own_

  void BeginPass(int64_t now);
  // Goes on from place_ by at most `budget` places, no further than was computed ahead, and puts
  // what it finds behind the first `found` of `out`. Returns how many places it has looked at.
  uint32_t Walk(uint32_t budget, std::span<DiscoveryTarget> out, size_t& found);
  void LookAhead();
  uint64_t OwnAhead();

  const DiscoveryPlan* plan_;
  uint32_t lane_;
  const DoneSet* admitted_;
  uint64_t position_;
  uint64_t end_;
  uint64_t place_;  // position_ % places
  uint32_t pass_;   // position_ / places
  int64_t pass_start_ns_;
  int64_t resume_at_;
  int64_t finished_walking_ns_ = -1;
  uint64_t yielded_in_pass_ = 0;
  bool whole_pass_ = true;     // the pass under way was walked from its beginning
  bool nothing_left_ = false;  // a whole pass found no target without life
  struct Mark {
    int64_t time;
    uint64_t position;
  };
  std::array<Mark, 64> marks_{};  // ring: positions at past times
  size_t first_mark_ = 0;
  size_t mark_count_ = 0;
  uint64_t reply_mark_;
  // What is known of the places from ahead_from_ on.
  uint64_t ahead_from_ = 0;
  uint64_t ahead_count_ = 0;
  std::array<uint32_t, kAhead> ahead_{};            // target indexes
  std::array<Ipv4Addr, kAhead> ahead_addresses_{};  // of these
  uint64_t ahead_own_ = 0;                          // a bit each: is it this lane's?
};

}  // namespace osprey::engine
