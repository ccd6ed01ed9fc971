// SPDX-License-Identifier: Apache-2.0
#pragma once
// Asks memory for what will soon be read. Any address may be given.

#include <cstddef>

namespace osprey::matcher {

inline void Prefetch(const void* from, size_t bytes) {
  constexpr size_t kLine = 64;
  const char* const first = static_cast<const char*>(from);
  for (size_t i = 0; i < bytes; i += kLine) __builtin_prefetch(first + i);
}

}  // namespace osprey::matcher
