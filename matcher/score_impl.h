// SPDX-License-Identifier: Apache-2.0
#pragma once
// The kernels' common text; each score_*.cc instantiates it for its own vector type V, which has
//   kWords                        64-bit words of a register; divides kBlockWords
//   Load, Store (unaligned), Zero
//   Sum(a, b, c)                  bitwise a ^ b ^ c
//   Carry(a, b, c)                bitwise majority
//   And, Xor, AtLeastStep(gt, a, b)  (a & ~b) | (gt & ~(a ^ b)): gt so far, refined by a bit
// In an unnamed namespace on purpose: code compiled for one CPU must never be merged by the linker
// with the same template compiled for another.

#include <cstring>

#include "matcher/kernels.h"

namespace osprey::matcher {
namespace {  // NOLINT(google-build-namespaces): see above

// Carries out of one plane: at most half of its inputs, which are all sets, carries, and the base.
inline constexpr size_t kMaxCarries = kMaxInputs + 2;

template <typename V>
struct PlaneAdder {
  typename V::Register carries[2][kMaxCarries];

  // Adds up one register's width of one block. `word` is the offset of the register in the block.
  void Run(const AddRequest& r, const uint64_t* const* blocks, size_t block, size_t word) {
    const AddPlan& plan = *r.plan;
    const size_t planes = plan.plane_count;
    const size_t row = block * planes * kBlockWords + word;
    const uint8_t* const inputs = plan.inputs.data();
    size_t carry_count = 0;
    for (size_t k = 0; k < planes; ++k) {
      const auto* const in = carries[k & 1];
      auto* const out = carries[~k & 1];
      size_t out_count = 0;
      typename V::Register sum =
          r.base != nullptr ? V::Load(r.base + row + k * kBlockWords) : V::Zero();
      size_t i = plan.first[k];
      const size_t end = plan.first[k + 1];
      for (; i + 2 <= end; i += 2) {
        const auto a = V::Load(blocks[inputs[i]] + word);
        const auto b = V::Load(blocks[inputs[i + 1]] + word);
        out[out_count++] = V::Carry(sum, a, b);
        sum = V::Sum(sum, a, b);
      }
      size_t c = 0;
      if (i < end) {
        const auto a = V::Load(blocks[inputs[i]] + word);
        const auto b = carry_count > 0 ? in[c++] : V::Zero();
        out[out_count++] = V::Carry(sum, a, b);
        sum = V::Sum(sum, a, b);
      }
      for (; c + 2 <= carry_count; c += 2) {
        out[out_count++] = V::Carry(sum, in[c], in[c + 1]);
        sum = V::Sum(sum, in[c], in[c + 1]);
      }
      if (c < carry_count) {
        out[out_count++] = V::And(sum, in[c]);
        sum = V::Xor(sum, in[c]);
      }
      V::Store(r.sums + row + k * kBlockWords, sum);
      carry_count = out_count;
    }
  }
};

template <typename V>
void Add(const AddRequest& r) noexcept {
  PlaneAdder<V> adder;
  const uint64_t* blocks[kMaxInputs];
  const size_t sets = r.plan->set_count;
  for (size_t block = 0; block < r.block_count; ++block) {
    for (size_t i = 0; i < sets; ++i) {
      blocks[i] = r.sets[i].blocks + size_t{r.sets[i].ids[block]} * kBlockWords;
    }
    for (size_t word = 0; word < kBlockWords; word += V::kWords) adder.Run(r, blocks, block, word);
  }
}

template <typename V>
void AtLeast(const uint64_t* sums, const uint64_t* bars, size_t block_count, size_t plane_count,
             uint64_t* candidates) noexcept {
  for (size_t block = 0; block < block_count; ++block) {
    for (size_t word = 0; word < kBlockWords; word += V::kWords) {
      const size_t row = block * plane_count * kBlockWords + word;
      auto at_least = V::Ones();
      // From the lowest bit up: a higher bit that differs overrules all below.
      for (size_t k = 0; k < plane_count; ++k) {
        at_least = V::AtLeastStep(at_least, V::Load(sums + row + k * kBlockWords),
                                  V::Load(bars + row + k * kBlockWords));
      }
      V::Store(candidates + block * kBlockWords + word, at_least);
    }
  }
}

}  // namespace
}  // namespace osprey::matcher
