// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a world is to be, as written on the command line or in a config file (docs/lab.md has the
// keys). Plain values; World checks them against the database and makes them concrete.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/address.h"

namespace osprey::lab {

struct Prefix {
  Ipv4Addr first;
  int length = 32;

  // "10.0.0.0/16" or an address. InvalidArgument names the text; bits behind the length must be 0.
  static absl::StatusOr<Prefix> Parse(std::string_view text);
  std::string ToString() const;
  uint64_t size() const { return uint64_t{1} << (32 - length); }
  bool Contains(Ipv4Addr address) const {
    return length == 0 || ((address.host_order ^ first.host_order) >> (32 - length)) == 0;
  }
};

struct WeightedName {
  std::string name;
  double weight = 1;
};

struct PortShare {
  HostOrderPort port = 0;
  double share = 1;  // of the hosts
};

template <class T>
struct Span {
  T low{};
  T high{};
};

struct GroupSpec {
  Prefix prefix;
  double up = 1;                  // share of addresses with a host
  std::vector<WeightedName> mix;  // references by name, class, or "#LINE"; empty: all
  std::vector<PortShare> open = {{22, 1}, {80, 1}};
  std::vector<HostOrderPort> filtered;  // ports that drop everything
  double closed_filtered = 0;           // share of hosts that answer on open ports only
  Span<int> hops = {1, 1};              // distance from the scanner
  Span<double> uptime_days = {1, 100};
};

enum class BoxKind : uint8_t {
  kDrop,          // firewall: swallows ports (all if none are named) and, with `icmp`, ICMP
  kReject,        // firewall: answers ports with "administratively prohibited"
  kResetPort,     // forges resets for its ports on behalf of every address
  kProxy,         // accepts its ports for every address, with a stack of its own
  kPortForward,   // NAT: its ports lead to another stack than all else
  kLoadBalancer,  // spreads connections over several stacks
  kScrub,         // rewrites options, TTL or IP ID of what passes
  kUdpChecksum,   // alters the UDP checksum inside quoted packets
  kSynProxy,      // answers every SYN itself, with window 0 and no options
  kTarpit,        // accepts every port of every address and lets nothing through
};
std::string_view BoxName(BoxKind kind);

struct BoxSpec {
  BoxKind kind = BoxKind::kDrop;
  Prefix prefix;
  std::vector<HostOrderPort> ports;
  bool icmp = false;                 // kDrop, kReject: ICMP and UDP as well
  std::vector<WeightedName> stacks;  // kResetPort, kProxy, kPortForward, kLoadBalancer
  // kScrub:
  bool strip_timestamps = false;
  bool strip_options = false;  // all but MSS
  int clamp_mss = 0;
  int set_ttl = 0;
  enum class IpId : uint8_t { kKeep, kZero, kRandom } ip_id = IpId::kKeep;
};

struct NetworkSpec {
  double delay_ms = 0;   // one way
  double jitter_ms = 0;  // deviation of the delay, one way
  double loss = 0;       // share of packets lost, each way
  double duplicate = 0;  // share of replies that come twice
  double reorder = 0;    // share of replies held back by reorder_ms
  double reorder_ms = 5;
  double bandwidth_bps = 0;    // towards the scanner; 0: unlimited
  double icmp_per_second = 0;  // ICMP errors of one host; 0: unlimited
  double icmp_burst = 6;
};

// From that moment on the network is like this.
struct NetworkChange {
  double after_s = 0;  // since the lab began to answer
  NetworkSpec network;
};

struct WorldSpec {
  uint64_t seed = 1;
  std::vector<GroupSpec> groups;
  std::vector<BoxSpec> boxes;
  NetworkSpec network;
  std::vector<NetworkChange> changes;  // by time, strictly increasing
  bool on_link = false;  // hosts answer ARP themselves; else a gateway stands in front
};

}  // namespace osprey::lab
