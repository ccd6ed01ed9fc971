// SPDX-License-Identifier: Apache-2.0
#include "tools/osprey/machine_notes.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "io/outgoing_ports.h"

namespace osprey::tools {
namespace {

using io::PortSet;

constexpr uint32_t kEstablished = 1;    // in /proc/net/tcp
constexpr uint32_t kMostLines = 65536;  // of /proc/net/tcp that are looked at
// How long an entry of a connection that was never answered stays (net.netfilter's default).
constexpr double kEntrySeconds = 120;

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::optional<uint64_t> ReadNumber(const std::string& path) {
  uint64_t value = 0;
  if (!absl::SimpleAtoi(ReadAll(path), &value)) return std::nullopt;
  return value;
}

// Connections of this machine to others that have a port of `ports` here.
uint32_t CountConnections(const std::string& proc, const PortSet& ports) {
  std::ifstream file(proc + "/net/tcp");
  std::string line;
  uint32_t count = 0;
  for (uint32_t n = 0; n < kMostLines && std::getline(file, line); ++n) {
    // "  0: 0100007F:0035 00000000:0000 0A ...": addresses as the machine stores them.
    uint32_t address = 0, port = 0, remote = 0, remote_port = 0, state = 0;
    if (std::sscanf(line.c_str(), "%*u: %x:%x %x:%x %x", &address, &port, &remote, &remote_port,
                    &state) != 5) {
      continue;
    }
    const bool loopback = (remote & 0xFF) == 127 || remote == address;
    count += state == kEstablished && !loopback && port < 65536 && ports.test(port);
  }
  return count;
}

void NotePorts(const PortPlan& plan, const std::string& proc, std::vector<std::string>& notes) {
  PortSet shared;
  for (uint32_t port = plan.first; port <= plan.last; ++port) shared.set(port);
  shared &= io::OutgoingPorts(proc);
  if (shared.none()) return;
  const uint32_t connections = CountConnections(proc, shared);
  if (connections == 0) return;
  const PortPlan outside = PortPlan::OutsideEphemeral();
  notes.push_back(absl::StrFormat(
      "source ports %d-%d: this machine gives %d of them to other connections too, and %d are open "
      "now; a scan of the same hosts would disturb them: reserve the ports "
      "(net.ipv4.ip_local_reserved_ports) or use --source-ports %d-%d",
      plan.first, plan.last, shared.count(), connections, outside.first, outside.last));
}

void NoteTracking(const Traffic& traffic, const std::string& proc,
                  std::vector<std::string>& notes) {
  const auto size = ReadNumber(proc + "/sys/net/netfilter/nf_conntrack_max");
  const auto used = ReadNumber(proc + "/sys/net/netfilter/nf_conntrack_count");
  if (!traffic.through_netfilter || !size || !used) return;
  auto wanted = static_cast<double>(traffic.packets);
  if (traffic.packets_per_second > 0) {
    wanted = std::min(wanted, traffic.packets_per_second * kEntrySeconds);
  }
  const uint64_t left = *size > *used ? *size - *used : 0;
  if (wanted <= static_cast<double>(left)) return;
  notes.push_back(absl::StrFormat(
      "connection tracking is on, %d of its %d entries are used, and this scan may make up to "
      "%.0f: what finds no room is dropped; take a lower rate, or exempt the scan (nft ... "
      "notrack)",
      *used, *size, wanted));
}

}  // namespace

std::vector<std::string> MachineNotes(const PortPlan& plan, const Traffic& traffic,
                                      const std::string& proc) {
  std::vector<std::string> notes;
  NotePorts(plan, proc, notes);
  NoteTracking(traffic, proc, notes);
  return notes;
}

}  // namespace osprey::tools
