// SPDX-License-Identifier: Apache-2.0
#pragma once
// One timer for each entry of a caller's table, for a lane that holds hundreds of thousands of
// hosts: arm, re-arm, cancel and fire in constant time, no allocation after construction.
//
// Model: a hashed wheel (Varghese and Lauck 1987, scheme 6): kSlots lists, one a tick; a timer
// hangs in the list of its deadline's tick modulo kSlots and is passed over while that tick lies
// in a later turn. Not a hierarchy of wheels: its cascades move thousands of timers in one tick,
// which would cost the SEQ probes their 50 microseconds. With the default tick of 2^13 ns a turn
// takes 537 ms, which is longer than nearly all deadlines of a scan.
//
// Time: nanoseconds of the monotonic clock. A timer never fires early, and is due less than one
// tick (8.2 us by default) after its deadline. Timers of different ticks fire in order of
// deadline, those of one tick in the order in which they were scheduled; only after a pause of
// more than one turn between two calls of Advance may the order be another.
//
// Belongs to one thread. Memory: 16 bytes a timer and 268 KiB.

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/check.h"

namespace osprey {

class TimerWheel {
 public:
  using TimerId = uint32_t;
  static constexpr int kDefaultTickShift = 13;
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  // Timers are 0..capacity-1, all unarmed. A tick is 2^tick_shift nanoseconds.
  // REQUIRES: capacity < 2^32 - 1, start_ns >= 0, 0 <= tick_shift < 40.
  TimerWheel(uint32_t capacity, int64_t start_ns, int tick_shift = kDefaultTickShift);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Arms `id`, or moves it if it is armed. A deadline that has passed fires in the next tick.
  // May be called from the callback of Advance. REQUIRES: id < capacity, deadline_ns >= 0.
  void Schedule(TimerId id, int64_t deadline_ns) noexcept;

  // Disarms `id` if it is armed; after this it does not fire. May be called from the callback.
  void Cancel(TimerId id) noexcept;

  bool IsArmed(TimerId id) const noexcept { return timers_[id].tick != kUnarmed; }
  uint32_t armed_count() const noexcept { return armed_count_; }
  int64_t tick_ns() const noexcept { return int64_t{1} << tick_shift_; }

  // Disarms every timer due at `now_ns` and calls fire(id) for it; returns how many. Time that
  // goes back is ignored. The callback may schedule and cancel any timer; what it schedules into
  // a tick up to `now_ns` still fires in this call, so it must not re-arm into the past for ever.
  // REQUIRES: not called from the callback.
  template <class Fire>
  size_t Advance(int64_t now_ns, Fire&& fire);

  // When Advance should be called next: never later than the first timer is due, earlier only if
  // the timers of the next occupied slot all belong to later turns. kNever if nothing is armed.
  int64_t NextDeadline() const noexcept;

 private:
  static constexpr uint32_t kSlotBits = 16;
  static constexpr uint32_t kSlots = 1u << kSlotBits;
  static constexpr uint32_t kNone = 0xFFFFFFFF;
  static constexpr int64_t kUnarmed = -1;

  // Links of a circular list; the head's prev is the tail.
  struct Timer {
    int64_t tick = kUnarmed;
    TimerId next = kNone;
    TimerId prev = kNone;
  };

  static uint32_t SlotOf(int64_t tick) noexcept { return static_cast<uint32_t>(tick) % kSlots; }
  void Unlink(TimerId id) noexcept;
  // The first tick after `tick` whose slot is occupied, at most tick + kSlots.
  // REQUIRES: armed_count_ > 0.
  int64_t NextOccupiedTick(int64_t tick) const noexcept;
  template <class Fire>
  size_t FireSlot(Fire&& fire);

  int tick_shift_;
  int64_t tick_;            // all timers of this tick and before it have fired
  TimerId cursor_ = kNone;  // next timer FireSlot looks at; Unlink keeps it valid
  uint32_t armed_count_ = 0;
  std::vector<Timer> timers_;
  std::vector<TimerId> heads_;                        // [kSlots], kNone where empty
  std::array<uint64_t, kSlots / 64> occupied_{};      // one bit a slot
  std::array<uint64_t, kSlots / 64 / 64> summary_{};  // one bit a word of occupied_
};

template <class Fire>
size_t TimerWheel::FireSlot(Fire&& fire) {
  size_t fired = 0;
  const uint32_t slot = SlotOf(tick_);
  cursor_ = heads_[slot];
  while (cursor_ != kNone) {
    const TimerId id = cursor_;
    cursor_ = timers_[id].next == heads_[slot] ? kNone : timers_[id].next;
    if (timers_[id].tick > tick_) continue;
    Unlink(id);
    ++fired;
    fire(id);
  }
  return fired;
}

template <class Fire>
size_t TimerWheel::Advance(int64_t now_ns, Fire&& fire) {
  const int64_t target = now_ns >> tick_shift_;
  // After a pause of more than a turn one turn is enough: it visits every slot.
  if (target - tick_ > kSlots) tick_ = target - kSlots;
  size_t fired = 0;
  while (armed_count_ > 0) {
    const int64_t next = NextOccupiedTick(tick_);
    if (next > target) break;
    tick_ = next;
    fired += FireSlot(fire);
  }
  if (target > tick_) tick_ = target;
  return fired;
}

}  // namespace osprey
