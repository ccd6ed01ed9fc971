// SPDX-License-Identifier: Apache-2.0
#include "io/capture_filter.h"

#include <algorithm>

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

// Past so many tests the filter costs more than it saves.
constexpr size_t kMostDestinationTests = 16;

// The address blocks that are together `addresses`, each as one test.
std::vector<std::string> DestinationTests(std::vector<Ipv4Addr> addresses) {
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  std::vector<std::string> tests;
  for (size_t i = 0; i < addresses.size();) {
    const uint32_t first = addresses[i].host_order;
    // The largest block that begins here and is all there.
    int bits = 0;
    const auto is_whole = [&](int larger) {
      const size_t size = size_t{1} << larger;
      return first % size == 0 && i + size <= addresses.size() &&
             addresses[i + size - 1].host_order == first + size - 1;
    };
    while (bits < 31 && is_whole(bits + 1)) ++bits;
    tests.push_back(bits == 0
                        ? absl::StrCat("dst host ", addresses[i].ToString())
                        : absl::StrFormat("dst net %s/%d", addresses[i].ToString(), 32 - bits));
    i += size_t{1} << bits;
  }
  return tests;
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
    const std::vector<std::string> tests = DestinationTests(filter.destinations);
    if (!tests.empty() && tests.size() <= kMostDestinationTests) {
      absl::StrAppend(&ip, "(", absl::StrJoin(tests, " or "), ") and ");
    }
    parts.push_back(absl::StrCat(ip, "(", absl::StrJoin(protocols, " or "), "))"));
  }
  // A filter that wants nothing: a frame is never shorter than nothing.
  if (parts.empty()) return "less 0";
  const std::string all = absl::StrJoin(parts, " or ");
  if (filter.vlan == 0 || layer != LinkLayer::kEthernet) return all;
  return absl::StrFormat("vlan %d and (%s)", filter.vlan, all);
}

}  // namespace osprey::io
