// SPDX-License-Identifier: Apache-2.0
#pragma once
// Hosts in flight: a fixed slab of records and an index by address. Belongs to one lane's thread;
// a record that is being matched is read by one matcher shard meanwhile (phase kMatching), and the
// lane does not touch its observation until the verdict is back.
//
// Capacity is fixed when made: no method allocates afterwards. Memory of records that were never
// used is not touched, and slots are reused last in, first out, so a small scan stays small.
// Addresses are hashed with a key, so nobody can choose addresses that collide.

#include <sys/mman.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "base/address.h"
#include "engine/host_state.h"
#include "engine/random.h"

namespace osprey::engine {

class HostTable {
 public:
  static constexpr uint32_t kNone = 0xFFFFFFFF;

  // REQUIRES: 0 < capacity < 2^31.
  HostTable(uint32_t capacity, const HashKey& key);
  ~HostTable();
  HostTable(const HostTable&) = delete;
  HostTable& operator=(const HostTable&) = delete;

  // The slot of `address`, or kNone.
  uint32_t Find(Ipv4Addr address) const noexcept;
  // A fresh record for `address`; kNone if full. REQUIRES: `address` is not in the table.
  uint32_t Insert(Ipv4Addr address) noexcept;
  // Frees a slot. Its generation changes, so that old completions do not match.
  void Erase(uint32_t slot) noexcept;

  HostRecord& operator[](uint32_t slot) { return records_[slot]; }
  const HostRecord& operator[](uint32_t slot) const { return records_[slot]; }
  // Slots 0..used_slots()-1 have been used at some time; the others were never touched.
  uint32_t used_slots() const { return next_unused_; }
  uint32_t size() const { return size_; }
  uint32_t capacity() const { return capacity_; }
  bool full() const { return size_ == capacity_; }

 private:
  uint32_t Bucket(Ipv4Addr address) const noexcept {
    return static_cast<uint32_t>(KeyedHash(key_, address.host_order)) & mask_;
  }

  uint32_t capacity_;
  uint32_t mask_;
  uint32_t size_ = 0;
  HashKey key_;
  HostRecord* records_;            // mmap'd, capacity_ entries
  uint32_t next_unused_ = 0;       // slots from here on were never used
  std::vector<uint32_t> free_;     // used before, free now
  std::vector<uint32_t> buckets_;  // open addressing, linear probing; kNone: empty
};

}  // namespace osprey::engine
