// SPDX-License-Identifier: Apache-2.0
#pragma once
// The vector code under the matcher, as a table of kernels chosen at run time. All of them give the
// same bits; they differ in how many references one instruction looks at.
//
// Points are counted bit-sliced. A *plane set* holds one number for each reference: bit r of plane
// k is bit k of the number of reference r. It is stored by blocks of 512 references, the planes of
// one block behind each other: word (block * planes + k) * 8 + r % 512 / 64. Adding the points of
// an attribute to all references that match it is then the addition of a bit set to some planes, by
// full adders that handle as many references as a register has bits. All inputs of one plane are
// reduced three to one, each step carrying one set to the next plane (Wallace's multiplier tree,
// with the registers' bits as the columns' independent instances).

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "db/image_format.h"

namespace osprey::matcher {

inline constexpr size_t kBlockWords = db::kBlockWords;
inline constexpr size_t kBlockBits = db::kBlockBits;
inline constexpr size_t kMaxPlanes = db::kMaxPlanes;
inline constexpr size_t kMaxInputs = db::kAttributeCount;

// Bars that `select` compares with, as exact comparisons of integers: lost points are possible
// minus matched ones.
struct Level {
  double accuracy;      // 1 - lost_max / possible
  bool five_lost;       // 5 * lost, else lost,
  size_t lost_shift;    // times 2^lost_shift, must be at most
  bool three_possible;  // 3 * possible, else possible
};
inline constexpr size_t kLevels = 6;
inline constexpr Level kLevelTable[kLevels] = {
    {0.85, true, 2, true},     {0.875, false, 3, false},   {0.90625, false, 5, true},
    {0.9375, false, 4, false}, {0.96875, false, 5, false}, {0.984375, false, 6, false}};

// Single references are ordered by *keys*: how far the accuracy is below 1, as the difference of
// the doubles' bits, times 2^kIndexBits, plus the reference's index among those compared. So the
// smallest key is the best reference, and of equal ones the first.
inline constexpr size_t kIndexBits = 9;
inline constexpr uint64_t kOneBits = 0x3FF0000000000000;     // of 1.0
inline constexpr uint64_t kFarDistance = uint64_t{1} << 52;  // stands for all accuracies below 0.85
inline constexpr uint64_t kFarKey = kFarDistance << kIndexBits;
// Numbers that are put into keys at a time: arrays of keys have a multiple of them.
inline constexpr size_t kKeyGroup = 64;
inline constexpr size_t kMaxOrdered = 128;  // keys that `order` takes

// One set of references, by blocks: the words of block b start at
// blocks + ids[b] * kBlockWords.
struct SetView {
  const uint32_t* ids;
  const uint64_t* blocks;

  bool Has(uint32_t reference) const {
    const uint64_t* const block = blocks + size_t{ids[reference / kBlockBits]} * kBlockWords;
    return ((block[reference % kBlockBits / 64] >> (reference % 64)) & 1) != 0;
  }
};

// Which of a list of sets are added at which plane: set i counts its points once for each plane
// whose bit is set in them.
struct AddPlan {
  size_t set_count = 0;
  size_t plane_count = 0;
  // inputs[first[k] .. first[k + 1]) are the sets added at plane k.
  std::array<uint16_t, kMaxPlanes + 1> first{};
  std::vector<uint8_t> inputs;

  // points[i] in units; sums count modulo 2^planes. Reuses its memory.
  void Assign(std::span<const uint32_t> points, size_t planes);
  // After this, no Assign allocates.
  void Reserve(size_t planes) { inputs.resize(kMaxInputs * planes); }
};

// Plain pointers: kernel files use nothing of the standard library (score_impl.h).
struct AddRequest {
  AddRequest(const AddPlan& plan, const SetView* views, const uint64_t* base_planes, uint64_t* out,
             size_t blocks)
      : first(plan.first.data()),
        inputs(plan.inputs.data()),
        set_count(plan.set_count),
        plane_count(plan.plane_count),
        sets(views),
        base(base_planes),
        sums(out),
        block_count(blocks) {}

  const uint16_t* first;  // as in AddPlan
  const uint8_t* inputs;
  size_t set_count;
  size_t plane_count;
  const SetView* sets;   // set_count of them
  const uint64_t* base;  // plane set to start from, or nullptr for zero
  uint64_t* sums;        // plane set to write; may not overlap `base`
  size_t block_count;
};

struct Kernel {
  std::string_view name;  // "scalar", "avx2", "avx512": also the values of --kernel
  bool (*supported)();    // by this CPU
  void (*add)(const AddRequest& request) noexcept;
  // For each of the first `level_count` levels, the references whose matched points reach it; those
  // with nothing possible reach none. Level l's words start at reached + l * block_count *
  // kBlockWords.
  void (*select)(const uint64_t* matched, const uint64_t* possible, size_t block_count,
                 size_t plane_count, size_t level_count, uint64_t* reached) noexcept;
  // One block's planes to its 512 numbers.
  void (*spread)(const uint64_t* planes, size_t plane_count, uint16_t* numbers) noexcept;
  // Bits that are set.
  size_t (*count)(const uint64_t* words, size_t word_count) noexcept;
  // The keys of kKeyGroup references, the first of which has index `first`. Below 0.85, and where
  // nothing is possible, keys are kFarKey or more.
  void (*to_keys)(const uint16_t* matched, const uint16_t* possible, size_t first,
                  uint64_t* keys) noexcept;
  // How many of the keys are below `limit`. `count` is a multiple of kKeyGroup.
  size_t (*count_below)(const uint64_t* keys, size_t count, uint64_t limit) noexcept;
  // `count` keys in ascending order, at most kMaxOrdered and no two equal. Both arrays have room
  // for a multiple of 8; what stands behind the keys is overwritten.
  void (*order)(uint64_t* keys, size_t count, uint64_t* ordered) noexcept;
};

// Those that this CPU can run, best first; scalar is always last.
std::span<const Kernel* const> SupportedKernels();
// By name among the supported ones; nullptr if there is none.
const Kernel* FindKernel(std::string_view name);

// One per file, so that only that file is compiled for its CPU.
extern const Kernel kScalarKernel;
#if defined(__x86_64__)
extern const Kernel kAvx2Kernel;
extern const Kernel kAvx512Kernel;
#endif

}  // namespace osprey::matcher
