// SPDX-License-Identifier: Apache-2.0
#pragma once
// Checks for our own bugs. Nothing that comes from the network, a file or the command line may
// reach one of them: such things are errors (absl::Status) or are counted and dropped.

#include <cstdio>
#include <cstdlib>

namespace osprey {

// Prints file, line and expression, and aborts.
[[noreturn]] inline void CheckFailed(const char* file, int line, const char* expression) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace osprey

// Always on.
#define OSPREY_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::osprey::CheckFailed(__FILE__, __LINE__, #condition))

// Only in debug builds: for hot paths.
#ifdef NDEBUG
#define OSPREY_DCHECK(condition) static_cast<void>(0)
#else
#define OSPREY_DCHECK(condition) OSPREY_CHECK(condition)
#endif
