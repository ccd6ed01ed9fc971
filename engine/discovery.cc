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

inline uint32_t Discovery::IndexAt(uint64_t place) {
  // Also if `place` lies below: at the start of a pass.
  if (place - ahead_from_ >= ahead_count_) LookAhead(place);
  return ahead_[place - ahead_from_];
}

void Discovery::LookAhead(uint64_t place) {
  ahead_from_ = place;
  ahead_count_ = std::min<uint64_t>(kAhead, plan_->places() - place);
  const auto indexes = std::span(ahead_).first(ahead_count_);
  for (uint32_t& index : indexes) {
    index = static_cast<uint32_t>(plan_->part.PositionAt(place++));
  }
  plan_->order->ForwardAll(indexes);
  for (const uint32_t index : indexes) admitted_->Prefetch(index);
}

bool Discovery::Next(int64_t now, uint32_t budget, DiscoveryTarget& out) {
  if (now < resume_at_) return false;
  while (budget-- > 0 && !done_walking()) {
    const uint64_t place = place_;
    const uint32_t pass = pass_;
    const bool last = place + 1 == plan_->places();
    ++position_;
    place_ = last ? 0 : place + 1;
    pass_ += last;
    const uint32_t index = IndexAt(place);
    bool found = false;
    if (!admitted_->Test(index)) {
      const Ipv4Addr address = plan_->targets->At(index);
      found = plan_->LaneOf(address) == lane_;
      if (found) out = {address, index, pass};
    }
    yielded_in_pass_ += found;
    if (last && !done_walking()) BeginPass(now);
    if (found) return true;
    if (now < resume_at_) return false;
  }
  return false;
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
