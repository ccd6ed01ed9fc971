// SPDX-License-Identifier: Apache-2.0
#pragma once
// The keyed functions that discovery computes for every probe, for many of them at a time: the
// rounds of the permutation and SipHash-2-4 of one word. A table of kernels chosen at run time, as
// in matcher/kernels.h; all of them give the same bits, which the tests hold against
// engine/feistel.h and base/siphash.h.
//
// There is none for AVX-512 although it takes half of the time (2 ns a hash instead of 4): with
// 512-bit registers in between, everything else became slower, the kernel above all. A frame sent
// through io_uring took 40 ns more then, far more than all hashing (docs/send-rings.md).
//
// Kernels are immutable and may be called from any thread; none allocates.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/feistel.h"

namespace osprey {

struct HashKernel {
  std::string_view name;  // "scalar", "avx2"
  bool (*supported)();    // by this CPU
  // Each of `values` to its Encipher, in place.
  void (*encipher)(const FeistelKey& key, uint32_t* values, size_t count) noexcept;
  // Each of `words` to its hash, in place. `key` is 16 bytes, as for SipHash.
  void (*siphash)(const uint8_t* key, uint64_t* words, size_t count) noexcept;
};

// Those that this CPU can run, best first; scalar is always last.
std::span<const HashKernel* const> SupportedHashKernels();
const HashKernel& BestHashKernel();

// One per file, so that only that file is compiled for its CPU.
extern const HashKernel kScalarHashKernel;
#if defined(__x86_64__)
extern const HashKernel kAvx2HashKernel;
#endif

}  // namespace osprey
