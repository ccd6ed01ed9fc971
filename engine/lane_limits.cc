// SPDX-License-Identifier: Apache-2.0
// Lane, limits: what may change while the scan runs (engine/scan_controls.h), and what one /24 has
// to bear (engine/net_limiter.h).

#include <algorithm>

#include "engine/lane.h"

namespace osprey::engine {

void Lane::TakeControls() {
  if (shared_->controls == nullptr || shared_->controls->version() == controls_seen_) return;
  controls_seen_ = shared_->controls->version();
  const ScanControls::Values values = shared_->controls->Get();
  admitting_ = values.admitting;
  PaceLimits limits = config_.rate;
  if (values.packets_per_second >= 0) {
    limits.packets_per_second = values.packets_per_second / shared_->discovery->lanes;
  }
  if (limits != pacer_.limits()) pacer_.SetLimits(limits, now_);
  if (values.own_resets && !resets_taken_over_) TakeOverResets();
  if (values.exclusions == nullptr) return;
  new_exclusions_ = values.exclusions;
  exclusions_ = new_exclusions_.get();
}

bool Lane::MayStartHosts() const {
  return admitting_ && !stopping_.load(std::memory_order_relaxed);
}

bool Lane::EnterNet(uint32_t slot) { return nets_.Enter(hosts_[slot].state.address, slot); }

void Lane::LeaveNet(uint32_t slot) {
  const uint32_t next = nets_.Leave(hosts_[slot].state.address, slot);
  if (next != NetLimiter::kNone) sequence_wait_.Push(next);
}

// SEQ probes keep their time; they are charged, and what follows waits for it.
bool Lane::WaitForNet(uint32_t slot) {
  const HostState& host = hosts_[slot].state;
  if (host.phase != Phase::kPorts && host.phase != Phase::kTests) return false;
  const int64_t due = nets_.NotBefore(host.address, now_);
  if (due <= now_) return false;
  wheel_.Schedule(slot, due);
  return true;
}

void Lane::Postpone(const DiscoveryTarget& target, uint32_t attempts, int64_t due_ns) {
  // FillDiscovery looks for room first, but what was refused before may come on top.
  if (postponed_.size() >= kPostponedCapacity) {
    ++overflows_;
    overflowed_ = true;
    return;
  }
  postponed_.push_back({.due_ns = due_ns, .target = target, .attempts = attempts});
  std::push_heap(postponed_.begin(), postponed_.end());
}

bool Lane::SendPostponed(uint32_t allowance) {
  bool worked = false;
  while (!postponed_.empty() && postponed_.front().due_ns <= now_ &&
         frames_this_turn_ < allowance && Room() > 0) {
    std::pop_heap(postponed_.begin(), postponed_.end());
    const Postponed again = postponed_.back();
    postponed_.pop_back();
    worked = true;
    resent_ns_ = now_;
    if (!admitted_.Test(again.target.index)) SendDiscovery({&again.target, 1}, again.attempts);
  }
  return worked;
}

bool Lane::LaggingBehindWalk() const {
  return !refused_.empty() || !postponed_.empty() ||
         now_ - resent_ns_ < shared_->discovery->reply_window_ns;
}

}  // namespace osprey::engine
