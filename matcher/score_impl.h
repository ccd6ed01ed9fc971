// SPDX-License-Identifier: Apache-2.0
#pragma once
// The kernels' common text; each score_*.cc instantiates it for its own vector type V, which has
//   kWords                        64-bit words of a register; divides kBlockWords
//   kGroup                        registers that are added side by side
//   Load, Store (unaligned), Zero
//   Sum(a, b, c)                  bitwise a ^ b ^ c
//   Carry(a, b, c)                bitwise majority
//   Borrow(a, b, c)               of a - b - c: (~a & b) | (c & ~(a ^ b))
//   And, Or, Xor, Ones
//   AtLeastStep(s, a, b)          (a & ~b) | (s & ~(a ^ b)): a >= b so far, refined by a bit
// In an unnamed namespace on purpose: code compiled for one CPU must never be merged by the linker
// with the same template compiled for another. For the same reason nothing here calls a function of
// the standard library, not even an inline one.

#include "matcher/kernels.h"

namespace osprey::matcher {
namespace {  // NOLINT(google-build-namespaces): see above

// Carries out of one plane: at most half of its inputs, which are all sets, carries, and the base.
inline constexpr size_t kMaxCarries = kMaxInputs + 2;

// Adds kGroup neighbouring registers at a time: what is found out about an input serves all of
// them.
template <typename V, size_t kGroup>
struct PlaneAdder {
  using Register = typename V::Register;
  static constexpr size_t kPerBlock = kBlockWords / V::kWords;
  struct Group {
    Register registers[kGroup];
    Register& operator[](size_t i) { return registers[i]; }
    const Register& operator[](size_t i) const { return registers[i]; }
  };

  Group inputs[kMaxInputs];
  Group carries[2][kMaxCarries];

  // `first`: the first register, counted through all blocks.
  void Run(const AddRequest& r, size_t first) {
    Fetch(r, first);
    const uint8_t* const input = r.inputs;
    size_t carry_count = 0;
    for (size_t k = 0; k < r.plane_count; ++k) {
      const Group* const in = carries[k & 1];
      Group* out = carries[~k & 1];
      Group sum = Base(r, first, k);
      size_t i = r.first[k];
      const size_t end = r.first[k + 1];
      for (; i + 2 <= end; i += 2) FullAdd(sum, inputs[input[i]], inputs[input[i + 1]], *out++);
      size_t c = 0;
      if (i < end) {
        if (carry_count > 0) {
          FullAdd(sum, inputs[input[i]], in[c++], *out++);
        } else {
          HalfAdd(sum, inputs[input[i]], *out++);
        }
      }
      for (; c + 2 <= carry_count; c += 2) FullAdd(sum, in[c], in[c + 1], *out++);
      if (c < carry_count) HalfAdd(sum, in[c], *out++);
      for (size_t j = 0; j < kGroup; ++j) V::Store(r.sums + Word(r, first + j, k), sum[j]);
      carry_count = static_cast<size_t>(out - carries[~k & 1]);
    }
  }

 private:
  static size_t Word(const AddRequest& r, size_t index, size_t plane) {
    const size_t block = index / kPerBlock;
    return (block * r.plane_count + plane) * kBlockWords + index % kPerBlock * V::kWords;
  }

  // The blocks of a set are scattered over the pool: bring its registers together.
  void Fetch(const AddRequest& r, size_t first) {
    const size_t sets = r.set_count;
    for (size_t j = 0; j < kGroup; ++j) {
      const size_t block = (first + j) / kPerBlock;
      const size_t word = (first + j) % kPerBlock * V::kWords;
      for (size_t i = 0; i < sets; ++i) {
        inputs[i][j] =
            V::Load(r.sets[i].blocks + size_t{r.sets[i].ids[block]} * kBlockWords + word);
      }
    }
  }

