// SPDX-License-Identifier: Apache-2.0
#pragma once
// What stands between a scanner and hosts: firewalls, proxies, address translation, scrubbers. Each
// box covers a prefix; a packet passes the boxes of its destination in the order of the config.
//
// One thread; nothing allocates after construction.

#include <vector>

#include "tools/lab/host_stack.h"
#include "tools/lab/probe.h"
#include "tools/lab/world.h"

namespace osprey::lab {

class Boxes {
 public:
  // `world` and `stack` outlive this. `gateway` is the address that rejections come from.
  Boxes(const World& world, const HostStack& stack, Ipv4Addr gateway);

  bool any() const { return !boxes_.empty(); }

  // On the way in. True if a box took the packet: `reply` is then its answer, if any. `host` is the
  // destination if `up`, and may be changed to another stack's.
  bool Intercept(const Probe& probe, bool up, Host& host, Reply& reply);
  // On the way out.
  void Rewrite(const Probe& probe, Reply& reply) const;

  // Whether some box answers for the address even if no host is there.
  bool ClaimsAddress(Ipv4Addr address) const;

 private:
  // A box with the stack and the counters that are its own.
  struct Entry {
    const Box* box;
    GroupSpec group;  // all ports closed, or open for proxies
    mutable HostCounters counters;
    mutable HostCounters tcp_counters;  // of the stack behind a forwarded port
  };

  bool InterceptBy(const Entry& entry, const Probe& probe, bool up, Host& host, Reply& reply) const;
  bool Accept(const Entry& entry, const Probe& probe, Reply& reply) const;
  void Reject(const Probe& probe, Reply& reply) const;
  void ForgeReset(const Entry& entry, const Probe& probe, Reply& reply) const;
  Host OwnHost(const Entry& entry, const Probe& probe, uint64_t choice) const;

  const HostStack& stack_;
  Ipv4Addr gateway_;
  uint64_t seed_;
  std::vector<Entry> boxes_;
};

}  // namespace osprey::lab
