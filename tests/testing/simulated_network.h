// SPDX-License-Identifier: Apache-2.0
#pragma once
// A whole network in memory and in simulated time for scans under test: one Ethernet link over
// io/fake_wire.h, hosts on it found by ARP, all others behind a gateway, some of whose dead
// addresses make a router answer. What it hands to the scan it notes, so that tests know what the
// scan has had a chance to hear.
//
// One thread. Times are CLOCK_MONOTONIC nanoseconds.

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "base/clock.h"
#include "engine/network.h"
#include "engine/port_plan.h"
#include "io/fake_wire.h"
#include "tests/testing/frame_builder.h"
#include "tests/testing/simulated_host.h"

namespace osprey::testing {

struct SimulatedNetworkOptions {
  uint64_t seed = 1;
  double alive_share = 0.2;
  io::FakeWireOptions wire{};  // its seed is taken from the above
  Ipv4Addr first_on_link{0x0A010000};
  Ipv4Addr last_on_link{0x0A0100FF};
  double router_errors = 0.05;  // share of the dead addresses for which a router speaks
  double os_loss = 0;           // of probes that are no discovery, on their way to the host
  PortPlan ports{};             // of the scan: tells discovery from the rest
  size_t ring_slots = 1024;
  bool own_resets = false;  // there is no kernel that resets connections
};

class SimulatedNetwork final : public engine::Network, private io::Responder {
 public:
  // `clock` outlives the network, the network outlives every ring.
  SimulatedNetwork(const SimulatedNetworkOptions& options, const Clock& clock);

  size_t link_count() const override { return 1; }
  const engine::LinkInfo& link(size_t) const override { return link_; }
  engine::Path PathTo(Ipv4Addr address) const noexcept override;
  absl::StatusOr<std::unique_ptr<io::SendRing>> MakeSendRing(size_t link, size_t lane) override;
  absl::StatusOr<std::unique_ptr<io::CaptureRing>> MakeCaptureRing(size_t link) override;

  io::FakeWire& wire() { return wire_; }
  const io::FakeWire& wire() const { return wire_; }
  HostNature Nature(Ipv4Addr address) const;

  // Lets a forged frame of some kind (below kForgeries) come in. `frame` begins with an Ethernet
  // header, whose source is replaced by a mark.
  static constexpr size_t kForgeries = 16;
  void Forge(Bytes frame, size_t kind, int64_t delay_ns = 0);
  // Forged frames of this kind that the scan has taken.
  uint64_t forged_taken(size_t kind) const { return forged_taken_[kind]; }
  // The destination of an OS probe that a host has seen, or none: for forging replies near it.
  HostOrderPort LastOsPort(Ipv4Addr host) const;

  // Hosts whose answer to a discovery probe the scan has taken, and those of them whose answer
  // came while any scan must still have waited for it (at most `window_ns` after the probe).
  const std::unordered_set<uint32_t>& heard() const { return heard_; }
  const std::unordered_set<uint32_t>& heard_in_time() const { return heard_in_time_; }
  void ForgetHeard();
  void SetWindow(int64_t window_ns) { window_ns_ = window_ns; }

  // Connections that hosts hold half open: they sent a SYN-ACK, and no reset with the number that
  // they wait for has come. The value is that number.
  using Connection = std::tuple<uint32_t, HostOrderPort, HostOrderPort>;  // host, its port, ours
  const std::map<Connection, uint32_t>& half_open() const { return half_open_; }
  uint64_t resets_seen() const { return resets_seen_; }
  // Those that ended no connection: of a number that the host does not wait for.
  uint64_t resets_wrong() const { return resets_wrong_; }

  // Frames of the scan that reached the network by what they were.
  uint64_t probes_to_hosts() const { return probes_to_hosts_; }
  uint64_t probes_to_nobody() const { return probes_to_nobody_; }

  static constexpr Ipv4Addr kScanner{0x0A000002};
  static constexpr Ipv4Addr kGateway{0x0A000001};

 private:
  class Capture;
  class ConnectionWatch;
  struct HostMemory {
    uint16_t ip_id = 0;
    HostOrderPort os_port = 0;  // source port of the newest OS probe
    int64_t discovery_ns = -1;  // arrival of the newest discovery probe
  };

  void OnFrame(std::span<const std::byte> frame, int64_t now_ns, io::ReplySink& sink) override;
  void OnArp(std::span<const std::byte> frame, int64_t now_ns, io::ReplySink& sink);
  void OnRouter(const SeenProbe& probe, io::ReplySink& sink);
  void OnReset(const SeenProbe& probe);
  bool IsDiscovery(const SeenProbe& probe) const;
  bool OnLink(Ipv4Addr address) const;
  void NoteTaken(const io::FrameView& frame);

  SimulatedNetworkOptions options_;
  const Clock& clock_;
  engine::LinkInfo link_;
  io::FakeWire wire_;
  std::unordered_map<uint32_t, HostMemory> memory_;  // of live hosts
  std::unordered_set<uint32_t> heard_;
  std::unordered_set<uint32_t> heard_in_time_;
  int64_t window_ns_ = kNsPerSecond;
  uint64_t draws_ = 0;
  std::map<Connection, uint32_t> half_open_;
  uint64_t resets_seen_ = 0;
  uint64_t resets_wrong_ = 0;
  std::array<uint64_t, kForgeries> forged_taken_{};
  uint64_t probes_to_hosts_ = 0;
  uint64_t probes_to_nobody_ = 0;
};

}  // namespace osprey::testing
