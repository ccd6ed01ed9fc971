// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "io/reset_guard.h"

namespace osprey::io {
namespace {

std::string AddressSet(const std::vector<Ipv4Addr>& addresses) {
  return absl::StrCat(
      "{ ",
      absl::StrJoin(addresses, ", ",
                    [](std::string* out, Ipv4Addr address) { out->append(address.ToString()); }),
      " }");
}

// A chain of the netdev family hangs on one device.
std::string IngressChain(const GuardedLink& link, PortRange ports, size_t number) {
  return absl::StrFormat(
      "  chain link%d {\n"
      "    type filter hook ingress device \"%s\" priority -300; policy accept;\n"
      "    ip daddr %s tcp dport %d-%d tcp flags & (syn | ack | rst) == (syn | ack) drop\n"
      "  }\n",
      number, link.name, AddressSet(link.addresses), ports.first, ports.last);
}

std::string OutputRule(const GuardedLink& link, PortRange ports) {
  return absl::StrFormat(
      "    oifname \"%s\" ip saddr %s tcp sport %d-%d tcp flags & (rst | ack) == rst drop\n",
      link.name, AddressSet(link.addresses), ports.first, ports.last);
}

}  // namespace

std::string GuardRules(std::span<const GuardedLink> links, PortRange ports, GuardHook hook,
                       const std::string& table) {
  const bool ingress = hook == GuardHook::kIngress;
  std::string text =
      absl::StrFormat("table %s %s {\n  flags owner;\n", ingress ? "netdev" : "ip", table);
  if (!ingress) {
    text += "  chain resets {\n    type filter hook output priority -300; policy accept;\n";
  }
  for (size_t i = 0; i < links.size(); ++i) {
    text += ingress ? IngressChain(links[i], ports, i) : OutputRule(links[i], ports);
  }
  if (!ingress) text += "  }\n";
  return text + "}\n";
}

}  // namespace osprey::io
