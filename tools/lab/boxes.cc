// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/boxes.h"

#include <algorithm>

#include "base/answers.h"

namespace osprey::lab {
namespace {

constexpr uint8_t kBoxTtl = 64;
constexpr uint8_t kAdminProhibited = 13;
constexpr uint16_t kTarpitWindow = 10;

bool IsTcp(const Probe& probe) { return probe.ip.protocol == wire::kProtocolTcp; }

bool OpensConnection(const Probe& probe) {
  return IsTcp(probe) && (probe.tcp.flags & (kTcpSyn | kTcpAck | kTcpRst | kTcpFin)) == kTcpSyn;
}

// Whether a firewall's rule is about this packet.
bool Covers(const Box& box, const Probe& probe) {
  return IsTcp(probe) ? box.HasPort(probe.tcp.destination_port) : box.spec.icmp;
}

void BeginTcp(const Probe& probe, uint8_t flags, Reply& reply) {
  reply.kind = Reply::Kind::kTcp;
  reply.ip = {};
  reply.ip.ttl = kBoxTtl;
  reply.ip.source = probe.ip.destination;
  reply.ip.destination = probe.ip.source;
  reply.tcp = {.source_port = probe.tcp.destination_port,
               .destination_port = probe.tcp.source_port,
               .flags = flags};
  reply.options = {};
  reply.payload_size = 0;
}

// A SYN-ACK with nothing but what it must have.
void BareSynAck(const Probe& probe, uint64_t seed, uint16_t window, Reply& reply) {
  BeginTcp(probe, kTcpSyn | kTcpAck, reply);
  const uint64_t ports = uint64_t{probe.tcp.source_port} << 16 | probe.tcp.destination_port;
  reply.tcp.seq = static_cast<uint32_t>(
      Mix(seed ^ ports, uint64_t{probe.ip.destination.host_order} << 32 | probe.tcp.seq));
  reply.tcp.ack = probe.tcp.seq + 1;
  reply.tcp.window = window;
}

OptionTemplate Scrubbed(const OptionTemplate& from, const BoxSpec& spec) {
  OfferedOptions keep{.mss = true, .window_scale = true, .sack = true, .timestamp = true};
  if (spec.strip_timestamps) keep.timestamp = false;
  if (spec.strip_options) keep = {.mss = true};
  OptionTemplate out = from;
  if (spec.strip_options || (spec.strip_timestamps && from.has_timestamp)) {
    out = KeepOffered(from, keep);
  }
  // MSS stands first in what stacks send, but need not.
  for (size_t i = 0; spec.clamp_mss > 0 && i + 4 <= out.size;) {
    const auto kind = static_cast<uint8_t>(out.bytes[i]);
    if (kind == 2) {
      const uint16_t mss = wire::Load16(out.bytes.data() + i + 2);
      wire::Store16(out.bytes.data() + i + 2,
                    static_cast<uint16_t>(std::min<int>(mss, spec.clamp_mss)));
      break;
    }
    i += kind <= 1 ? 1 : std::max<size_t>(2, static_cast<size_t>(out.bytes[i + 1]));
  }
  return out;
}

}  // namespace

Boxes::Boxes(const World& world, const HostStack& stack, Ipv4Addr gateway)
    : stack_(stack), gateway_(gateway), seed_(world.spec().seed) {
  for (const Box& box : world.boxes()) {
    Entry entry{.box = &box, .group = {}, .counters = {}, .tcp_counters = {}};
    entry.group.open.clear();
    for (const HostOrderPort port : box.spec.ports) entry.group.open.push_back({port, 1});
    boxes_.push_back(std::move(entry));
  }
}

bool Boxes::Intercept(const Probe& probe, bool up, Host& host, Reply& reply) {
  for (const Entry& entry : boxes_) {
    if (!entry.box->spec.prefix.Contains(probe.ip.destination)) continue;
    if (InterceptBy(entry, probe, up, host, reply)) return true;
  }
  return false;
}

bool Boxes::InterceptBy(const Entry& entry, const Probe& probe, bool up, Host& host,
                        Reply& reply) const {
  const Box& box = *entry.box;
  switch (box.spec.kind) {
    case BoxKind::kDrop:
      return Covers(box, probe);
    case BoxKind::kReject:
      if (!Covers(box, probe)) return false;
      Reject(probe, reply);
      return true;
    case BoxKind::kResetPort:
      if (!IsTcp(probe) || !box.HasPort(probe.tcp.destination_port)) return false;
      ForgeReset(entry, probe, reply);
      return true;
    case BoxKind::kProxy:
      if (!IsTcp(probe) || !box.HasPort(probe.tcp.destination_port)) return false;
      stack_.Answer(OwnHost(entry, probe, 0), probe, reply);
      return true;
    case BoxKind::kPortForward:
      if (!up || !IsTcp(probe) || !box.HasPort(probe.tcp.destination_port)) return false;
      stack_.Answer(OwnHost(entry, probe, 0), probe, reply);
      return true;
    case BoxKind::kLoadBalancer:
      // By connection, as balancers spread them.
      if (up && IsTcp(probe)) {
        host.personality = &box.stacks.Choose(Mix(seed_ ^ probe.tcp.source_port, host.key));
      }
      return false;
    case BoxKind::kSynProxy:
      return OpensConnection(probe) && Accept(entry, probe, reply);
    case BoxKind::kTarpit:
      if (OpensConnection(probe)) BareSynAck(probe, seed_, kTarpitWindow, reply);
      return true;
    case BoxKind::kScrub:
    case BoxKind::kUdpChecksum:
      return false;
  }
  return false;
}

bool Boxes::Accept(const Entry& entry, const Probe& probe, Reply& reply) const {
  if (!entry.box->HasPort(probe.tcp.destination_port)) return false;
  BareSynAck(probe, seed_, 0, reply);
  return true;
}

void Boxes::Reject(const Probe& probe, Reply& reply) const {
  constexpr size_t kQuoted = 28;
  reply.kind = Reply::Kind::kIcmp;
  reply.ip = {};
  reply.ip.ttl = kBoxTtl;
  reply.ip.source = gateway_;
  reply.ip.destination = probe.ip.source;
  reply.icmp = {.type = wire::kIcmpUnreachable, .code = kAdminProhibited};
  reply.payload_size = std::min(kQuoted, probe.packet.size());
  std::copy_n(probe.packet.begin(), reply.payload_size, reply.payload.begin());
}

// As RFC 9293 wants a closed port to answer; from a stack of its own if one is named.
void Boxes::ForgeReset(const Entry& entry, const Probe& probe, Reply& reply) const {
  if ((probe.tcp.flags & kTcpRst) != 0) return;
  if (!entry.box->stacks.empty()) {
    Host forger = OwnHost(entry, probe, 0);
    GroupSpec closed;
    closed.open.clear();
    forger.group = &closed;
    return stack_.Answer(forger, probe, reply);
  }
  const bool acknowledges = (probe.tcp.flags & kTcpAck) != 0;
  BeginTcp(probe, acknowledges ? kTcpRst : kTcpRst | kTcpAck, reply);
  reply.tcp.seq = acknowledges ? probe.tcp.ack : 0;
  reply.tcp.ack = acknowledges ? 0 : probe.tcp.seq + 1;
}

Host Boxes::OwnHost(const Entry& entry, const Probe& probe, uint64_t choice) const {
  const auto number = static_cast<uint64_t>(&entry - boxes_.data());
  Host own;
  own.address = probe.ip.destination;
  own.key = Mix(seed_ ^ 0xB0C5, number);
  own.personality = &entry.box->stacks.Choose(Mix(own.key, choice));
  own.group = &entry.group;
  own.counters = &entry.counters;
  own.uptime_ns = int64_t{86'400'000'000'000} * 20;
  return own;
}

void Boxes::Rewrite(const Probe& probe, Reply& reply) const {
  for (const Entry& entry : boxes_) {
    const BoxSpec& spec = entry.box->spec;
    if (!spec.prefix.Contains(probe.ip.destination)) continue;
    if (spec.kind == BoxKind::kScrub) {
      if (reply.kind == Reply::Kind::kTcp) reply.options = Scrubbed(reply.options, spec);
      if (spec.set_ttl > 0) reply.ip.ttl = static_cast<uint8_t>(spec.set_ttl);
      if (spec.ip_id == BoxSpec::IpId::kZero) reply.ip.id = 0;
      if (spec.ip_id == BoxSpec::IpId::kRandom) {
        reply.ip.id = static_cast<uint16_t>(
            Mix(seed_ ^ static_cast<uint64_t>(probe.arrival_ns), probe.ip.destination.host_order));
      }
    }
    const bool quotes_udp = reply.kind == Reply::Kind::kIcmp &&
                            reply.icmp.type == wire::kIcmpUnreachable &&
                            probe.ip.protocol == wire::kProtocolUdp;
    const size_t at = probe.ip.header_bytes + wire::kUdpChecksumAt;
    if (spec.kind == BoxKind::kUdpChecksum && quotes_udp && reply.payload_size >= at + 2) {
      const uint16_t sum = wire::Load16(reply.payload.data() + at);
      wire::Store16(reply.payload.data() + at, static_cast<uint16_t>(sum ^ 0x0BAD));
    }
  }
}

bool Boxes::ClaimsAddress(Ipv4Addr address) const {
  return std::any_of(boxes_.begin(), boxes_.end(), [&](const Entry& entry) {
    const BoxKind kind = entry.box->spec.kind;
    return entry.box->spec.prefix.Contains(address) &&
           (kind == BoxKind::kResetPort || kind == BoxKind::kProxy || kind == BoxKind::kSynProxy ||
            kind == BoxKind::kTarpit);
  });
}

}  // namespace osprey::lab
