// SPDX-License-Identifier: Apache-2.0
#include "engine/receiver.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace osprey::engine {
namespace {

using io::wire::ParseOutcome;
using io::wire::Reply;
using io::wire::ReplyKind;

constexpr size_t kFramesPerTurn = 256;
constexpr int64_t kTurnsPerDropReading = 64;
constexpr int kIdleTimeoutMs = 50;

}  // namespace

Receiver::Receiver(uint8_t link_index, const LinkInfo& link, std::unique_ptr<io::CaptureRing> ring,
                   const DiscoveryPlan* plan, const PortPlan& ports,
                   std::span<const std::unique_ptr<Lane>> lanes)
    : link_index_(link_index),
      link_(link),
      mine_(link.sources),
      ring_(std::move(ring)),
      plan_(plan),
      ports_(ports),
      to_ring_(lanes.size()) {
  std::sort(mine_.begin(), mine_.end());
  for (const auto& lane : lanes) {
    lanes_.push_back(lane.get());
    producers_.emplace_back(lane->replies());
  }
  held_.reserve(kFramesPerTurn);
}

bool Receiver::IsOurs(const Reply& reply) const {
  if (!std::binary_search(mine_.begin(), mine_.end(), reply.destination)) return false;
  if (reply.kind == ReplyKind::kUdp) return ports_.IsDiscoveryPort(reply.udp.destination_port);
  if (reply.kind != ReplyKind::kTcp && reply.kind != ReplyKind::kUdp) return true;
  const HostOrderPort to =
      reply.kind == ReplyKind::kTcp ? reply.tcp.destination_port : reply.udp.destination_port;
  return ports_.IsOsPort(to) || ports_.IsDiscoveryPort(to);
}

uint32_t Receiver::LaneFor(const Reply& reply) const {
  if (plan_->lanes == 1) return 0;
  const bool by_quote =
      reply.kind == ReplyKind::kIcmpError && !plan_->targets->Contains(reply.source);
  return plan_->LaneOf(by_quote ? reply.icmp.quoted_destination : reply.source);
}

void Receiver::Take(const io::FrameView& frame) {
  counters_[ReceiverCounter::kFrames].Add();
  Reply reply;
  const ParseOutcome outcome =
      io::wire::Parse(frame.bytes, ring_->link_layer(), reply, io::wire::ChecksumPolicy::kDropBad);
  outcomes_[outcome].Add();
  if (outcome != ParseOutcome::kAccepted) return;
  if (!IsOurs(reply)) {
    counters_[ReceiverCounter::kNotOurs].Add();
    return;
  }
  reply.realtime_ns = frame.realtime_ns;
  reply.link = link_index_;
  const Held held{LaneFor(reply), reply};
  if (!held_.empty() || !Forward(held)) held_.push_back(held);
}

// False if the lane's queue is full. A finished lane reads its queue no more: without this a full
// one would keep the replies of all other lanes waiting for ever.
bool Receiver::Forward(const Held& held) {
  if (lanes_[held.lane]->finished()) {
    counters_[ReceiverCounter::kAfterEnd].Add();
    return true;
  }
  if (!producers_[held.lane].TryPush(held.reply)) return false;
  counters_[ReceiverCounter::kForwarded].Add();
  to_ring_[held.lane] = true;
  return true;
}

bool Receiver::ReleaseHeld() {
  size_t released = 0;
  while (released < held_.size() && Forward(held_[released])) ++released;
  held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(released));
  return held_.empty();
}

size_t Receiver::PumpOnce(int timeout_ms) {
  size_t taken = 0;
  if (ReleaseHeld()) {
    taken = ring_->Poll(timeout_ms, kFramesPerTurn,
                        [this](const io::FrameView& frame) { Take(frame); });
  }
  for (size_t lane = 0; lane < lanes_.size(); ++lane) {
    if (!to_ring_[lane]) continue;
    to_ring_[lane] = false;
    lanes_[lane]->bell().Ring();
  }
  if (taken == 0 || ++turns_ % kTurnsPerDropReading == 0) ReadDrops();
  return taken;
}

void Receiver::ReadDrops() {
  const io::CaptureCounters now = ring_->Counters();
  const auto raise = [&](ReceiverCounter which, uint64_t value) {
    if (value > counters_[which].value()) counters_[which].Add(value - counters_[which].value());
  };
  raise(ReceiverCounter::kKernelDrops, now.dropped_kernel);
  raise(ReceiverCounter::kInterfaceDrops, now.dropped_interface);
}

void Receiver::Run() {
  while (!stopped_.load(std::memory_order_relaxed)) {
    if (PumpOnce(kIdleTimeoutMs) == 0 && !held_.empty()) {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }
  ReadDrops();
}

void Receiver::Stop() {
  stopped_.store(true, std::memory_order_relaxed);
  ring_->Break();
}

}  // namespace osprey::engine
