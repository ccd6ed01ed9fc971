// SPDX-License-Identifier: Apache-2.0
#pragma once
// Addresses of ours that packets come from, one of them for each target: a keyed hash of the target
// chooses, so that a target meets the same address in every probe, from every lane, in every round,
// and in a scan that is continued. Immutable; any thread; no method allocates after Parse.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/address.h"
#include "engine/random.h"

namespace osprey {

class SourcePool {
 public:
  static constexpr size_t kMostAddresses = 256;

  // Empty: packets have the address that the routes say.
  SourcePool() = default;

  // Addresses, ranges and CIDR blocks, as targets are written, with commas:
  // "192.0.2.7,192.0.2.16-20,10.1.0.0/28".
  // InvalidArgument names the part that is none, that holds addresses no host can have (0/8,
  // loopback, multicast, reserved), or that makes them too many.
  static absl::StatusOr<SourcePool> Parse(std::string_view text);

  bool empty() const { return addresses_.empty(); }
  // Ascending, each once.
  std::span<const Ipv4Addr> addresses() const { return addresses_; }

  // The scan's seed decides which target meets which address.
  void SetSeed(uint64_t seed) { key_ = DeriveKey(seed, "source addresses"); }
  // Index into addresses() for a target. REQUIRES: !empty().
  uint8_t IndexFor(Ipv4Addr target) const noexcept {
    const auto hash = static_cast<uint32_t>(KeyedHash(key_, target.host_order));
    return static_cast<uint8_t>(ScaleTo(hash, static_cast<uint32_t>(addresses_.size())));
  }

 private:
  std::vector<Ipv4Addr> addresses_;
  HashKey key_{};
};

}  // namespace osprey
