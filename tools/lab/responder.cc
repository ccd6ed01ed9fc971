// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/responder.h"

#include "io/wire/arp.h"

namespace osprey::lab {

// Locally administered.
MacAddr MacOf(Ipv4Addr address) {
  const uint32_t a = address.host_order;
  return {{0x02, 0x4F, static_cast<uint8_t>(a >> 24), static_cast<uint8_t>(a >> 16),
           static_cast<uint8_t>(a >> 8), static_cast<uint8_t>(a)}};
}

Responder::Responder(World& world, Ipv4Addr gateway, int64_t start_ns)
    : world_(world),
      gateway_(gateway),
      stack_(world.spec().network, start_ns),
      boxes_(world, stack_, gateway) {}

size_t Responder::Handle(std::span<const std::byte> frame, int64_t arrival_ns,
                         std::span<std::byte> out) {
  ++counters_.frames;
  io::wire::EthernetHeader ethernet;
  const size_t header = io::wire::LoadEthernet(frame, ethernet);
  if (header == 0) return ++counters_.malformed, 0;
  if (ethernet.type == io::wire::kEtherTypeArp) return HandleArp(frame.subspan(header), out);
  if (ethernet.type != io::wire::kEtherTypeIpv4) return ++counters_.not_ours, 0;
  const size_t size =
      AnswerPacket(frame.subspan(header), arrival_ns, out.subspan(io::wire::kEthernetBytes));
  if (size == 0) return 0;
  io::wire::StoreEthernet({ethernet.source, ethernet.destination, io::wire::kEtherTypeIpv4},
                          out.data());
  return io::wire::kEthernetBytes + size;
}

size_t Responder::HandlePacket(std::span<const std::byte> packet, int64_t arrival_ns,
                               std::span<std::byte> out) {
  ++counters_.frames;
  return AnswerPacket(packet, arrival_ns, out);
}

size_t Responder::HandleArp(std::span<const std::byte> packet, std::span<std::byte> out) {
  io::wire::ArpPacket request;
  if (!io::wire::LoadArp(packet, request)) return ++counters_.malformed, 0;
  Host host;
  const bool ours = world_.spec().on_link
                        ? world_.Find(request.target, host) || boxes_.ClaimsAddress(request.target)
                        : request.target == gateway_;
  if (request.operation != io::wire::kArpRequest || !ours) return ++counters_.not_ours, 0;
  const MacAddr mac = MacOf(request.target);
  io::wire::StoreEthernet({request.sender_mac, mac, io::wire::kEtherTypeArp}, out.data());
  io::wire::StoreArp({.operation = io::wire::kArpReply,
                      .sender_mac = mac,
                      .sender = request.target,
                      .target_mac = request.sender_mac,
                      .target = request.sender},
                     out.data() + io::wire::kEthernetBytes);
  ++counters_.arp_answered;
  return io::wire::kEthernetBytes + io::wire::kArpBytes;
}

// Counts what becomes of the packet. Returns the answer's length, 0 if there is none.
size_t Responder::AnswerPacket(std::span<const std::byte> packet, int64_t arrival_ns,
                               std::span<std::byte> out) {
  Probe probe;
  if (const ReadResult result = ReadProbe(packet, arrival_ns, probe); result != ReadResult::kOk) {
    return Count(result);
  }
  if (!world_.Owns(probe.ip.destination)) return ++counters_.not_ours, 0;
  if (!Decide(probe)) return 0;
  const size_t size = reply_.Build(out);
  ++(size == 0 ? counters_.too_long : counters_.answered);
  return size;
}

// Fills reply_. False if there is no answer.
bool Responder::Decide(const Probe& probe) {
  reply_.kind = Reply::Kind::kNone;
  Host host;
  const bool up = world_.Find(probe.ip.destination, host);
  const bool boxed = boxes_.any();
  if (boxed && boxes_.Intercept(probe, up, host, reply_)) {
    // A box has answered, or swallowed the packet.
  } else if (up) {
    stack_.Answer(host, probe, reply_);
  } else {
    return ++counters_.no_host, false;
  }
  if (boxed && reply_.kind != Reply::Kind::kNone) boxes_.Rewrite(probe, reply_);
  if (reply_.kind == Reply::Kind::kNone) return ++counters_.silent, false;
  return true;
}

size_t Responder::Count(ReadResult result) {
  switch (result) {
    case ReadResult::kFragment:
      ++counters_.fragments;
      break;
    case ReadResult::kNotIpv4:
    case ReadResult::kProtocol:
      ++counters_.not_ours;
      break;
    default:
      ++counters_.malformed;
      break;
  }
  return 0;
}

}  // namespace osprey::lab
