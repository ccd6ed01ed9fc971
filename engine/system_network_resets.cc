// SPDX-License-Identifier: Apache-2.0
// SystemNetwork, resets: decides for each link whether the kernel or the lanes end half-open
// connections, and keeps the kernel from it where the lanes do.

#include <algorithm>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "engine/system_network.h"
#include "io/outgoing_ports.h"
#include "io/ring_selector.h"

namespace osprey::engine {
namespace {

// Dropping on arrival is cheapest, but would cut off other connections that use our ports.
io::GuardHook HookFor(const PortPlan& plan) {
  const io::PortSet outgoing = io::OutgoingPorts();
  for (uint32_t port = plan.first; port <= plan.last; ++port) {
    if (outgoing.test(port)) return io::GuardHook::kOutput;
  }
  return io::GuardHook::kIngress;
}

absl::Status WithPrefix(const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrFormat("--resets own: %s", std::string(status.message())));
}

}  // namespace

// Where frames leave through the kernel's IP code, so would our resets, past the rule that is to
// stop the kernel's; and own addresses have nobody else to reset them.
bool SystemNetwork::CanResetFrom(const Way& way) const {
  return !way.info.local && options_.ring != "raw-ip" && io::TakesPacketSocket(way.link);
}

absl::Status SystemNetwork::ArrangeResets() {
  std::vector<io::GuardedLink> guarded;
  for (Way& way : ways_) {
    std::vector<Ipv4Addr> owned;
    std::copy_if(way.info.sources.begin(), way.info.sources.end(), std::back_inserter(owned),
                 [this](Ipv4Addr source) { return links_->IsLocal(source); });
    const bool all_owned = owned.size() == way.info.sources.size();
    const bool wanted =
        options_.resets == ResetMode::kOwn || (options_.resets == ResetMode::kAuto && !all_owned);
    way.info.own_resets = wanted && CanResetFrom(way);
    if (way.info.own_resets && !owned.empty()) {
      guarded.push_back({.name = way.info.name, .addresses = owned});
    }
    if (!way.info.own_resets && !way.info.local && (wanted || !all_owned)) {
      Note(absl::StrFormat(
          all_owned ? "%s: frames leave through the kernel's IP code, so the kernel's resets stay"
                    : "%s: the kernel does not own all source addresses, and nobody resets the "
                      "connections that targets open to them: they stay half open",
          way.info.name));
    }
  }
  if (guarded.empty()) return absl::OkStatus();
  const absl::Status silenced = SilenceKernel(guarded);
  if (silenced.ok()) return silenced;
  if (options_.resets == ResetMode::kOwn) return WithPrefix(silenced);
  Note(absl::StrFormat("where the kernel owns the source address it sends resets too: %s",
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
