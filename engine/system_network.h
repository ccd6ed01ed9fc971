// SPDX-License-Identifier: Apache-2.0
#pragma once
// The kernel's view of the network as the engine wants it, taken once at the start of a scan:
// which links the targets are behind, our addresses there, the MAC addresses of the gateways.
//
// Own addresses (127/8 included) go through raw IP, because a packet socket gets no answer on `lo`
// (decision 9). Links whose header we do not write do the same, bound to the link. Routes are
// looked up in a snapshot: what changes during a scan is not followed.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/network.h"
#include "engine/port_plan.h"
#include "engine/source_pool.h"
#include "engine/target_set.h"
#include "io/capture_fanout.h"
#include "io/link.h"
#include "io/pcap_file.h"
#include "io/reset_guard.h"
#include "io/route.h"

namespace osprey::engine {

// Who ends the handshakes that our SYNs begin (decision 8 of the design, docs/ARCHITECTURE.md).
enum class ResetMode : uint8_t {
  kAuto,    // the kernel where it owns our addresses, else we
  kKernel,  // as it does by itself, at once and past our rate
  kOwn,     // we, at our rate; the kernel is kept from it
};

struct SystemNetworkOptions {
  // -e: only routes through these links count; empty: all do.
  std::vector<std::string> interfaces;
  // -S: packets have one of these addresses; empty: what the routes say.
  SourcePool sources;
  uint16_t vlan = 0;          // --vlan: 802.1Q tag on Ethernet; 0: none
  std::string ring = "auto";  // io/ring_selector.h
  size_t ring_slots = 4096;
  int capture_buffer_bytes = 64 << 20;  // of a link, shared among its capture threads
  uint32_t capture_threads = 1;         // for each link
  // --gateway-mac: instead of asking ARP; zero: ask. Together with `interfaces` it also takes
  // what no route leads to, through the first of them.
  MacAddr gateway_mac;
  ResetMode resets = ResetMode::kAuto;
  PortPlan port_plan;
  std::string record_path;  // own sends are recorded here, per link; empty: not
};

class SystemNetwork final : public Network {
 public:
  // NotFound: no such interface. With ResetMode::kOwn also the errors of io::ResetGuard.
  // Unavailable: netlink does not answer, or no target can be reached
  // (the message says why, naming the first). Opens nothing yet.
  static absl::StatusOr<std::unique_ptr<SystemNetwork>> Create(const TargetSet& targets,
                                                               const SystemNetworkOptions& options);

  size_t link_count() const override { return ways_.size(); }
  const LinkInfo& link(size_t index) const override { return ways_[index].info; }
  Path PathTo(Ipv4Addr address) const noexcept override { return PathAround(address).path; }
  PathRange PathAround(Ipv4Addr address) const noexcept override;
  absl::StatusOr<std::unique_ptr<io::SendRing>> MakeSendRing(size_t link, size_t lane) override;
  absl::StatusOr<std::unique_ptr<io::CaptureRing>> MakeCaptureRing(size_t link) override;

  // Whether the lanes could send the resets that the kernel sends at present.
  bool CanTakeOverResets() const;

  // For people: why a ring is not the first choice, which gateway does not answer, and so on.
  const std::vector<std::string>& notes() const { return notes_; }
  // "io_uring", ...: of each link, once MakeSendRing was called.
  const std::vector<std::string>& ring_names() const { return ring_names_; }

 private:
  // One way out: a link, or the way to our own addresses.
  struct Way {
    LinkInfo info;
    io::Link link;
    std::shared_ptr<io::PcapWriter> record;
    io::CaptureFanout fanout;
  };

  explicit SystemNetwork(const SystemNetworkOptions& options) : options_(options) {}
  absl::Status FindInterfaces();
  absl::Status CheckTag() const;
  absl::Status CheckSources() const;
  // Adds what `address` needs to ways, sources and gateways.
  void Learn(Ipv4Addr address);
  void LearnAll(const TargetSet& targets);
  Way& AddWay(const io::Link& link, bool local);
  void ResolveGateways();
  // Which source addresses the kernel does not own, and that nobody else has them.
  absl::Status FindForeign();
  absl::Status CheckUnused(const Way& way) const;
  absl::Status ArrangeResets();
  void NoteKernelResets(const Way& way, bool all_owned);
  bool CanResetFrom(const Way& way) const;
  absl::Status SilenceKernel(const std::vector<io::GuardedLink>& links);
  void Note(std::string text);
  io::Route RouteTo(Ipv4Addr address) const noexcept;
  const Way* WayOf(const io::Route& route) const noexcept;
  Path FindPath(Ipv4Addr address) const noexcept;
  void BuildPaths();
  bool WasUnreachable(Ipv4Addr address);
  static uint64_t GatewayKey(int link_index, Ipv4Addr gateway) {
    return uint64_t{static_cast<uint32_t>(link_index)} << 32 | gateway.host_order;
  }

  SystemNetworkOptions options_;
  std::unique_ptr<io::LinkTable> links_;
  std::unique_ptr<io::RouteTable> routes_;
  std::vector<int> forced_;                 // indexes of -e; empty: none
  std::optional<io::Route> default_route_;  // what has no route goes this way
  std::vector<Way> ways_;
  absl::flat_hash_map<uint64_t, MacAddr> gateways_;
  std::vector<uint64_t> wanted_gateways_;
  std::unique_ptr<io::ResetGuard> reset_guard_;
  // Paths by range of addresses, once everything is learned: [i] holds from path_starts_[i] to the
  // next start. Own addresses have a path each and are looked up.
  std::vector<uint32_t> path_starts_;
  std::vector<Path> paths_;
  std::vector<std::string> notes_;
  std::vector<std::string> ring_names_;
};

}  // namespace osprey::engine
