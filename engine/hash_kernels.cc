// SPDX-License-Identifier: Apache-2.0
// The table of kernels, and the one that needs nothing of the CPU.

#include "engine/hash_kernels.h"

#include <cstring>
#include <vector>

#include "engine/random.h"

namespace osprey {
namespace {

void EncipherAll(const FeistelKey& key, uint32_t* values, size_t count) noexcept {
  for (size_t i = 0; i < count; ++i) values[i] = Encipher(key, values[i]);
}

void SipHashAll(const uint8_t* key, uint64_t* words, size_t count) noexcept {
  HashKey bytes;
  std::memcpy(bytes.data(), key, bytes.size());
  for (size_t i = 0; i < count; ++i) words[i] = KeyedHash(bytes, words[i]);
}

std::vector<const HashKernel*> Detect() {
  std::vector<const HashKernel*> kernels;
#if defined(__x86_64__)
  if (kAvx2HashKernel.supported()) kernels.push_back(&kAvx2HashKernel);
#endif
  kernels.push_back(&kScalarHashKernel);
  return kernels;
}

}  // namespace

const HashKernel kScalarHashKernel = {"scalar", [] { return true; }, EncipherAll, SipHashAll};

std::span<const HashKernel* const> SupportedHashKernels() {
  static const std::vector<const HashKernel*>& kernels =
      *new std::vector<const HashKernel*>(Detect());
  return kernels;
}

const HashKernel& BestHashKernel() { return *SupportedHashKernels().front(); }

}  // namespace osprey
