// SPDX-License-Identifier: Apache-2.0
#include "matcher/scan_line.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "absl/strings/str_format.h"

namespace osprey::matcher {
namespace {

struct Prefix {
  uint32_t network;
  int length;
};
constexpr Prefix kSpecial[] = {
    {0x00000000, 8},   // "this" network
    {0x0A000000, 8},   // 10/8
    {0x64400000, 10},  // 100.64/10, carrier-grade NAT
    {0x7F000000, 8},   // 127/8
    {0xA9FE0000, 16},  // 169.254/16
    {0xAC100000, 12},  // 172.16/12
    {0xC0000000, 24},  // 192.0.0/24
    {0xC0000200, 24},  // 192.0.2/24
    {0xC0A80000, 16},  // 192.168/16
    {0xC6120000, 15},  // 198.18/15, benchmarks
    {0xC6336400, 24},  // 198.51.100/24
    {0xCB007100, 24},  // 203.0.113/24
    {0xF0000000, 4},   // 240/4
};

void AppendPort(std::string_view field, std::optional<HostOrderPort> port, std::string& out) {
  absl::StrAppendFormat(&out, "%%%s=", field);
  if (port) absl::StrAppendFormat(&out, "%d", *port);
}

}  // namespace

void ScanLineInfo::SetTime(int64_t now_s) {
  time_s = now_s;
  const auto now = static_cast<std::time_t>(now_s);
  std::tm local{};
  if (localtime_r(&now, &local) == nullptr) return;
  month = local.tm_mon + 1;
  day = local.tm_mday;
}

std::string ScanLine(const ScanLineInfo& info, const HostFacts& facts) {
  std::string out = absl::StrFormat("SCAN(V=%s%%E=4%%D=%d/%d", info.version, info.month, info.day);
  AppendPort("OT", facts.open_tcp_port, out);
  AppendPort("CT", facts.closed_tcp_port, out);
  AppendPort("CU", facts.closed_udp_port, out);
  absl::StrAppendFormat(&out, "%%PV=%c", IsPrivateOrSpecial(info.target) ? 'Y' : 'N');
  if (const Distance distance = ReportedDistance(facts); distance.known()) {
    absl::StrAppendFormat(&out, "%%DS=%d%%DC=%c", distance.hops,
                          static_cast<char>(distance.method));
  }
  absl::StrAppendFormat(&out, "%%G=%c", info.good ? 'Y' : 'N');
  if (facts.mac_known) {
    absl::StrAppendFormat(&out, "%%M=%02X%02X%02X", facts.mac_prefix[0], facts.mac_prefix[1],
                          facts.mac_prefix[2]);
  }
  absl::StrAppendFormat(&out, "%%TM=%X%%P=%s)", info.time_s, info.platform);
  return out;
}

bool IsPrivateOrSpecial(Ipv4Addr address) {
  return std::any_of(std::begin(kSpecial), std::end(kSpecial), [address](const Prefix& prefix) {
    return ((address.host_order ^ prefix.network) >> (32 - prefix.length)) == 0;
  });
}

}  // namespace osprey::matcher
