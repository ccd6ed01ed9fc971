// SPDX-License-Identifier: Apache-2.0
#pragma once
// What one /24 has to bear: how many of its hosts are measured at a time, and how many packets a
// second it gets (--max-hosts-per-net, --max-rate-per-net). Small networks hang on one slow router
// or one radio link; the address order spreads a large scan, but nothing spreads a small one.
//
// A /24 belongs to one lane, so each lane has a limiter of its own and nothing is shared. Hosts:
// a table of the /24s that have hosts inside; those that must wait form a list through the slots,
// first come first served. Packets: for each /24 the time from which the next one may leave; only
// times in the future are worth keeping, so entries expire by themselves.
//
// Belongs to one lane's thread. Memory is fixed when made; no method allocates. All operations
// take constant time.

#include <cstdint>
#include <vector>

#include "base/address.h"
#include "engine/random.h"

namespace osprey::engine {

struct NetLimits {
  uint32_t hosts = 0;             // of a /24, in their OS phase at a time; 0: no limit
  double packets_per_second = 0;  // to a /24; 0: no limit

  friend bool operator==(const NetLimits&, const NetLimits&) = default;
};

class NetLimiter {
 public:
  static constexpr uint32_t kNone = 0xFFFFFFFF;

  // Slots are 0 .. max_hosts-1. REQUIRES: packets_per_second is 0 or in 1e-3 .. 1e9.
  NetLimiter(const NetLimits& limits, uint32_t max_hosts, const HashKey& key);

  // --- Hosts.
  // The host in `slot` wants to begin. True: it is inside, until Leave. False: it waits, and a
  // Leave of its network will name it. A host that is inside stays so.
  bool Enter(Ipv4Addr address, uint32_t slot) noexcept;
  // The host in `slot` has ended. Returns the slot of the host that is inside in its place, or
  // kNone. Nothing happens if it is not inside.
  uint32_t Leave(Ipv4Addr address, uint32_t slot) noexcept;
  // Hosts that wait.
  uint32_t waiting() const { return waiting_; }

  // --- Packets.
  // 0 if a packet to `address` may leave at `now`, else the time from which one may. Monotonic
  // nanoseconds.
  int64_t NotBefore(Ipv4Addr address, int64_t now) const noexcept {
    return interval_ns_ == 0 ? 0 : LimitedNotBefore(address, now);
  }
  // Notes that a packet leaves, allowed or not.
  void Charge(Ipv4Addr address, int64_t now) noexcept {
    if (interval_ns_ != 0) LimitedCharge(address, now);
  }

 private:
  enum class Place : uint8_t { kOutside, kWaiting, kInside };
  // A network with hosts inside. Open addressing, linear probing, no tombstones.
  struct Net {
    uint32_t key = 0;
    uint32_t inside = 0;     // 0: the entry is free
    uint32_t first = kNone;  // waiting
    uint32_t last = kNone;
  };
  // When the next packet to a network may leave.
  struct Due {
    uint32_t key = 0;
    int64_t at = 0;
  };
  static constexpr size_t kWays = 8;

  size_t HomeOf(uint32_t key) const noexcept { return KeyedHash(key_, key) & net_mask_; }
  // The entry of `key`, or the free one where it belongs.
  size_t FindNet(uint32_t key) const noexcept;
  void EraseNet(size_t at) noexcept;
  int64_t LimitedNotBefore(Ipv4Addr address, int64_t now) const noexcept;
  void LimitedCharge(Ipv4Addr address, int64_t now) noexcept;
  const Due* FindDue(uint32_t key) const noexcept;

  NetLimits limits_;
  HashKey key_;
  int64_t interval_ns_ = 0;  // between packets
  int64_t burst_ns_ = 0;     // how far ahead of an even spacing they may be
  std::vector<Net> nets_;
  size_t net_mask_ = 0;
  std::vector<Place> places_;   // by slot
  std::vector<uint32_t> next_;  // by slot: the one that waits behind it
  uint32_t waiting_ = 0;
  std::vector<Due> dues_;  // sets of kWays
  size_t due_mask_ = 0;    // of sets
};

}  // namespace osprey::engine
