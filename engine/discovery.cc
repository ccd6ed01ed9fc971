// SPDX-License-Identifier: Apache-2.0
#include "engine/discovery.h"

#include <algorithm>

namespace osprey::engine {
namespace {

constexpr int64_t kMarkIntervalNs = 100'000'000;

}  // namespace

Discovery::Discovery(const DiscoveryPlan* plan, uint32_t lane, const DoneSet* admitted,
                     uint64_t start, int64_t now)
    : plan_(plan),
      lane_(lane),
      admitted_(admitted),
      position_(start),
      end_(plan->end()),
      place_(start % plan->places()),
      pass_(static_cast<uint32_t>(start / plan->places())),
      pass_start_ns_(now),
      resume_at_(now),
      reply_mark_(start) {
  while (end_ < start) end_ += plan->end();  // was repeating when it was stopped
  whole_pass_ = start % plan->places() == 0;
}

void Discovery::BeginPass(int64_t now) {
  if (whole_pass_ && yielded_in_pass_ == 0) {
    nothing_left_ = true;
    position_ = end_;
    pass_ = static_cast<uint32_t>(end_ / plan_->places());
    return;
  }
  yielded_in_pass_ = 0;
  whole_pass_ = true;
  const int64_t earliest = pass_start_ns_ + plan_->pass_lag_ns;
  pass_start_ns_ = std::max(now, earliest);
  resume_at_ = pass_start_ns_;
}

void Discovery::LookAhead() {
  ahead_from_ = place_;
  ahead_count_ = std::min<uint64_t>(kAhead, plan_->places() - place_);
  const auto indexes = std::span(ahead_).first(ahead_count_);
  for (size_t i = 0; i < indexes.size(); ++i) {
    indexes[i] = static_cast<uint32_t>(plan_->part.PositionAt(ahead_from_ + i));
  }
  plan_->order->ForwardAll(indexes);
  for (size_t i = 0; i < indexes.size(); ++i) {
    admitted_->Prefetch(indexes[i]);
    ahead_addresses_[i] = plan_->targets->At(indexes[i]);
  }
  ahead_own_ = plan_->lanes == 1 ? ~uint64_t{0} : OwnAhead();
}

uint64_t Discovery::OwnAhead() {
  std::array<uint64_t, kAhead> hashes;
  for (size_t i = 0; i < ahead_count_; ++i) hashes[i] = ahead_addresses_[i].slash24();
  BestHashKernel().siphash(plan_->lane_key.data(), hashes.data(), ahead_count_);
  uint64_t own = 0;
  for (size_t i = 0; i < ahead_count_; ++i) {
    own |= uint64_t{plan_->LaneFrom(hashes[i]) == lane_} << i;
  }
  return own;
}

uint32_t Discovery::Walk(uint32_t budget, std::span<DiscoveryTarget> out, size_t& found) {
  // Also if place_ lies below: at the start of a pass.
  if (place_ - ahead_from_ >= ahead_count_) LookAhead();
  const auto first = static_cast<uint32_t>(place_ - ahead_from_);
  const auto end = std::min(static_cast<uint32_t>(ahead_count_), first + budget);
  uint32_t at = first;
  for (; at < end && found < out.size(); ++at) {
    if ((ahead_own_ >> at & 1) == 0 || admitted_->Test(ahead_[at])) continue;
    out[found++] = {ahead_addresses_[at], ahead_[at], pass_};
  }
  return at - first;
}

size_t Discovery::Next(int64_t now, uint32_t budget, std::span<DiscoveryTarget> out) {
  size_t found = 0;
  while (now >= resume_at_ && budget > 0 && found < out.size() && !done_walking()) {
    const size_t before = found;
    const uint32_t walked = Walk(budget, out, found);
    budget -= walked;
    position_ += walked;
    place_ += walked;
    yielded_in_pass_ += found - before;
    if (place_ < plan_->places()) continue;
    place_ = 0;
    ++pass_;
    if (!done_walking()) BeginPass(now);
    if (found > 0) break;
  }
  return found;
}

bool Discovery::Finished(int64_t now) const {
  if (!done_walking()) return false;
  return nothing_left_ ||
         (finished_walking_ns_ >= 0 && now >= finished_walking_ns_ + plan_->reply_window_ns);
}

uint64_t Discovery::ReplyMark(int64_t now) {
  if (done_walking() && finished_walking_ns_ < 0) finished_walking_ns_ = now;
  while (mark_count_ > 0 && marks_[first_mark_].time + plan_->reply_window_ns <= now) {
    reply_mark_ = marks_[first_mark_].position;
    first_mark_ = (first_mark_ + 1) % marks_.size();
    --mark_count_;
  }
  const size_t newest = (first_mark_ + mark_count_ + marks_.size() - 1) % marks_.size();
  const bool due = mark_count_ == 0 || marks_[newest].time + kMarkIntervalNs <= now;
  if (due && mark_count_ < marks_.size()) {
    marks_[(first_mark_ + mark_count_) % marks_.size()] = {now, position_};
    ++mark_count_;
  }
  return reply_mark_;
}

}  // namespace osprey::engine
