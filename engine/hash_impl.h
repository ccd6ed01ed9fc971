// SPDX-License-Identifier: Apache-2.0
#pragma once
// The body of the vector kernels, over a Cpu type that wraps one CPU's registers of 64-bit lanes.
// Included by kernel files alone, inside of which everything is in an unnamed namespace and nothing
// of the standard library is called: an inline function that the linker shares between files must
// not have been compiled for more than the baseline CPU.
//
// Cpu has: Register, kLanes; Load/Store; Load32 (32-bit values to the low halves of lanes) and
// Store32 (from there); Set (all lanes); Add, Xor, Rotate<n> of 64 bits; Add32, Sub32, Min32 of 32;
// Multiply (the low halves, to 64 bits); ShiftDown (by 32); High, which moves the high half of each
// lane to the low one and leaves anything in the high one.

#include <cstddef>
#include <cstdint>

#include "engine/feistel.h"

namespace osprey {
namespace {

// Runs `step(values + i)` for whole registers, and the rest in a padded copy.
template <class Cpu, class Word, class Step>
void ForEachRegister(Word* values, size_t count, Step step) noexcept {
  size_t i = 0;
  for (; i + Cpu::kLanes <= count; i += Cpu::kLanes) step(values + i);
  if (i == count) return;
  Word rest[Cpu::kLanes] = {};
  for (size_t k = 0; i + k < count; ++k) rest[k] = values[i + k];
  step(rest);
  for (size_t k = 0; i + k < count; ++k) values[i + k] = rest[k];
}

// One round's constants in all lanes. `half` is below 2^16, so (half + add) * multiply is
// half * multiply + product, and half times either half of `multiply` fits.
template <class Cpu>
struct LaneRound {
  using Register = typename Cpu::Register;
  Register low, high;  // halves of `multiply`
  Register product;    // add * multiply
};

// FeistelMix, then AddModulo to `to`. Numbers are in the low halves of the lanes, which is all that
// Multiply reads; what is in the high ones does not matter.
template <class Cpu>
typename Cpu::Register AddMixed(typename Cpu::Register to, typename Cpu::Register half,
                                const LaneRound<Cpu>& round,
                                typename Cpu::Register range) noexcept {
  using Register = typename Cpu::Register;
  const Register golden_low = Cpu::Set(0x7F4A7C15);
  const Register golden_high = Cpu::Set(0x9E3779B9);
  // x = (half + add) * multiply, in halves.
  const Register low = Cpu::Add(Cpu::Multiply(half, round.low), round.product);
  const Register top = Cpu::Add32(Cpu::High(low), Cpu::Multiply(half, round.high));
  const Register folded = Cpu::Xor(low, top);
  // Bits 32..63 of (top, folded) * golden need no product of the two high halves.
  const Register mixed =
      Cpu::Add32(Cpu::High(Cpu::Multiply(folded, golden_low)),
                 Cpu::Add32(Cpu::Multiply(folded, golden_high), Cpu::Multiply(top, golden_low)));
  const Register sum = Cpu::Add32(to, Cpu::High(Cpu::Multiply(mixed, range)));
  // sum - range wraps round, and so is the higher one, exactly if sum < range.
  return Cpu::Min32(sum, Cpu::Sub32(sum, range));
}

template <class Cpu>
void EncipherLanes(const FeistelKey& key, uint32_t* values, size_t count) noexcept {
  using Register = typename Cpu::Register;
  LaneRound<Cpu> rounds[FeistelKey::kRounds];
  for (int i = 0; i < FeistelKey::kRounds; ++i) {
    const FeistelKey::Round& round = key.rounds[i];
    rounds[i] = {Cpu::Set(round.multiply & 0xFFFFFFFF), Cpu::Set(round.multiply >> 32),
                 Cpu::Set(round.add * round.multiply)};
  }
  const Register low_range = Cpu::Set(key.low_range);
  const Register high_range = Cpu::Set(key.high_range);
  const Register inverse_low = Cpu::Set(key.inverse & 0xFFFFFFFF);
  const Register inverse_high = Cpu::Set(key.inverse >> 32);
  ForEachRegister<Cpu>(values, count, [&](uint32_t* at) {
    const Register value = Cpu::Load32(at);
    Register high = Cpu::High(Cpu::Add(Cpu::ShiftDown(Cpu::Multiply(value, inverse_low)),
                                       Cpu::Multiply(value, inverse_high)));
    Register low = Cpu::Sub32(value, Cpu::Multiply(high, low_range));
    for (int i = 0; i < FeistelKey::kRounds; i += 2) {
      high = AddMixed<Cpu>(high, low, rounds[i], high_range);
      low = AddMixed<Cpu>(low, high, rounds[i + 1], low_range);
    }
    Cpu::Store32(at, Cpu::Add32(Cpu::Multiply(high, low_range), low));
  });
}

template <class Cpu>
struct SipLanes {
  using Register = typename Cpu::Register;
  Register v0, v1, v2, v3;

  void Rounds(int count) noexcept {
    for (int i = 0; i < count; ++i) {
      v0 = Cpu::Add(v0, v1);
      v2 = Cpu::Add(v2, v3);
      v1 = Cpu::Xor(Cpu::template Rotate<13>(v1), v0);
      v3 = Cpu::Xor(Cpu::template Rotate<16>(v3), v2);
      v0 = Cpu::template Rotate<32>(v0);
      v2 = Cpu::Add(v2, v1);
      v0 = Cpu::Add(v0, v3);
      v1 = Cpu::Xor(Cpu::template Rotate<17>(v1), v2);
      v3 = Cpu::Xor(Cpu::template Rotate<21>(v3), v0);
      v2 = Cpu::template Rotate<32>(v2);
    }
  }
  void Take(Register word) noexcept {
    v3 = Cpu::Xor(v3, word);
    Rounds(2);
    v0 = Cpu::Xor(v0, word);
  }
};

template <class Cpu>
void SipHashLanes(const uint8_t* key, uint64_t* words, size_t count) noexcept {
  using Register = typename Cpu::Register;
  uint64_t k[2];
  __builtin_memcpy(k, key, sizeof k);  // these CPUs are little-endian
  const SipLanes<Cpu> start{
      Cpu::Set(k[0] ^ 0x736f6d6570736575), Cpu::Set(k[1] ^ 0x646f72616e646f6d),
      Cpu::Set(k[0] ^ 0x6c7967656e657261), Cpu::Set(k[1] ^ 0x7465646279746573)};
  const Register length = Cpu::Set(uint64_t{8} << 56);
  const Register end = Cpu::Set(0xFF);
  ForEachRegister<Cpu>(words, count, [&](uint64_t* at) {
    SipLanes<Cpu> state = start;
    state.Take(Cpu::Load(at));
    state.Take(length);
    state.v2 = Cpu::Xor(state.v2, end);
    state.Rounds(4);
    Cpu::Store(at, Cpu::Xor(Cpu::Xor(state.v0, state.v1), Cpu::Xor(state.v2, state.v3)));
  });
}

}  // namespace
}  // namespace osprey
