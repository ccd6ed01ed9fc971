// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the tests of the engine's building blocks share: a seed that differs in every run and is
// printed when a test fails.

#include <cstdint>
#include <cstdlib>
#include <random>

namespace osprey {

// OSPREY_TEST_SEED repeats a run. Use: const uint64_t seed = TestSeed(); SCOPED_TRACE(seed);
inline uint64_t TestSeed() {
  const char* const text = std::getenv("OSPREY_TEST_SEED");
  if (text != nullptr) return std::strtoull(text, nullptr, 10);
  return uint64_t{std::random_device{}()} << 32 | std::random_device{}();
}

}  // namespace osprey
