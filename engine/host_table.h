// SPDX-License-Identifier: Apache-2.0
#pragma once
// Hosts in flight: a fixed slab of records and an index by address. Belongs to one lane's thread;
// a record that is being matched is read by one matcher shard meanwhile (phase kMatching), and the
// lane does not touch its observation until the verdict is back.
//
// Capacity is fixed when made: no method allocates afterwards. Memory of records that were never
// used is not touched, and slots are reused last in, first out, so a small scan stays small.
// Addresses are hashed with a key, so nobody can choose addresses that collide. The index holds the
// address beside the slot, so that a search touches no record; with hundreds of thousands of them
// nearly every touch is a cache miss, which the Prefetch methods hide.

#include <sys/mman.h>

#include <cstddef>
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
  // Hints, for what Find and the record's user will touch soon.
  void PrefetchIndex(Ipv4Addr address) const noexcept {
    __builtin_prefetch(&index_[Bucket(address)]);
  }
  void PrefetchState(uint32_t slot) const noexcept {
    const auto* line = reinterpret_cast<const std::byte*>(&records_[slot]);
    for (size_t at = 0; at < sizeof(HostState); at += 64) __builtin_prefetch(line + at, 1);
  }

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

  struct Entry {
    Ipv4Addr address;
    uint32_t slot = kNone;  // kNone: empty
  };

  uint32_t capacity_;
  uint32_t mask_;
  uint32_t size_ = 0;
  HashKey key_;
  HostRecord* records_;         // mmap'd, capacity_ entries
  uint32_t next_unused_ = 0;    // slots from here on were never used
  std::vector<uint32_t> free_;  // used before, free now
  std::vector<Entry> index_;    // open addressing, linear probing
};

}  // namespace osprey::engine
