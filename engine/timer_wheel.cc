// SPDX-License-Identifier: Apache-2.0
#include "engine/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace osprey {

TimerWheel::TimerWheel(uint32_t capacity, int64_t start_ns, int tick_shift)
    : tick_shift_(tick_shift),
      tick_(start_ns >> tick_shift),
      timers_(capacity),
      heads_(kSlots, kNone) {
  OSPREY_CHECK(capacity < kNone && start_ns >= 0 && tick_shift >= 0 && tick_shift < 40);
}

void TimerWheel::Schedule(TimerId id, int64_t deadline_ns) noexcept {
  OSPREY_DCHECK(id < timers_.size() && deadline_ns >= 0);
  if (IsArmed(id)) Unlink(id);
  // Rounded up, so that a timer is never early; written so that it cannot overflow.
  const int64_t below = deadline_ns >> tick_shift_;
  const int64_t deadline_tick = below + ((below << tick_shift_) != deadline_ns ? 1 : 0);
  Timer& timer = timers_[id];
  timer.tick = std::max(deadline_tick, tick_ + 1);
  const uint32_t slot = SlotOf(timer.tick);
  ++armed_count_;
  const TimerId head = heads_[slot];
  if (head == kNone) {
    timer.next = timer.prev = id;
    heads_[slot] = id;
    occupied_[slot / 64] |= uint64_t{1} << slot % 64;
    summary_[slot / 4096] |= uint64_t{1} << slot / 64 % 64;
    return;
  }
  const TimerId tail = timers_[head].prev;
  timer.next = head;
  timer.prev = tail;
  timers_[tail].next = id;
  timers_[head].prev = id;
}

void TimerWheel::Cancel(TimerId id) noexcept {
  OSPREY_DCHECK(id < timers_.size());
  if (IsArmed(id)) Unlink(id);
}

void TimerWheel::Unlink(TimerId id) noexcept {
  Timer& timer = timers_[id];
  const uint32_t slot = SlotOf(timer.tick);
  if (cursor_ == id) cursor_ = timer.next == heads_[slot] ? kNone : timer.next;
  if (timer.next == id) {
    heads_[slot] = kNone;
    occupied_[slot / 64] &= ~(uint64_t{1} << slot % 64);
    if (occupied_[slot / 64] == 0) summary_[slot / 4096] &= ~(uint64_t{1} << slot / 64 % 64);
  } else {
    if (heads_[slot] == id) heads_[slot] = timer.next;
    timers_[timer.prev].next = timer.next;
    timers_[timer.next].prev = timer.prev;
  }
  timer = Timer{};
  --armed_count_;
}

int64_t TimerWheel::NextOccupiedTick(int64_t tick) const noexcept {
  const uint32_t from = SlotOf(tick + 1);
  const auto distance = [&](uint32_t slot) { return tick + 1 + SlotOf(int64_t{slot} - from); };
  // The rest of the word of `from`, then whole words by the summary, all around the wheel.
  const uint64_t here = occupied_[from / 64] >> from % 64;
  if (here != 0) return distance(from + static_cast<uint32_t>(std::countr_zero(here)));
  constexpr auto kSummaryWords = static_cast<uint32_t>(std::tuple_size_v<decltype(summary_)>);
  const uint32_t word = (from / 64 + 1) % (kSlots / 64);
  uint32_t at = word / 64;
  uint64_t bits = summary_[at] >> word % 64 << word % 64;
  for (uint32_t i = 0; bits == 0 && i < kSummaryWords; ++i) {
    at = (at + 1) % kSummaryWords;
    bits = summary_[at];
  }
  const uint32_t found = at * 64 + static_cast<uint32_t>(std::countr_zero(bits));
  return distance(found * 64 + static_cast<uint32_t>(std::countr_zero(occupied_[found])));
}

int64_t TimerWheel::NextDeadline() const noexcept {
  if (armed_count_ == 0) return kNever;
  const int64_t tick = NextOccupiedTick(tick_);
  return tick > (kNever >> tick_shift_) ? kNever : tick << tick_shift_;
}

}  // namespace osprey
