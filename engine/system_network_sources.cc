// SPDX-License-Identifier: Apache-2.0
// SystemNetwork, what the kernel does not do for us: which of our source addresses it does not own
// (so that ARP for them is ours to answer), and whether it or the lanes end half-open connections.

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "engine/system_network.h"
#include "io/neighbour.h"
#include "io/outgoing_ports.h"
#include "io/ring_selector.h"

namespace osprey::engine {
namespace {

constexpr auto kConflictTimeout = std::chrono::milliseconds(900);

bool IsConnected(const io::Link& link, Ipv4Addr address) {
  return std::any_of(link.addresses.begin(), link.addresses.end(), [&](const auto& entry) {
    const uint32_t mask = entry.prefix_length <= 0 ? 0 : ~uint32_t{0} << (32 - entry.prefix_length);
    return ((entry.address.host_order ^ address.host_order) & mask) == 0;
  });
}

bool Forwards(const io::Link& link) {
  std::ifstream file("/proc/sys/net/ipv4/conf/" + link.name + "/forwarding");
  int value = 0;
  return static_cast<bool>(file >> value) && value != 0;
}

// Dropping on arrival is cheapest, but would cut off other connections that use our ports.
io::GuardHook HookFor(const PortPlan& plan) {
  const io::PortSet outgoing = io::OutgoingPorts();
  for (uint32_t port = plan.first; port <= plan.last; ++port) {
    if (outgoing.test(port)) return io::GuardHook::kOutput;
  }
  return io::GuardHook::kIngress;
}

}  // namespace

absl::Status SystemNetwork::CheckSources() const {
  for (const Ipv4Addr source : options_.sources.addresses()) {
    if (routes_->Find(source).kind != io::RouteKind::kBroadcast) continue;
    return absl::InvalidArgumentError(
        absl::StrFormat("-S: %s is a broadcast address of a connected network", source.ToString()));
  }
  return absl::OkStatus();
}

absl::Status SystemNetwork::FindForeign() {
  for (Way& way : ways_) {
    if (way.info.local) continue;
    const auto& sources = way.info.sources;
    // Frames with a tag that has no interface of its own do not reach the kernel's IP code.
    std::copy_if(sources.begin(), sources.end(), std::back_inserter(way.info.foreign),
                 [&](Ipv4Addr a) { return way.info.vlan != 0 || !links_->IsLocal(a); });
    std::sort(way.info.foreign.begin(), way.info.foreign.end());
    OSPREY_RETURN_IF_ERROR(CheckUnused(way));
    if (way.info.foreign.empty() || way.info.vlan != 0) continue;
    Note(absl::StrFormat(
        "%s: %d of %d source addresses are not this machine's (%s%s): answers come only if the "
        "network sends them here",
        way.info.name, way.info.foreign.size(), sources.size(), way.info.foreign.front().ToString(),
        way.info.foreign.size() > 1 ? ", ..." : ""));
  }
  return absl::OkStatus();
}

// Two stations with one address would take each other's packets. Only an address that the
// neighbours look for on this link can meet another one there.
absl::Status SystemNetwork::CheckUnused(const Way& way) const {
  if (way.info.layer != io::LinkLayer::kEthernet || way.link.no_arp) return absl::OkStatus();
  std::vector<Ipv4Addr> asked;
  std::copy_if(way.info.foreign.begin(), way.info.foreign.end(), std::back_inserter(asked),
               [&](Ipv4Addr a) { return way.info.vlan != 0 || IsConnected(way.link, a); });
  OSPREY_ASSIGN_OR_RETURN(const auto taken,
                          io::WhoHas(way.link, asked, kConflictTimeout, way.info.vlan));
  if (taken.empty()) return absl::OkStatus();
  const auto& [address, mac] = *taken.begin();
  return absl::FailedPreconditionError(
      absl::StrFormat("%s: the source address %s is in use by another station (%s)", way.info.name,
                      Ipv4Addr{address}.ToString(), mac.ToString()));
}

// Where frames leave through the kernel's IP code, so would our resets, past the rule that is to
// stop the kernel's; and own addresses have nobody else to reset them.
bool SystemNetwork::CanResetFrom(const Way& way) const {
  return !way.info.local && options_.ring != "raw-ip" && io::TakesPacketSocket(way.link);
}

bool SystemNetwork::CanTakeOverResets() const {
  return std::any_of(ways_.begin(), ways_.end(),
                     [](const Way& way) { return way.info.can_reset && !way.info.own_resets; });
}

void SystemNetwork::NoteKernelResets(const Way& way, bool all_owned) {
  Note(absl::StrCat(way.info.name,
                    all_owned
                        ? ": frames leave through the kernel's IP code, so its resets stay"
                        : ": the kernel does not own all source addresses, and nobody resets the "
                          "connections that targets open to them: they stay half open"));
}

absl::Status SystemNetwork::ArrangeResets() {
  std::vector<io::GuardedLink> guarded;
  for (Way& way : ways_) {
    const bool all_owned = way.info.foreign.empty();
    const bool wanted =
        options_.resets == ResetMode::kOwn || (options_.resets == ResetMode::kAuto && !all_owned);
    way.info.can_reset = CanResetFrom(way);
    way.info.own_resets = wanted && way.info.can_reset;
    io::GuardedLink link{.name = way.info.name, .addresses = {}};
    std::copy_if(way.info.sources.begin(), way.info.sources.end(),
                 std::back_inserter(link.addresses), [&](Ipv4Addr a) {
                   return way.info.own_resets &&
                          !std::binary_search(way.info.foreign.begin(), way.info.foreign.end(), a);
                 });
    if (way.info.vlan == 0 && Forwards(way.link)) link.foreign = way.info.foreign;
    if (!link.addresses.empty() || !link.foreign.empty()) guarded.push_back(link);
    const bool kernels = !way.info.own_resets && !way.info.local;
    if (kernels && (wanted || !all_owned)) NoteKernelResets(way, all_owned);
  }
  if (guarded.empty()) return absl::OkStatus();
  const absl::Status silenced = SilenceKernel(guarded);
  if (silenced.ok()) return silenced;
  if (options_.resets == ResetMode::kOwn) {
    return absl::Status(silenced.code(),
                        absl::StrFormat("--resets own: %s", std::string(silenced.message())));
  }
  Note(absl::StrFormat("the kernel may answer for the scan too: %s",
                       std::string(silenced.message())));
  return absl::OkStatus();
}

absl::Status SystemNetwork::SilenceKernel(const std::vector<io::GuardedLink>& links) {
  const io::PortRange ports{options_.port_plan.first, options_.port_plan.last};
  OSPREY_ASSIGN_OR_RETURN(reset_guard_,
                          io::ResetGuard::Install(links, ports, HookFor(options_.port_plan)));
  return absl::OkStatus();
}

}  // namespace osprey::engine
