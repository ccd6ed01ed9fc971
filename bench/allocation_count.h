// SPDX-License-Identifier: Apache-2.0
#pragma once
// For benchmarks of code that must not allocate: linking allocation_count.cc replaces the global
// operator new by one that counts.

#include <cstddef>

namespace osprey::bench {

// Calls of operator new by this thread since it started.
size_t AllocationCount();

}  // namespace osprey::bench
