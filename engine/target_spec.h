// SPDX-License-Identifier: Apache-2.0
#pragma once
// One target expression, as Nmap's users write it:
//
//   192.0.2.7                 one address
//   192.0.2.7/24              its /24: host bits are allowed and masked
//   192.0.2.7-198.51.100.9    everything between two addresses (masscan's form)
//   10.0-3.1,3.5-  10.*.1.1   ranges and lists in any octet; "-" and "*" are 0-255
//   10.0-3.0.0/30             both: the bits behind the prefix take all values
//   host.example  host.example/28
//   192.0.2.7:443             an address with a port known to be open
//
// Text made of digits and the signs above is never taken for a host name, so a mistyped address is
// an error and not a question to a name server. Numbers have no leading zeros, because others read
// those as octal. Pure functions; any thread.

#include <array>
#include <bitset>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/address.h"
#include "engine/interval_set.h"

namespace osprey {

using OctetSet = std::bitset<256>;

struct TargetSpec {
  enum class Kind : uint8_t { kRange, kOctets, kName };

  Kind kind = Kind::kRange;
  AddressInterval range;              // kRange: the addresses. kOctets: lowest and highest one
  std::array<OctetSet, 4> octets{};   // kOctets: allowed values, first octet first
  std::string name;                   // kName
  int prefix_bits = 32;               // kName: to be applied to the address found
  std::optional<HostOrderPort> port;  // only with a single address
};

// InvalidArgument says what is wrong with which part of `text`.
absl::StatusOr<TargetSpec> ParseTargetSpec(std::string_view text);

// The network of `addr` with `bits` leading bits. REQUIRES: 0 <= bits <= 32.
AddressInterval NetworkOf(Ipv4Addr addr, int bits);

// How many intervals ForEachInterval will visit. REQUIRES: not kName.
uint64_t CountIntervals(const TargetSpec& spec);

// Calls visit for disjoint intervals in ascending order that are together what `spec` says; stops
// at the first error and returns it. REQUIRES: not kName.
using IntervalVisitor = std::function<absl::Status(AddressInterval)>;
absl::Status ForEachInterval(const TargetSpec& spec, const IntervalVisitor& visit);

// Splits a comma-separated list of expressions (--exclude a,b,c). A part without a dot continues
// the octet list before it: "10.0.0.1,3,10.0.0.8" is "10.0.0.1,3" and "10.0.0.8".
std::vector<std::string_view> SplitTargetSpecs(std::string_view text);

}  // namespace osprey
