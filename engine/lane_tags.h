// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a lane's send ring says of a frame that the kernel refused: completion tags. 0 (an ARP
// answer: who wants one asks again) is never reported. Else what kind of frame it was in bits
// 32..39, with
//
//   an OS probe    slot in bits 0..31, generation in 40..55; the kind is the probe, from 1
//   a port probe   slot, port in 40..55, generation (low half) in 56..63
//   a reset        nothing: it is not sent again
//   discovery      target index, pass in 40..55, earlier attempts in 56..63
//
// Pure functions; any thread.

#include <cstdint>

#include "base/address.h"
#include "engine/discovery.h"
#include "matcher/probe_id.h"

namespace osprey::engine {

inline constexpr uint64_t kUnreportedTag = 0;
inline constexpr uint64_t kResetTag = 0xFD;
inline constexpr uint64_t kPortTag = 0xFE;
inline constexpr uint64_t kDiscoveryTag = 0xFF;

constexpr uint64_t KindOfTag(uint64_t tag) { return tag >> 32 & 0xFF; }

constexpr uint64_t MakeTag(uint32_t slot, matcher::ProbeId probe, uint16_t generation) {
  return uint64_t{slot} | uint64_t{matcher::Index(probe) + 1} << 32 | uint64_t{generation} << 40;
}
constexpr uint64_t MakePortTag(uint32_t slot, HostOrderPort port, uint16_t generation) {
  return uint64_t{slot} | kPortTag << 32 | uint64_t{port} << 40 | uint64_t{generation} << 56;
}
constexpr uint64_t MakeResetTag() { return kResetTag << 32; }
constexpr uint64_t MakeDiscoveryTag(const DiscoveryTarget& target, uint32_t attempts) {
  return uint64_t{target.index} | kDiscoveryTag << 32 | (uint64_t{target.pass} & 0xFFFF) << 40 |
         uint64_t{attempts} << 56;
}

}  // namespace osprey::engine
