// SPDX-License-Identifier: Apache-2.0
#include "io/capture_filter.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace osprey::io {
namespace {

void AppendPorts(const char* protocol, const std::vector<PortRange>& ranges,
                 std::vector<std::string>& out) {
  for (const PortRange& range : ranges) {
    out.push_back(absl::StrFormat("%s dst portrange %d-%d", protocol, range.first, range.last));
  }
}

std::string Destinations(const std::vector<Ipv4Addr>& addresses) {
  return absl::StrJoin(addresses, " or ", [](std::string* out, Ipv4Addr address) {
    absl::StrAppend(out, "dst host ", address.ToString());
  });
}

}  // namespace

std::string ToPcapExpression(const CaptureFilter& filter, LinkLayer layer) {
  std::vector<std::string> protocols;
  if (filter.icmp) protocols.push_back("icmp");
  AppendPorts("tcp", filter.tcp_ports, protocols);
  AppendPorts("udp", filter.udp_ports, protocols);

  std::vector<std::string> parts;
  if (filter.arp && layer == LinkLayer::kEthernet) parts.push_back("(arp)");
  if (!protocols.empty()) {
    std::string ip = "(ip and ";
    if (!filter.destinations.empty()) {
      absl::StrAppend(&ip, "(", Destinations(filter.destinations), ") and ");
    }
    parts.push_back(absl::StrCat(ip, "(", absl::StrJoin(protocols, " or "), "))"));
  }
  // A filter that wants nothing: a frame is never shorter than nothing.
  return parts.empty() ? "less 0" : absl::StrJoin(parts, " or ");
}

}  // namespace osprey::io
