// SPDX-License-Identifier: Apache-2.0
#include "bench/allocation_count.h"

#include <cstdlib>
#include <new>

namespace osprey::bench {
namespace {
thread_local size_t t_count = 0;
}  // namespace

size_t AllocationCount() { return t_count; }

}  // namespace osprey::bench

void* operator new(size_t size) {
  ++osprey::bench::t_count;
  if (void* const memory = std::malloc(size > 0 ? size : 1); memory != nullptr) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void* operator new(size_t size, std::align_val_t alignment) {
  ++osprey::bench::t_count;
  const auto a = static_cast<size_t>(alignment);
  if (void* const memory = std::aligned_alloc(a, (size + a - 1) / a * a); memory != nullptr) {
    return memory;
  }
  throw std::bad_alloc();
}
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }
