// SPDX-License-Identifier: Apache-2.0
#include "engine/port_list.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <optional>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace osprey {
namespace {

using PortSet = std::bitset<65536>;

constexpr size_t kDefaultPorts = 30;

constexpr auto kCommonTcpPorts = std::to_array<HostOrderPort>({
    // The web, and how most machines are administered.
    80,
    443,
    22,
    3389,
    8080,
    // Older servers and home routers; name service and Windows.
    21,
    23,
    25,
    53,
    445,
    135,
    139,
    8443,
    // Mail; databases that are reached from elsewhere; remote desktops.
    110,
    143,
    993,
    995,
    587,
    465,
    3306,
    5900,
    111,
    8000,
    8888,
    81,
    // Management of routers, virtual machines, phones and tunnels.
    7547,
    1723,
    5060,
    8081,
    10000,
    // Behind the default list: servers that show themselves less often.
    5432,
    1433,
    6379,
    27017,
    9200,
    11211,
    5985,
    5986,
    389,
    636,
    88,
    2049,
    548,
    631,
    515,
    9100,
    179,
    554,
    2000,
    8291,
    5000,
    3128,
    1080,
    2222,
    9090,
    8008,
    8009,
    4443,
    10443,
    49152,
    49153,
    49154,
    6000,
    1521,
    873,
    113,
});
static_assert(kDefaultPorts <= kCommonTcpPorts.size());

std::vector<HostOrderPort> ToVector(const PortSet& set) {
  std::vector<HostOrderPort> ports;
  for (uint32_t port = 0; port < set.size(); ++port) {
    if (set[port]) ports.push_back(static_cast<HostOrderPort>(port));
  }
  return ports;
}

absl::Status Invalid(std::string_view part, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrFormat("port \"%s\": %s", part, what));
}

bool IsDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<uint32_t> ParsePort(std::string_view text) {
  if (!IsDigits(text) || text.size() > 5) return std::nullopt;
  uint32_t port = 0;
  for (const char c : text) port = port * 10 + static_cast<uint32_t>(c - '0');
  if (port > 65535) return std::nullopt;
  return port;
}

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Reads one list. The protocol in force is `both`, until "T:" or "U:" comes.
class Parser {
 public:
  explicit Parser(const ServiceTable& services) : services_(services) {}

  absl::Status AddPart(std::string_view part) {
    while (part.size() >= 2 && part[1] == ':') {
      OSPREY_RETURN_IF_ERROR(SetProtocol(part));
      part = Trim(part.substr(2));
      if (part.empty()) return absl::OkStatus();
    }
    if (part.empty()) return Invalid(part, "empty entry in the list");
    const size_t dash = part.find('-');
    const bool is_range = part.find_first_not_of("0123456789-") == std::string_view::npos;
    if (is_range && dash != std::string_view::npos) return AddRange(part, dash);
    if (is_range) return AddSingle(part);
    return AddName(part);
  }

  PortSelection Take() const {
    return {PortList::FromSet(ToVector(tcp_)), PortList::FromSet(ToVector(udp_))};
  }

 private:
  absl::Status SetProtocol(std::string_view part) {
    if (part[0] != 'T' && part[0] != 'U') {
      return Invalid(part, "unknown protocol; want T: or U:");
    }
    to_tcp_ = part[0] == 'T';
    to_udp_ = part[0] == 'U';
    return absl::OkStatus();
  }

  void Add(uint32_t first, uint32_t last) {
    for (uint32_t port = first; port <= last; ++port) {
      if (to_tcp_) tcp_.set(port);
      if (to_udp_) udp_.set(port);
    }
  }

  absl::Status AddSingle(std::string_view part) {
    const std::optional<uint32_t> port = ParsePort(part);
    if (!port) return Invalid(part, "not in 0-65535");
    Add(*port, *port);
    return absl::OkStatus();
  }

