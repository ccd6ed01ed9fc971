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
//   Broadcast(x)                  x in each 64-bit word
//   CountIfBelow(n, a, b)         n + (a < b), word by word, for numbers below 2^63
//   Distances(m, p, out)          out[i] = distance of m[i] / p[i], kWords of them (kernels.h)
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
  // Zero planes on both sides let comparisons shift without asking for the ends.
  static constexpr size_t kPad = 8;
  struct Planes {
    Register at[kPad + kMaxPlanes + 3 + kPad];
    Register* planes() { return at + kPad; }
  };
  Planes possible, three_possible, lost, five_lost;

  explicit Selector() {
    for (Planes* p : {&possible, &three_possible, &lost, &five_lost}) {
      for (Register& r : p->at) r = V::Zero();
    }
  }

  // REQUIRES: `planes` is the same in all calls.
  void Run(const uint64_t* matched, const uint64_t* possible_row, size_t planes, size_t level_count,
           uint64_t* reached, size_t level_words) {
    Register any = V::Zero();
    Register borrow = V::Zero();
    for (size_t k = 0; k < planes; ++k) {
      const auto p = V::Load(possible_row + k * kBlockWords);
      const auto m = V::Load(matched + k * kBlockWords);
      possible.planes()[k] = p;
      any = V::Or(any, p);
      lost.planes()[k] = V::Sum(p, m, borrow);
      borrow = V::Borrow(p, m, borrow);
    }
    AddShifted(possible.planes(), planes, 1, three_possible.planes());  // p + 2p
    AddShifted(lost.planes(), planes, 2, five_lost.planes());           // lost + 4 * lost
    for (size_t l = 0; l < level_count; ++l) {
      const Level& level = kLevelTable[l];
      const auto* const a = (level.five_lost ? five_lost : lost).planes();
      const size_t a_planes = level.five_lost ? planes + 3 : planes;
      const auto* const b = (level.three_possible ? three_possible : possible).planes();
      const size_t b_planes = level.three_possible ? planes + 2 : planes;
      const size_t a_end = a_planes + level.lost_shift;
      const auto reaches = AtMost(a - level.lost_shift, b, a_end > b_planes ? a_end : b_planes);
      V::Store(reached + l * level_words, V::And(reaches, any));
    }
  }

  // out = x + (x << shift): `planes` + shift + 1 planes.
  static void AddShifted(const Register* x, size_t planes, size_t shift, Register* out) {
    Register carry = V::Zero();
    for (size_t k = 0; k < planes + shift; ++k) {
      const auto a = x[k];
      const auto b = *(x + k - shift);
      out[k] = V::Sum(a, b, carry);
      carry = V::Carry(a, b, carry);
    }
    out[planes + shift] = carry;
  }

  // a <= b. From the lowest bit up: a higher bit that differs overrules all below.
  static Register AtMost(const Register* a, const Register* b, size_t planes) {
    Register at_most = V::Ones();
    for (size_t k = 0; k < planes; ++k) at_most = V::AtLeastStep(at_most, b[k], a[k]);
    return at_most;
  }
};

template <typename V>
void Select(const uint64_t* matched, const uint64_t* possible, size_t block_count,
            size_t plane_count, size_t level_count, uint64_t* reached) noexcept {
  Selector<V> selector;
  for (size_t block = 0; block < block_count; ++block) {
    for (size_t word = 0; word < kBlockWords; word += V::kWords) {
      const size_t row = block * plane_count * kBlockWords + word;
      selector.Run(matched + row, possible + row, plane_count, level_count,
                   reached + block * kBlockWords + word, block_count * kBlockWords);
    }
  }
}

template <typename V>
void ToKeys(const uint16_t* matched, const uint16_t* possible, size_t first,
            uint64_t* keys) noexcept {
  for (size_t i = 0; i < kKeyGroup; i += V::kWords)
    V::Distances(matched + i, possible + i, keys + i);
  for (size_t i = 0; i < kKeyGroup; ++i) keys[i] = keys[i] << kIndexBits | (first + i);
}

template <typename V>
size_t CountBelow(const uint64_t* keys, size_t count, uint64_t limit) noexcept {
  const auto bar = V::Broadcast(limit);
  auto sums = V::Zero();
  for (size_t i = 0; i < count; i += V::kWords)
    sums = V::CountIfBelow(sums, V::Load(keys + i), bar);
  uint64_t parts[V::kWords];
  V::Store(parts, sums);
  size_t sum = 0;
  for (size_t i = 0; i < V::kWords; ++i) sum += parts[i];
  return sum;
}

// Each key's place is the number of keys below it.
template <typename V>
void Order(uint64_t* keys, size_t count, uint64_t* ordered) noexcept {
  constexpr size_t kFill = 8;
  uint64_t places[kMaxOrdered];
  const size_t end = (count + kFill - 1) / kFill * kFill;
  for (size_t i = count; i < end; ++i) keys[i] = ~uint64_t{0} >> 1;
  for (size_t i = 0; i < end; i += V::kWords) {
    const auto mine = V::Load(keys + i);
    auto below = V::Zero();
    for (size_t j = 0; j < count; ++j) below = V::CountIfBelow(below, V::Broadcast(keys[j]), mine);
    V::Store(places + i, below);
  }
  for (size_t i = 0; i < count; ++i) ordered[places[i]] = keys[i];
}

// Scalar text of Distances.
inline uint64_t DistancePlain(uint16_t matched, uint16_t possible) noexcept {
  if (possible == 0) return kFarDistance;
  const double accuracy = static_cast<double>(matched) / static_cast<double>(possible);
  if (accuracy < kLevelTable[0].accuracy) return kFarDistance;
  return kOneBits - __builtin_bit_cast(uint64_t, accuracy);
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
