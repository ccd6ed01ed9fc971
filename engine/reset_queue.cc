// SPDX-License-Identifier: Apache-2.0
#include "engine/reset_queue.h"

#include "base/check.h"

namespace osprey::engine {

ResetQueue::ResetQueue(uint32_t capacity, const HashKey& key)
    : key_(key), pending_(capacity), answered_(capacity > 0 ? kPlaces : 0) {}

ResetQueue::Answered& ResetQueue::MemoryOf(const PendingReset& reset) {
  const uint64_t ports = uint64_t{reset.from} << 16 | reset.port;
  const uint64_t hash =
      KeyedHash(key_, uint64_t{reset.to.host_order} << 32 | ports, reset.proven ? 1 : 0);
  const auto connection = static_cast<uint32_t>(hash >> 32);
  Answered& memory = answered_[static_cast<uint32_t>(hash) % kPlaces];
  if (memory.connection != connection) memory = {.connection = connection, .times = 0};
  return memory;
}

ResetQueue::Outcome ResetQueue::Push(const PendingReset& reset) {
  if (count_ == pending_.size()) return Outcome::kFull;
  Answered& memory = MemoryOf(reset);
  if (memory.times >= kMostAnswers) return Outcome::kAnsweredOften;
  ++memory.times;
  pending_[(size_t{first_} + count_) % pending_.size()] = reset;
  ++count_;
  return Outcome::kQueued;
}

PendingReset ResetQueue::Pop() {
  OSPREY_DCHECK(count_ > 0);
  const PendingReset reset = pending_[first_];
  first_ = static_cast<uint32_t>((size_t{first_} + 1) % pending_.size());
  --count_;
  return reset;
}

}  // namespace osprey::engine
