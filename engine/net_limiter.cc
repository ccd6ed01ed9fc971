// SPDX-License-Identifier: Apache-2.0
#include "engine/net_limiter.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "base/clock.h"

namespace osprey::engine {
namespace {

constexpr size_t kDueSets = size_t{1} << 13;
// An even spacing would make batches of one; a tenth of a second's worth does not hurt.
constexpr int64_t kBurstNs = 100 * kNsPerMs;

}  // namespace

NetLimiter::NetLimiter(const NetLimits& limits, uint32_t max_hosts, const HashKey& key)
    : limits_(limits), key_(key) {
  if (limits.hosts > 0) {
    nets_.resize(std::bit_ceil(size_t{max_hosts} * 2));
    net_mask_ = nets_.size() - 1;
    places_.resize(max_hosts, Place::kOutside);
    next_.resize(max_hosts, kNone);
  }
  if (limits.packets_per_second > 0) {
    OSPREY_CHECK(limits.packets_per_second >= 1e-3 && limits.packets_per_second <= 1e9);
    interval_ns_ = static_cast<int64_t>(1e9 / limits.packets_per_second);
    burst_ns_ = std::max(kBurstNs - interval_ns_, int64_t{0});
    dues_.resize(kDueSets * kWays);
    due_mask_ = kDueSets - 1;
  }
}

size_t NetLimiter::FindNet(uint32_t key) const noexcept {
  size_t at = HomeOf(key);
  while (nets_[at].inside > 0 && nets_[at].key != key) at = (at + 1) & net_mask_;
  return at;
}

bool NetLimiter::Enter(Ipv4Addr address, uint32_t slot) noexcept {
  if (limits_.hosts == 0 || places_[slot] == Place::kInside) return true;
  OSPREY_DCHECK(places_[slot] == Place::kOutside);
  Net& net = nets_[FindNet(address.slash24())];
  if (net.inside < limits_.hosts) {
    if (net.inside == 0) net = {.key = address.slash24()};
    ++net.inside;
    places_[slot] = Place::kInside;
    return true;
  }
  places_[slot] = Place::kWaiting;
  next_[slot] = kNone;
  (net.first == kNone ? net.first : next_[net.last]) = slot;
  net.last = slot;
  ++waiting_;
  return false;
}

uint32_t NetLimiter::Leave(Ipv4Addr address, uint32_t slot) noexcept {
  if (limits_.hosts == 0 || places_[slot] != Place::kInside) return kNone;
  places_[slot] = Place::kOutside;
  const size_t at = FindNet(address.slash24());
  Net& net = nets_[at];
  const uint32_t next = net.first;
  if (next == kNone) {
    if (--net.inside == 0) EraseNet(at);
    return kNone;
  }
  net.first = next_[next];
  if (net.first == kNone) net.last = kNone;
  places_[next] = Place::kInside;
  --waiting_;
  return next;
}

// Moves up those behind the gap that could not lie in their home, so that no search ends early.
void NetLimiter::EraseNet(size_t at) noexcept {
  size_t gap = at;
  for (size_t i = (at + 1) & net_mask_; nets_[i].inside > 0; i = (i + 1) & net_mask_) {
    const size_t home = HomeOf(nets_[i].key);
    const size_t from_home = (i - home) & net_mask_;
    const size_t from_gap = (i - gap) & net_mask_;
    if (from_home < from_gap) continue;
    nets_[gap] = nets_[i];
    gap = i;
  }
  nets_[gap] = {};
}

const NetLimiter::Due* NetLimiter::FindDue(uint32_t key) const noexcept {
  const Due* const set = &dues_[(KeyedHash(key_, key) & due_mask_) * kWays];
  const Due* oldest = set;
  for (size_t way = 0; way < kWays; ++way) {
    if (set[way].key == key && set[way].at != 0) return &set[way];
    if (set[way].at < oldest->at) oldest = &set[way];
  }
  return oldest;
}

int64_t NetLimiter::LimitedNotBefore(Ipv4Addr address, int64_t now) const noexcept {
  // In a set full of networks that still wait, another one waits with the oldest of them.
  const Due& due = *FindDue(address.slash24());
  return due.at - burst_ns_ > now ? due.at - burst_ns_ : 0;
}

void NetLimiter::LimitedCharge(Ipv4Addr address, int64_t now) noexcept {
  const uint32_t key = address.slash24();
  const Due* const found = FindDue(key);
  Due& due = dues_[static_cast<size_t>(found - dues_.data())];
  const int64_t from = due.key == key ? std::max(due.at, now) : now;
  due = {.key = key, .at = from + interval_ns_};
}

}  // namespace osprey::engine
