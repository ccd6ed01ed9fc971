// SPDX-License-Identifier: Apache-2.0
#pragma once
// Vectors for caches that are read at random: from 2 MiB on they ask the system for large pages,
// without which most lookups also miss the translation cache. Only a hint: where large pages are
// off, these are vectors like others.

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <vector>

namespace osprey::matcher {

template <typename T>
struct HugeAllocator {
  using value_type = T;

  HugeAllocator() = default;
  template <typename U>
  HugeAllocator(const HugeAllocator<U>&) {}  // NOLINT(google-explicit-constructor)

  static constexpr size_t kPage = size_t{2} << 20;
  static std::align_val_t Alignment(size_t bytes) {
    return std::align_val_t(bytes >= kPage ? kPage : 64);
  }

  T* allocate(size_t count) {
    const size_t bytes = count * sizeof(T);
    void* const memory = ::operator new(bytes, Alignment(bytes));
    if (bytes >= kPage) static_cast<void>(madvise(memory, bytes, MADV_HUGEPAGE));
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t count) {
    ::operator delete(memory, Alignment(count * sizeof(T)));
  }
  friend bool operator==(const HugeAllocator&, const HugeAllocator&) { return true; }
};

template <typename T>
using HugeVector = std::vector<T, HugeAllocator<T>>;

}  // namespace osprey::matcher
