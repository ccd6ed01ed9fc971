// SPDX-License-Identifier: Apache-2.0
#include "tests/testing/simulated_network.h"

#include <algorithm>

#include "base/check.h"
#include "io/wire/arp.h"
#include "io/wire/ethernet.h"
#include "io/wire/parse.h"

namespace osprey::testing {
namespace {

namespace wire = io::wire;

constexpr MacAddr kScannerMac{{2, 0, 0, 0, 0, 2}};
constexpr MacAddr kGatewayMac{{2, 0, 0, 0, 0, 1}};
constexpr MacAddr kForgerMac{{6, 6, 6, 6, 6, 0}};  // the last byte is the kind

MacAddr MacOf(Ipv4Addr address) {
  const uint32_t a = address.host_order;
  return {{0x52, 0x54, static_cast<uint8_t>(a >> 24), static_cast<uint8_t>(a >> 16),
           static_cast<uint8_t>(a >> 8), static_cast<uint8_t>(a)}};
}

double Draw(uint64_t seed, uint64_t number) {
  uint64_t z = seed + number * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

io::FakeWireOptions WireOptions(const SimulatedNetworkOptions& options) {
  io::FakeWireOptions wire = options.wire;
  wire.seed = options.seed;
  wire.link_layer = io::LinkLayer::kEthernet;
  return wire;
}

}  // namespace

// The wire's capture ring, noting what it hands out.
class SimulatedNetwork::Capture final : public io::CaptureRing {
 public:
  explicit Capture(SimulatedNetwork& network) : network_(network) {}

  std::string_view name() const override { return inner().name(); }
  io::LinkLayer link_layer() const override { return inner().link_layer(); }
  size_t Poll(int timeout_ms, size_t max,
              absl::FunctionRef<void(const io::FrameView&)> sink) override {
    return inner().Poll(timeout_ms, max, [&](const io::FrameView& frame) {
      network_.NoteTaken(frame);
      sink(frame);
    });
  }
  void Break() override { inner().Break(); }
  io::CaptureCounters Counters() override { return inner().Counters(); }

 private:
  io::CaptureRing& inner() const { return network_.wire_.capture(); }

  SimulatedNetwork& network_;
};

// Passes a host's answers on and notes which of them open a connection.
class SimulatedNetwork::ConnectionWatch final : public io::ReplySink {
 public:
  ConnectionWatch(SimulatedNetwork& network, io::ReplySink& sink)
      : network_(network), sink_(sink) {}

  void Reply(std::span<const std::byte> frame, int64_t delay_ns) override {
    wire::Reply reply;
    constexpr uint8_t kSynAck = kTcpSyn | kTcpAck;
    if (wire::Parse(frame, io::LinkLayer::kEthernet, reply) == wire::ParseOutcome::kAccepted &&
        reply.kind == wire::ReplyKind::kTcp && (reply.tcp.answer.flags & kSynAck) == kSynAck) {
      network_.half_open_[{reply.source.host_order, reply.tcp.source_port,
                           reply.tcp.destination_port}] = reply.tcp.answer.ack;
    }
    sink_.Reply(frame, delay_ns);
  }

