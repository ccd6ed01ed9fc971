// SPDX-License-Identifier: Apache-2.0
#include "matcher/kernels.h"

#include <cstring>

#include "base/check.h"

namespace osprey::matcher {
namespace {

std::vector<const Kernel*> Detect() {
  std::vector<const Kernel*> kernels;
#if defined(__x86_64__)
  for (const Kernel* kernel : {&kAvx512Kernel, &kAvx2Kernel}) {
    if (kernel->supported()) kernels.push_back(kernel);
  }
#endif
  kernels.push_back(&kScalarKernel);
  return kernels;
}

}  // namespace

void AddPlan::Assign(std::span<const uint32_t> points, size_t planes) {
  OSPREY_CHECK(points.size() <= kMaxInputs && planes <= kMaxPlanes);
  set_count = points.size();
  plane_count = planes;
  inputs.clear();
  for (size_t k = 0; k < planes; ++k) {
    first[k] = static_cast<uint16_t>(inputs.size());
    for (size_t i = 0; i < points.size(); ++i) {
      if ((points[i] >> k) & 1) inputs.push_back(static_cast<uint8_t>(i));
    }
  }
  first[planes] = static_cast<uint16_t>(inputs.size());
}

std::span<const Kernel* const> SupportedKernels() {
  static const std::vector<const Kernel*>& kernels = *new std::vector<const Kernel*>(Detect());
  return kernels;
}

const Kernel* FindKernel(std::string_view name) {
  for (const Kernel* kernel : SupportedKernels()) {
    if (kernel->name == name) return kernel;
  }
  return nullptr;
}

void Gather(const uint16_t* numbers, size_t plane_count, uint64_t* planes) {
  std::memset(planes, 0, plane_count * kBlockWords * sizeof(uint64_t));
  for (size_t i = 0; i < kBlockBits; ++i) {
    for (size_t k = 0; k < plane_count; ++k) {
      const uint64_t bit = (numbers[i] >> k) & 1;
      planes[k * kBlockWords + i / 64] |= bit << (i % 64);
    }
  }
}

}  // namespace osprey::matcher
