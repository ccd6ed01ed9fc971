// SPDX-License-Identifier: Apache-2.0
#include "matcher/kernels.h"

#include <bit>

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
  std::array<uint16_t, kMaxPlanes + 1> count{};
  for (const uint32_t p : points) {
    for (uint32_t left = p; left != 0; left &= left - 1)
      ++count[static_cast<size_t>(std::countr_zero(left))];
  }
  std::array<uint16_t, kMaxPlanes> next;
  uint16_t sum = 0;
  for (size_t k = 0; k < planes; ++k) {
    first[k] = next[k] = sum;
    sum = static_cast<uint16_t>(sum + count[k]);
  }
  first[planes] = sum;
  if (inputs.size() < sum) inputs.resize(sum);
  for (size_t i = 0; i < points.size(); ++i) {
    for (uint32_t left = points[i]; left != 0; left &= left - 1) {
      inputs[next[static_cast<size_t>(std::countr_zero(left))]++] = static_cast<uint8_t>(i);
    }
  }
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

}  // namespace osprey::matcher
