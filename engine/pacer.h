// SPDX-License-Identifier: Apache-2.0
#pragma once
// When a lane may send: packets per second and bits per second, each an absolute schedule on the
// monotonic clock, so that errors of one wake-up do not add up and the rate is exact.
//
// Model, once per limit: `due` is the time at which the next packet (or byte) may leave; sending
// moves it on by the cost of what was sent. A sender that is late may catch up at once, but only by
// `catch_up_ns`, so no burst ever follows a pause. What a longer stall has cost is owed: each
// packet then takes 1/kMakeUpShare less of the schedule until that is made up, so the average is
// exact and the rate never more than 3.2 % above what was asked for. More than kMostOwedNs is
// forfeited (and counted), and so is all that passes while there is nothing to send: see Idle. Who
// sends more than was allowed (a SEQ probe cannot wait) goes into debt, and what follows waits.
//
// Packets that somebody else sends on our account (the kernel, for one) are billed afterwards: each
// packet of ours pays for one of them too, and so does time that nobody used. So they count, no
// stall follows, and whoever makes the other send takes half of the rate at most.
//
// Numbers: times are kept in 2^-32 ns, so a rate is right to 1 part in 10^9 at 10 million packets
// per second. Nanoseconds outside. Belongs to one thread; no method allocates.

#include <cstdint>
#include <limits>

namespace osprey {

struct PaceLimits {
  double packets_per_second = 0;  // 0: no limit
  double bits_per_second = 0;     // 0: no limit; of the bytes given to Consume

  friend bool operator==(const PaceLimits&, const PaceLimits&) = default;
};

class Pacer {
 public:
  static constexpr int64_t kDefaultCatchUpNs = 1'000'000;
  static constexpr int64_t kMakeUpShare = 32;
  static constexpr int64_t kMostOwedNs = 500'000'000;
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  // The first packet may leave at `now_ns`.
  // REQUIRES: limits are 0 or in 1e-3 .. 1e12; 0 <= catch_up_ns <= 1e9; now_ns >= 0.
  Pacer(const PaceLimits& limits, int64_t now_ns, int64_t catch_up_ns = kDefaultCatchUpNs);

  // How many packets of `bytes_each` may leave now, at most `max`. Does not take them: call Consume
  // with what was sent. Notices what a stall has cost.
  uint32_t Allowance(int64_t now_ns, uint32_t max, uint32_t bytes_each) noexcept;

  // Notes that `packets` with `bytes` in all were sent, allowed or not.
  void Consume(uint64_t packets, uint64_t bytes) noexcept {
    if (billed_ != 0) Pay(packets);
    Take(packets, bytes);
  }

  // Notes that a packet of `bytes` left that was not given to Consume. What would take more than
  // kMostOwedNs is forgotten.
  void Bill(uint32_t bytes) noexcept;

  // There was nothing more to send. The time from here to the next Allowance is no stall.
  void Idle() noexcept { idle_ = true; }

  // The time from which Allowance(…) > 0; `now_ns` or earlier if that is now.
  int64_t NextDeadline(int64_t now_ns) const noexcept;

  // Changes the limits from now on. A debt keeps its number of packets and bytes; what is owed for
  // stalls at the old rate is forfeited.
  void SetLimits(const PaceLimits& limits, int64_t now_ns) noexcept;

  const PaceLimits& limits() const noexcept { return limits_; }

  // Sending time lost for good since construction, in stalls or for want of anything to send.
  int64_t forfeited_ns() const noexcept { return forfeited_ns_; }

 private:
  // One limit. Fixed point times, 2^-32 ns.
  __extension__ using Fixed = __int128;
  struct Schedule {
    Fixed due = 0;
    Fixed cost = 0;  // of one unit (packet or byte); 0: no limit
    Fixed owed = 0;  // for stalls

    void SetRate(double units_per_second, Fixed now) noexcept;
    // Units that may be sent when `unit` of them go together.
    uint64_t Allowance(Fixed now, uint64_t unit) const noexcept;
    // Moves what is due before `earliest` there.
    void SkipTo(Fixed earliest) noexcept {
      if (due < earliest) due = earliest;
    }
    void Consume(uint64_t units) noexcept {
      Fixed time = cost * static_cast<Fixed>(units);
      if (owed > 0) time -= MakeUp(time / kMakeUpShare);
      due += time;
    }
    Fixed MakeUp(Fixed most) noexcept {
      const Fixed part = owed < most ? owed : most;
      owed -= part;
      return part;
    }
  };

  void Take(uint64_t packets, uint64_t bytes) noexcept {
    if (packets_.cost != 0) packets_.Consume(packets);
    if (bytes_.cost != 0) bytes_.Consume(bytes);
  }
  // Takes up to `most` of what is billed.
  void Pay(uint64_t most) noexcept {
    const uint64_t paid = billed_ < most ? billed_ : most;
    billed_ -= paid;
    Take(paid, paid * billed_bytes_);
  }
  // Takes what is more than the catch-up off both schedules.
  void NoticeStall(Fixed now) noexcept;

  static Fixed FromNs(int64_t ns) noexcept { return Fixed{ns} << 32; }

  PaceLimits limits_;
  int64_t catch_up_ns_;
  int64_t forfeited_ns_ = 0;
  uint64_t billed_ = 0;        // packets
  uint32_t billed_bytes_ = 0;  // of each: the newest one's
  bool idle_ = true;           // nobody was kept from sending before the first Allowance
  Schedule packets_;
  Schedule bytes_;
};

}  // namespace osprey
