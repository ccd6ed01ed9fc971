// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/channel.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <utility>

#include "base/clock.h"
#include "tools/lab/world.h"

namespace osprey::lab {
namespace {

// What a router's queue holds, as time: what would wait longer is lost.
constexpr int64_t kMostQueueNs = 100 * kNsPerMs;

bool Delays(const NetworkSpec& spec) {
  return spec.delay_ms > 0 || spec.jitter_ms > 0 || spec.reorder > 0 || spec.bandwidth_bps > 0;
}

}  // namespace

Channel::Channel(const NetworkSpec& spec, uint64_t seed, std::vector<NetworkChange> changes)
    : changes_(std::move(changes)), state_(Mix(seed, 0xC4A2)) {
  Set(spec);
  const bool ever = std::any_of(changes_.begin(), changes_.end(),
                                [](const NetworkChange& change) { return Delays(change.network); });
  if (!delays_ && !ever) return;
  slab_ = std::make_unique_for_overwrite<std::byte[]>(kBuffers * Transmitter::kFrameBytes);
  heap_.reserve(kBuffers);
  free_.reserve(kBuffers);
  for (size_t i = kBuffers; i > 0; --i) free_.push_back(static_cast<uint32_t>(i - 1));
}

void Channel::Set(const NetworkSpec& spec) {
  spec_ = spec;
  delays_ = Delays(spec);
  transparent_ = !delays_ && spec.loss <= 0 && spec.duplicate <= 0;
}

void Channel::Advance(int64_t now_ns) {
  while (next_change_ < changes_.size()) {
    const NetworkChange& change = changes_[next_change_];
    const double elapsed_s = static_cast<double>(now_ns - begin_ns_) / kNsPerSecond;
    if (elapsed_s < change.after_s) return;
    Set(change.network);
    ++next_change_;
  }
}

uint64_t Channel::Random() {
  state_ += 0x9E3779B97F4A7C15;
  return Mix(state_);
}

bool Channel::Lucky(double share, uint64_t& counter) {
  if (share <= 0 || Fraction(Random()) >= share) return false;
  ++counter;
  return true;
}

double Channel::Normal() {
  constexpr double kTwoPi = 6.283185307179586;
  const double u = 1 - Fraction(Random());
  return std::sqrt(-2 * std::log(u)) * std::cos(kTwoPi * Fraction(Random()));
}

// Both ways' delay, and the time the frame needs on a limited link. Negative: lost in its queue.
int64_t Channel::DueTime(size_t bytes, int64_t now_ns) {
  double ms = 2 * spec_.delay_ms;
  if (spec_.jitter_ms > 0) {
    ms += spec_.jitter_ms * (Normal() + Normal());
    ms = std::max(ms, spec_.delay_ms / 2);
  }
  if (Lucky(spec_.reorder, counters_.reordered)) ms += spec_.reorder_ms;
  int64_t start_ns = now_ns;
  if (spec_.bandwidth_bps > 0) {
    start_ns = std::max(now_ns, link_free_ns_);
    if (start_ns - now_ns > kMostQueueNs) return -1;
    link_free_ns_ =
        start_ns + static_cast<int64_t>(static_cast<double>(bytes) * 8e9 / spec_.bandwidth_bps);
    start_ns = link_free_ns_;
  }
  return start_ns + static_cast<int64_t>(ms * static_cast<double>(kNsPerMs));
}

void Channel::Send(std::span<const std::byte> frame, int64_t now_ns, Transmitter& to) {
  if (spec_.loss > 0 && Lucky(spec_.loss, counters_.replies_lost)) return;
  const int copies = Lucky(spec_.duplicate, counters_.duplicated) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    if (delays_) {
      Keep(frame, DueTime(frame.size(), now_ns));
      continue;
    }
    const std::span<std::byte> out = to.Next();
    // The first copy lies there already.
    if (out.data() != frame.data()) std::memcpy(out.data(), frame.data(), frame.size());
    to.Commit(frame.size());
  }
}

void Channel::Keep(std::span<const std::byte> frame, int64_t due_ns) {
  if (due_ns < 0 || free_.empty()) {
    ++counters_.queue_full;
    return;
  }
  const uint32_t buffer = free_.back();
  free_.pop_back();
  std::memcpy(slab_.get() + size_t{buffer} * Transmitter::kFrameBytes, frame.data(), frame.size());
  heap_.push_back({due_ns, order_++, buffer, static_cast<uint32_t>(frame.size())});
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
}

void Channel::Release(int64_t now_ns, Transmitter& to) {
  while (!heap_.empty() && heap_.front().due_ns <= now_ns) {
    const Waiting next = heap_.front();
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
    std::memcpy(to.Next().data(), slab_.get() + size_t{next.buffer} * Transmitter::kFrameBytes,
                next.bytes);
    to.Commit(next.bytes);
    free_.push_back(next.buffer);
  }
}

int64_t Channel::NsUntilDue(int64_t now_ns, int64_t most_ns) const {
  if (heap_.empty()) return most_ns;
  return std::clamp<int64_t>(heap_.front().due_ns - now_ns, 0, most_ns);
}

}  // namespace osprey::lab
