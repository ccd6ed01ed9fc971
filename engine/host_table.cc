// SPDX-License-Identifier: Apache-2.0
#include "engine/host_table.h"

#include <bit>
#include <new>

#include "base/check.h"

namespace osprey::engine {

HostTable::HostTable(uint32_t capacity, const HashKey& key)
    : capacity_(capacity), mask_(std::bit_ceil(capacity) * 2 - 1), key_(key) {
  OSPREY_CHECK(capacity > 0 && capacity < (uint32_t{1} << 31));
  void* memory = mmap(nullptr, size_t{capacity} * sizeof(HostRecord), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  OSPREY_CHECK(memory != MAP_FAILED);
  records_ = static_cast<HostRecord*>(memory);
  free_.reserve(capacity);
  // Records are visited in no order: large pages spare the address translation. Best effort.
  madvise(memory, size_t{capacity} * sizeof(HostRecord), MADV_HUGEPAGE);
  index_.resize(size_t{mask_} + 1);
}

HostTable::~HostTable() { munmap(records_, size_t{capacity_} * sizeof(HostRecord)); }

uint32_t HostTable::Find(Ipv4Addr address) const noexcept {
  for (uint32_t at = Bucket(address);; at = (at + 1) & mask_) {
    const Entry& entry = index_[at];
    if (entry.slot == kNone || entry.address == address) return entry.slot;
  }
}

uint32_t HostTable::Insert(Ipv4Addr address) noexcept {
  if (full()) return kNone;
  OSPREY_DCHECK(Find(address) == kNone);
  uint32_t slot;
  uint16_t generation = 0;
  if (!free_.empty()) {
    slot = free_.back();
    free_.pop_back();
    generation = records_[slot].state.generation;
  } else {
    slot = next_unused_++;
  }
  new (&records_[slot]) HostRecord();
  records_[slot].state.address = address;
  records_[slot].state.generation = static_cast<uint16_t>(generation + 1);
  uint32_t at = Bucket(address);
  while (index_[at].slot != kNone) at = (at + 1) & mask_;
  index_[at] = {address, slot};
  ++size_;
  return slot;
}

void HostTable::Erase(uint32_t slot) noexcept {
  uint32_t hole = Bucket(records_[slot].state.address);
  while (index_[hole].slot != slot) hole = (hole + 1) & mask_;
  // Backward shift: close the hole with entries that may not stand behind one.
  for (uint32_t at = (hole + 1) & mask_; index_[at].slot != kNone; at = (at + 1) & mask_) {
    const uint32_t home = Bucket(index_[at].address);
    if (((at - home) & mask_) >= ((at - hole) & mask_)) {
      index_[hole] = index_[at];
      hole = at;
    }
  }
  index_[hole] = {};
  records_[slot].state.phase = Phase::kFree;
  free_.push_back(slot);
  --size_;
}

}  // namespace osprey::engine
