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
std::string IngressChain(const GuardedLink& link, PortRange ports, bool syn_acks, size_t number) {
  std::string text = absl::StrFormat(
      "  chain link%d {\n"
      "    type filter hook ingress device \"%s\" priority -300; policy accept;\n",
      number, link.name);
  if (!link.foreign.empty()) {
    absl::StrAppendFormat(&text, "    ip daddr %s drop\n", AddressSet(link.foreign));
  }
  if (syn_acks) {
    absl::StrAppendFormat(
        &text,
        "    ip daddr %s tcp dport %d-%d tcp flags & (syn | ack | rst) == (syn | ack) drop\n",
        AddressSet(link.addresses), ports.first, ports.last);
  }
  return text + "  }\n";
}

std::string OutputRule(const GuardedLink& link, PortRange ports) {
  return absl::StrFormat(
      "    oifname \"%s\" ip saddr %s tcp sport %d-%d tcp flags & (rst | ack) == rst drop\n",
      link.name, AddressSet(link.addresses), ports.first, ports.last);
}

}  // namespace

std::string GuardRules(std::span<const GuardedLink> links, PortRange ports, GuardHook hook,
                       const std::string& table) {
  std::string ingress, output;
  for (size_t i = 0; i < links.size(); ++i) {
    const bool owned = !links[i].addresses.empty();
    const bool on_arrival = owned && hook == GuardHook::kIngress;
    if (on_arrival || !links[i].foreign.empty()) {
      ingress += IngressChain(links[i], ports, on_arrival, i);
    }
    if (owned && hook == GuardHook::kOutput) output += OutputRule(links[i], ports);
  }
  std::string text;
  if (!ingress.empty()) {
    absl::StrAppendFormat(&text, "table netdev %s {\n  flags owner;\n%s}\n", table, ingress);
  }
  if (!output.empty()) {
    absl::StrAppendFormat(&text,
                          "table ip %s {\n  flags owner;\n"
                          "  chain resets {\n"
                          "    type filter hook output priority -300; policy accept;\n%s  }\n}\n",
                          table, output);
  }
  return text;
}

}  // namespace osprey::io