  static Group Base(const AddRequest& r, size_t first, size_t plane) {
    Group base;
    for (size_t j = 0; j < kGroup; ++j) {
      base[j] = r.base == nullptr ? V::Zero() : V::Load(r.base + Word(r, first + j, plane));
    }
    return base;
  }
  static void FullAdd(Group& sum, const Group& a, const Group& b, Group& carry) {
    for (size_t j = 0; j < kGroup; ++j) {
      carry[j] = V::Carry(sum[j], a[j], b[j]);
      sum[j] = V::Sum(sum[j], a[j], b[j]);
    }
  }
  static void HalfAdd(Group& sum, const Group& a, Group& carry) {
    for (size_t j = 0; j < kGroup; ++j) {
      carry[j] = V::And(sum[j], a[j]);
      sum[j] = V::Xor(sum[j], a[j]);
    }
  }
};

template <typename V>
void Add(const AddRequest& r) noexcept {
  constexpr size_t kGroup = V::kGroup;
  const size_t registers = r.block_count * kBlockWords / V::kWords;
  size_t i = 0;
  if (registers >= kGroup) {
    PlaneAdder<V, kGroup> adder;
    for (; i + kGroup <= registers; i += kGroup) adder.Run(r, i);
  }
  if (i < registers) {
    PlaneAdder<V, 1> adder;
    for (; i < registers; ++i) adder.Run(r, i);
  }
}

// One register's width of one block, for all levels.
template <typename V>
struct Selector {
  using Register = typename V::Register;
  Register possible[kMaxPlanes];
  Register three_possible[kMaxPlanes + 2];
  Register lost[kMaxPlanes];
  Register five_lost[kMaxPlanes + 3];

  void Run(const uint64_t* matched, const uint64_t* possible_row, size_t planes, uint64_t* reached,
           size_t level_words) {
    Register any = V::Zero();
    Register borrow = V::Zero();
    for (size_t k = 0; k < planes; ++k) {
      const auto p = V::Load(possible_row + k * kBlockWords);
      const auto m = V::Load(matched + k * kBlockWords);
      possible[k] = p;
      any = V::Or(any, p);
      lost[k] = V::Sum(p, m, borrow);
      borrow = V::Borrow(p, m, borrow);
    }
    AddShifted(possible, planes, 1, three_possible);  // p + 2p
    AddShifted(lost, planes, 2, five_lost);           // lost + 4 * lost
    for (size_t l = 0; l < kLevels; ++l) {
      const Level& level = kLevelTable[l];
      const auto* const a = level.five_lost ? five_lost : lost;
      const size_t a_planes = level.five_lost ? planes + 3 : planes;
      const auto* const b = level.three_possible ? three_possible : possible;
      const size_t b_planes = level.three_possible ? planes + 2 : planes;
      const auto reaches = AtMost(a, a_planes, level.lost_shift, b, b_planes);
      V::Store(reached + l * level_words, V::And(reaches, any));
    }
  }

  // out = x + (x << shift): `planes` + shift + 1 planes.
  static void AddShifted(const Register* x, size_t planes, size_t shift, Register* out) {
    Register carry = V::Zero();
    for (size_t k = 0; k < planes + shift; ++k) {
      const auto a = k < planes ? x[k] : V::Zero();
      const auto b = k >= shift ? x[k - shift] : V::Zero();
      out[k] = V::Sum(a, b, carry);
      carry = V::Carry(a, b, carry);
    }
    out[planes + shift] = carry;
  }

  // (a << shift) <= b. From the lowest bit up: a higher bit that differs overrules all below.
  static Register AtMost(const Register* a, size_t a_planes, size_t shift, const Register* b,
                         size_t b_planes) {
    Register at_most = V::Ones();
    const size_t end = a_planes + shift > b_planes ? a_planes + shift : b_planes;
    for (size_t k = 0; k < end; ++k) {
      const auto x = k >= shift && k - shift < a_planes ? a[k - shift] : V::Zero();
      const auto y = k < b_planes ? b[k] : V::Zero();
      at_most = V::AtLeastStep(at_most, y, x);
    }
    return at_most;
  }
};

template <typename V>
void Select(const uint64_t* matched, const uint64_t* possible, size_t block_count,
            size_t plane_count, uint64_t* reached) noexcept {
  Selector<V> selector;
  for (size_t block = 0; block < block_count; ++block) {
    for (size_t word = 0; word < kBlockWords; word += V::kWords) {
      const size_t row = block * plane_count * kBlockWords + word;
      selector.Run(matched + row, possible + row, plane_count, reached + block * kBlockWords + word,
                   block_count * kBlockWords);
    }
  }
}

inline size_t CountBits(const uint64_t* words, size_t word_count) noexcept {
  size_t count = 0;
  for (size_t i = 0; i < word_count; ++i) {
    count += static_cast<size_t>(__builtin_popcountll(words[i]));
  }
  return count;
}

}  // namespace
}  // namespace osprey::matcher