  absl::Status AddRange(std::string_view part, size_t dash) {
    const std::string_view low = part.substr(0, dash), high = part.substr(dash + 1);
    const std::optional<uint32_t> first = low.empty() ? 1 : ParsePort(low);
    const std::optional<uint32_t> last = high.empty() ? 65535 : ParsePort(high);
    if (!first || !last) return Invalid(part, "not a range in 0-65535");
    if (*first > *last) return Invalid(part, "range is backwards");
    Add(*first, *last);
    return absl::OkStatus();
  }

  absl::Status AddName(std::string_view part) {
    bool found = false;
    for (const IpProtocol protocol : {IpProtocol::kTcp, IpProtocol::kUdp}) {
      if (!(protocol == IpProtocol::kTcp ? to_tcp_ : to_udp_)) continue;
      for (const HostOrderPort port : services_.Find(part, protocol)) {
        (protocol == IpProtocol::kTcp ? tcp_ : udp_).set(port);
        found = true;
      }
    }
    if (found) return absl::OkStatus();
    return Invalid(part, "neither a number, a range nor a known service name");
  }

  const ServiceTable& services_;
  bool to_tcp_ = true;
  bool to_udp_ = true;
  PortSet tcp_;
  PortSet udp_;
};

}  // namespace

PortList::PortList(std::vector<HostOrderPort> probing_order)
    : probing_order_(std::move(probing_order)), ascending_(probing_order_) {
  std::sort(ascending_.begin(), ascending_.end());
}

PortList PortList::FromSet(std::vector<HostOrderPort> ports) {
  std::sort(ports.begin(), ports.end());
  ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
  std::vector<HostOrderPort> order;
  order.reserve(ports.size());
  for (const HostOrderPort port : kCommonTcpPorts) {
    if (std::binary_search(ports.begin(), ports.end(), port)) order.push_back(port);
  }
  PortSet taken;
  for (const HostOrderPort port : order) taken.set(port);
  for (const HostOrderPort port : ports) {
    if (!taken[port]) order.push_back(port);
  }
  return PortList(std::move(order));
}

bool PortList::Contains(HostOrderPort port) const {
  return std::binary_search(ascending_.begin(), ascending_.end(), port);
}

PortList PortList::Minus(const PortList& other) const {
  std::vector<HostOrderPort> left;
  for (const HostOrderPort port : probing_order_) {
    if (!other.Contains(port)) left.push_back(port);
  }
  return PortList(std::move(left));
}

absl::StatusOr<PortSelection> ParsePorts(std::string_view text, const ServiceTable& services) {
  Parser parser(services);
  std::string_view rest = text;
  // One comma at the end is allowed, as in Nmap.
  if (rest.size() > 1 && rest.back() == ',') rest.remove_suffix(1);
  while (true) {
    const size_t comma = rest.find(',');
    OSPREY_RETURN_IF_ERROR(parser.AddPart(Trim(rest.substr(0, comma))));
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  PortSelection selection = parser.Take();
  if (selection.tcp.empty() && selection.udp.empty()) {
    return absl::InvalidArgumentError(absl::StrFormat("\"%s\" names no port", text));
  }
  return selection;
}

absl::StatusOr<PortList> TopPorts(uint32_t count, IpProtocol protocol,
                                  const ServiceTable& services) {
  if (count == 0 || count > 65535) {
    return absl::InvalidArgumentError(absl::StrFormat("%d top ports: want 1 to 65535", count));
  }
  std::vector<HostOrderPort> ports = services.ByFrequency(protocol);
  const bool own = ports.empty();
  if (own && protocol == IpProtocol::kTcp) {
    ports.assign(kCommonTcpPorts.begin(), kCommonTcpPorts.end());
  }
  if (count > ports.size()) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%d top ports: only %d are known here%s", count, ports.size(),
        own ? "; Nmap's list of port frequencies is not installed (Debian: apt install nmap-common)"
            : ""));
  }
  ports.resize(count);
  return PortList(std::move(ports));
}

std::span<const HostOrderPort> CommonTcpPorts() { return kCommonTcpPorts; }

PortList DefaultTcpPorts() {
  return PortList({kCommonTcpPorts.begin(), kCommonTcpPorts.begin() + kDefaultPorts});
}

}  // namespace osprey
