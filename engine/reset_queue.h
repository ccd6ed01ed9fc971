// SPDX-License-Identifier: Apache-2.0
#pragma once
// Resets that a lane owes: one for each connection that a target opened in answer to a SYN of ours,
// where the kernel does not send them itself (decision 8 of the design, docs/ARCHITECTURE.md).
//
// A bounded FIFO, and a memory of which connections were answered lately. A target repeats its
// SYN-ACK until a reset gets through, so a repeat is answered again, but only kMostAnswers times:
// who keeps asking must not take the rate from the rest of the scan. The memory has a fixed number
// of places, one for each connection by its hash; a newer connection takes the place of an older
// one. SYN-ACKs that anybody may have sent are counted by themselves, so that a flood of them does
// not keep the others from their answer. What is forgotten may be answered more often, which
// happens only to those who repeat slowly.
//
// Belongs to one lane's thread. Nothing allocates after construction; an empty queue of capacity 0
// takes no memory. Host byte order.

#include <cstdint>
#include <vector>

#include "base/address.h"
#include "engine/random.h"

namespace osprey::engine {

struct PendingReset {
  Ipv4Addr to;
  uint32_t seq = 0;        // the SYN-ACK's acknowledgement number
  HostOrderPort from = 0;  // our port
  HostOrderPort port = 0;  // theirs
  MacAddr next_hop;
  uint8_t link = 0;
  uint8_t source = 0;  // index into the link's source addresses
  bool proven = true;  // only who saw our SYN can have sent that SYN-ACK
};

class ResetQueue {
 public:
  static constexpr uint8_t kMostAnswers = 4;  // to one connection
  static constexpr uint32_t kCapacity = 1 << 14;

  enum class Outcome : uint8_t {
    kQueued,
    kAnsweredOften,  // kMostAnswers times already
    kFull,           // the target repeats its SYN-ACK, and is answered then
  };

  // Capacity 0: takes nothing.
  ResetQueue(uint32_t capacity, const HashKey& key);

  Outcome Push(const PendingReset& reset);
  // REQUIRES: !empty().
  PendingReset Pop();
  void Clear() { count_ = 0; }

  bool empty() const { return count_ == 0; }
  uint32_t size() const { return count_; }
  size_t capacity() const { return pending_.size(); }
  // More than half full: to be emptied before it overflows.
  bool filling_up() const { return count_ > pending_.size() / 2; }

 private:
  struct Answered {
    uint32_t connection = 0;  // half of its hash; the other half gave the place
    uint8_t times = 0;
  };
  static constexpr uint32_t kPlaces = 1 << 15;

  Answered& MemoryOf(const PendingReset& reset);

  HashKey key_;
  std::vector<PendingReset> pending_;  // ring buffer
  uint32_t first_ = 0;
  uint32_t count_ = 0;
  std::vector<Answered> answered_;
};

}  // namespace osprey::engine
