// SPDX-License-Identifier: Apache-2.0
#include "io/outgoing_ports.h"

#include <cstdint>
#include <fstream>
#include <sstream>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace osprey::io {
namespace {

// "32768\t60999" with a blank, "8080,9000-9100" with a dash between the ends.
PortSet ReadPorts(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  PortSet ports;
  const std::string content = text.str();
  for (const absl::string_view entry :
       absl::StrSplit(content, absl::ByAnyChar(",\n"), absl::SkipEmpty())) {
    const std::vector<std::string> ends =
        absl::StrSplit(entry, absl::ByAnyChar("- \t"), absl::SkipEmpty());
    uint32_t first = 0, last = 0;
    if (ends.empty() || !absl::SimpleAtoi(ends.front(), &first) ||
        !absl::SimpleAtoi(ends.back(), &last) || last > 65535) {
      continue;
    }
    for (uint32_t port = first; port <= last; ++port) ports.set(port);
  }
  return ports;
}

}  // namespace

PortSet OutgoingPorts(const std::string& proc) {
  return ReadPorts(proc + "/sys/net/ipv4/ip_local_port_range") &
         ~ReadPorts(proc + "/sys/net/ipv4/ip_local_reserved_ports");
}

}  // namespace osprey::io