 private:
  SimulatedNetwork& network_;
  io::ReplySink& sink_;
};

SimulatedNetwork::SimulatedNetwork(const SimulatedNetworkOptions& options, const Clock& clock)
    : options_(options),
      clock_(clock),
      link_{.name = "sim0",
            .layer = io::LinkLayer::kEthernet,
            .mac = kScannerMac,
            .sources = {kScanner},
            .local = false,
            .own_resets = options.own_resets,
            .can_reset = true},
      wire_(WireOptions(options), clock, *this) {}

bool SimulatedNetwork::OnLink(Ipv4Addr address) const {
  return address >= options_.first_on_link && address <= options_.last_on_link;
}

engine::Path SimulatedNetwork::PathTo(Ipv4Addr address) const noexcept {
  const bool on_link = OnLink(address);
  return {.link = 0,
          .reachable = true,
          .on_link = on_link,
          .local = false,
          .source = 0,
          .next_hop = on_link ? MacAddr{} : kGatewayMac};
}

absl::StatusOr<std::unique_ptr<io::SendRing>> SimulatedNetwork::MakeSendRing(size_t, size_t) {
  return wire_.NewSendRing(options_.ring_slots);
}

absl::StatusOr<std::unique_ptr<io::CaptureRing>> SimulatedNetwork::MakeCaptureRing(size_t) {
  return std::make_unique<Capture>(*this);
}

HostNature SimulatedNetwork::Nature(Ipv4Addr address) const {
  return NatureOf(options_.seed, address, options_.alive_share, OnLink(address));
}

void SimulatedNetwork::ForgetHeard() {
  heard_.clear();
  heard_in_time_.clear();
}

HostOrderPort SimulatedNetwork::LastOsPort(Ipv4Addr host) const {
  const auto found = memory_.find(host.host_order);
  return found == memory_.end() ? HostOrderPort{0} : found->second.os_port;
}

// --- Outbound: what the scan sends -------------------------------------------------------------

bool SimulatedNetwork::IsDiscovery(const SeenProbe& probe) const {
  if (probe.ip.protocol == wire::kProtocolIcmp) {
    return probe.icmp.id() >= kFirstDiscoveryIcmpId;
  }
  const bool tcp = probe.ip.protocol == wire::kProtocolTcp;
  return options_.ports.IsDiscoveryPort(tcp ? probe.tcp.source_port : probe.udp.source_port);
}

void SimulatedNetwork::OnFrame(std::span<const std::byte> frame, int64_t now_ns,
                               io::ReplySink& sink) {
  wire::EthernetHeader ethernet;
  OSPREY_CHECK(LoadEthernet(frame, ethernet) != 0);
  OSPREY_CHECK(ethernet.source == kScannerMac);
  if (ethernet.type == wire::kEtherTypeArp) return OnArp(frame, now_ns, sink);
  const SeenProbe probe(frame, io::LinkLayer::kEthernet);
  const Ipv4Addr to = probe.ip.destination;
  OSPREY_CHECK(probe.ip.source == kScanner);
  OSPREY_CHECK(ethernet.destination == (OnLink(to) ? MacOf(to) : kGatewayMac));
  OSPREY_CHECK(wire::TransportChecksum(frame, io::LinkLayer::kEthernet) ==
               wire::ChecksumState::kGood);
  const HostNature nature = Nature(to);
  if (!nature.alive) return OnRouter(probe, sink);
  ++probes_to_hosts_;
  if (probe.ip.protocol == wire::kProtocolTcp && (probe.tcp.flags & kTcpRst) != 0) {
    return OnReset(probe);
  }
  HostMemory& memory = memory_[to.host_order];
  const bool discovery = IsDiscovery(probe);
  if (discovery) {
    memory.discovery_ns = now_ns;
  } else {
    if (probe.ip.protocol == wire::kProtocolTcp) memory.os_port = probe.tcp.source_port;
    if (Draw(options_.seed, ++draws_) < options_.os_loss) return;
  }
  ConnectionWatch watch(*this, sink);
  AnswerAs(nature, options_.seed, probe, now_ns, memory.ip_id, watch);
}

void SimulatedNetwork::OnReset(const SeenProbe& probe) {
  ++resets_seen_;
  const auto open = half_open_.find(
      {probe.ip.destination.host_order, probe.tcp.destination_port, probe.tcp.source_port});
  if (open != half_open_.end() && open->second == probe.tcp.seq) {
    half_open_.erase(open);
  } else {
    ++resets_wrong_;
  }
}

void SimulatedNetwork::OnArp(std::span<const std::byte> frame, int64_t now_ns,
                             io::ReplySink& sink) {
  wire::ArpPacket arp;
  OSPREY_CHECK(LoadArp(frame.subspan(wire::kEthernetBytes), arp));
  OSPREY_CHECK(arp.operation == wire::kArpRequest && arp.sender == kScanner);
  OSPREY_CHECK(OnLink(arp.target));
  if (!Nature(arp.target).alive) {
    ++probes_to_nobody_;
    return;
  }
  ++probes_to_hosts_;
  memory_[arp.target.host_order].discovery_ns = now_ns;
  sink.Reply(ArpReplyTo(frame, MacOf(arp.target)));
}

void SimulatedNetwork::OnRouter(const SeenProbe& probe, io::ReplySink& sink) {
  ++probes_to_nobody_;
  if (Draw(options_.seed, probe.ip.destination.host_order) >= options_.router_errors) return;
  constexpr uint8_t kHostUnreachable = 1;
  sink.Reply(UnreachableTo(probe, {.ttl = 254, .df = false}, kHostUnreachable, 28, kGateway));
}

// --- Inbound: what the scan takes --------------------------------------------------------------

void SimulatedNetwork::Forge(Bytes frame, size_t kind, int64_t delay_ns) {
  OSPREY_CHECK(kind < kForgeries && frame.size() >= wire::kEthernetBytes);
  MacAddr mark = kForgerMac;
  mark.bytes[5] = static_cast<uint8_t>(kind);
  wire::StoreMac(frame.data() + 6, mark);
  wire_.Inject(frame, delay_ns);
}

void SimulatedNetwork::NoteTaken(const io::FrameView& frame) {
  wire::EthernetHeader ethernet;
  OSPREY_CHECK(LoadEthernet(frame.bytes, ethernet) != 0);
  if (std::equal(kForgerMac.bytes.begin(), kForgerMac.bytes.begin() + 5,
                 ethernet.source.bytes.begin())) {
    ++forged_taken_[ethernet.source.bytes[5]];
    return;
  }
  wire::Reply reply;
  OSPREY_CHECK(wire::Parse(frame.bytes, io::LinkLayer::kEthernet, reply) ==
               wire::ParseOutcome::kAccepted);
  using wire::ReplyKind;
  bool life = reply.kind == ReplyKind::kArp;
  if (reply.kind == ReplyKind::kTcp) {
    life = options_.ports.IsDiscoveryPort(reply.tcp.destination_port);
  }
  if (reply.kind == ReplyKind::kEcho) life = reply.echo.id >= kFirstDiscoveryIcmpId;
  if (reply.kind == ReplyKind::kIcmpError) {
    life = reply.source == reply.icmp.quoted_destination &&
           options_.ports.IsDiscoveryPort(reply.icmp.quoted_source_port);
  }
  if (!life) return;
  heard_.insert(reply.source.host_order);
  const int64_t probed_ns = memory_[reply.source.host_order].discovery_ns;
  if (clock_.MonotonicNs() <= probed_ns + window_ns_) {
    heard_in_time_.insert(reply.source.host_order);
  }
}

}  // namespace osprey::testing
