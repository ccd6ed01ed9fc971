// SPDX-License-Identifier: Apache-2.0
// Lane, discovery: targets become frames, up to kDiscoveryBatch of one pass at a time. What is the
// same for all of them is done once: cookies are computed together (engine/hash_kernels.h), the way
// is looked up once for a range of addresses, counters and the pacer are told once.

#include <algorithm>
#include <array>

#include "engine/lane.h"
#include "engine/lane_tags.h"

namespace osprey::engine {
namespace {

constexpr uint32_t kPlacesPerLook = 1024;  // that discovery may skip before it gives up a turn
constexpr uint32_t kMostAttempts = 16;     // at one discovery probe that the kernel refuses

}  // namespace

bool Lane::FillDiscovery(uint32_t allowance) {
  if (!MayStartHosts()) return false;
  bool worked = SendPostponed(allowance);
  for (size_t n = refused_.size(); n > 0 && frames_this_turn_ < allowance && Room() > 0; --n) {
    const Refused again = refused_.front();
    refused_.pop_front();
    worked = true;
    resent_ns_ = now_;
    if (!admitted_.Test(again.target.index)) SendDiscovery({&again.target, 1}, again.attempts);
  }
  std::array<DiscoveryTarget, kDiscoveryBatch> targets;
  while (frames_this_turn_ < allowance && !EnoughAlive()) {
    const size_t most = std::min({targets.size(), size_t{allowance - frames_this_turn_}, Room(),
                                  kPostponedCapacity - postponed_.size()});
    if (most == 0) break;
    const size_t count = discovery_.Next(now_, kPlacesPerLook, std::span(targets).first(most));
    if (count == 0) {
      return worked || (!discovery_.done_walking() && discovery_.ResumeAt() <= now_);
    }
    worked = true;
    SendDiscovery(std::span(targets).first(count), 0);
  }
  return worked;
}

void Lane::SendDiscovery(std::span<const DiscoveryTarget> targets, uint32_t attempts) {
  const StepOfPass step = StepFor(targets.front().pass);
  DiscoveryNumbers numbers;
  if (step.any) HashStep(step, targets, numbers);
  uint32_t frames = 0;
  uint64_t bytes = 0;
  for (size_t i = 0; i < targets.size(); ++i) {
    const DiscoveryTarget& target = targets[i];
    const Way& way = WayTo(target.address);
    if (!AsksNow(step, way, target, numbers.ports[i], attempts)) continue;
    const Path& path = way.range.path;
    Port& port = ports_[path.link];
    const io::FrameSlot frame = Lease(port);
    const DiscoveryProbes& probes = port.sources[path.source].discovery;
    const uint32_t length = way.kind == Way::Kind::kArp
                                ? probes.WriteArp(target.address, frame.data)
                                : WriteStep(step, probes, {target.address, path.next_hop},
                                            numbers.ports[i], numbers.hashes[i], frame.data);
    port.batch.push_back(
        {.slot = frame.index, .length = length, .tag = MakeDiscoveryTag(target, attempts)});
    if (port.batch.size() == kBatch) Flush(port);
    ++frames;
    bytes += length;
  }
  frames_this_turn_ += frames;
  pacer_.Consume(frames, bytes);
  counters_[LaneCounter::kTargetsProbed].Add(frames);
  counters_[LaneCounter::kSentDiscovery].Add(frames);
}

Lane::StepOfPass Lane::StepFor(uint32_t pass) const {
  const DiscoveryPlan& plan = *shared_->discovery;
  StepOfPass step;
  step.pass = pass;
  // Modulo: all passes are walked once more if hosts were turned away for want of room.
  step.arp = pass % plan.passes() < plan.arp_passes;
  if (plan.steps.empty()) return step;
  step.any = true;
  step.kind = plan.StepOf(pass).kind;
  step.port = plan.StepOf(pass).port;
  step.repeat = plan.RepeatOf(pass);
  return step;
}

void Lane::HashStep(const StepOfPass& step, std::span<const DiscoveryTarget> targets,
                    DiscoveryNumbers& numbers) const {
  const auto hashes = std::span(numbers.hashes).first(targets.size());
  for (size_t i = 0; i < targets.size(); ++i) {
    const Ipv4Addr to = targets[i].address;
    const HostOrderPort port = step.kind == ProbeKind::kKnownPort ? KnownPort(to) : step.port;
    numbers.ports[i] = port;
    switch (step.kind) {
      case ProbeKind::kSyn:
      case ProbeKind::kKnownPort:
        hashes[i] = CookieJar::SynWord(to, port);
        break;
      case ProbeKind::kAck:
        hashes[i] = CookieJar::AckWord(to, port);
        break;
      case ProbeKind::kUdp:
        hashes[i] = CookieJar::UdpWord(to, port);
        break;
      case ProbeKind::kEcho:
        hashes[i] = CookieJar::EchoWord(to);
        break;
    }
  }
  shared_->cookies->HashAll(hashes);
}

const Lane::Way& Lane::WayTo(Ipv4Addr address) {
  if (!way_.range.Contains(address)) way_ = LookUpWay(address);
  return way_;
}

Lane::Way Lane::LookUpWay(Ipv4Addr address) const {
  Way way{.range = shared_->network->PathAround(address)};
  const Path& path = way.range.path;
  const bool needs_arp =
      path.on_link && shared_->network->link(path.link).layer == io::LinkLayer::kEthernet;
  if (!path.reachable) {
    way.kind = Way::Kind::kNone;
  } else if (path.local || (shared_->discovery->steps.empty() && !needs_arp)) {
    way.kind = Way::Kind::kTakeAsUp;
  } else {
    way.kind = needs_arp ? Way::Kind::kArp : Way::Kind::kStep;
  }
  return way;
}

bool Lane::AsksNow(const StepOfPass& step, const Way& way, const DiscoveryTarget& target,
                   HostOrderPort port, uint32_t attempts) {
  // Exclusions may have grown since the targets were built.
  if (IsExcluded(target.address)) return false;
  if (way.kind == Way::Kind::kStep) {
    if (step.kind == ProbeKind::kKnownPort && port == 0) return false;
  } else if (way.kind == Way::Kind::kArp) {
    if (!step.arp) return false;
  } else {
    TakeWithoutAsking(way, target);
    return false;
  }
  if (const int64_t due = nets_.NotBefore(target.address, now_); due > now_) {
    Postpone(target, attempts, due);
    return false;
  }
  nets_.Charge(target.address, now_);
  return true;
}

void Lane::TakeWithoutAsking(const Way& way, const DiscoveryTarget& target) {
  if (way.kind == Way::Kind::kNone) {
    if (target.pass == 0) counters_[LaneCounter::kTargetsUnreachable].Add();
    return;
  }
  const Path& path = way.range.path;
  if (Admit(target.index, target.address, path.next_hop, {}, path.local) == Admission::kAdmitted) {
    counters_[LaneCounter::kTakenAsUp].Add();
  }
}

HostOrderPort Lane::KnownPort(Ipv4Addr address) const {
  const auto hints = shared_->discovery->targets->HintsFor(address);
  const auto open =
      std::find_if(hints.begin(), hints.end(), [](const PortHint& hint) { return !hint.closed; });
  return open != hints.end() ? open->port : hints.empty() ? HostOrderPort{0} : hints.front().port;
}

uint32_t Lane::WriteStep(const StepOfPass& step, const DiscoveryProbes& probes,
                         const io::wire::Destination& to, HostOrderPort port, uint64_t hash,
                         std::byte* frame) const {
  const PacketNoise noise =
      shared_->identities->NoiseFor(to.address, step.pass, kDiscoveryNoise, step.repeat);
  const CookieJar& cookies = *shared_->cookies;
  switch (step.kind) {
    case ProbeKind::kSyn:
    case ProbeKind::kKnownPort:
      return probes.WriteSyn(to, port, cookies.TcpFrom(hash, step.repeat), noise, frame);
    case ProbeKind::kAck:
      return probes.WriteAck(to, port, cookies.TcpFrom(hash, step.repeat), noise, frame);
    case ProbeKind::kUdp:
      return probes.WriteUdp(to, port, cookies.UdpFrom(hash, step.repeat), noise, frame);
    case ProbeKind::kEcho:
      break;
  }
  return probes.WriteEcho(to, cookies.EchoFrom(hash, step.repeat), noise, frame);
}

// Congestion of our own link must not cost targets: the probe is sent again, and if there are too
// many of them the whole walk is.
void Lane::HandleUnsentDiscovery(uint64_t tag) {
  const auto index = static_cast<uint32_t>(tag);
  const auto attempts = static_cast<uint32_t>(tag >> 56) + 1;
  if (admitted_.Test(index) || stopping_.load(std::memory_order_relaxed)) return;
  if (attempts >= kMostAttempts) {
    counters_[LaneCounter::kTargetsLost].Add();
    return;
  }
  if (refused_.size() >= kRefusedCapacity) {
    ++overflows_;
    overflowed_ = true;
    return;
  }
  refused_.push_back({.target = {.address = shared_->discovery->targets->At(index),
                                 .index = index,
                                 .pass = static_cast<uint32_t>(tag >> 40 & 0xFFFF)},
                      .attempts = attempts});
}

}  // namespace osprey::engine
