// SPDX-License-Identifier: Apache-2.0
#pragma once
// The probes of one round. For TCP probes the number is the offset of the source port from the
// round's TCP base port (docs/os-detection.md, 1.3), and so names the probe a reply belongs to.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace osprey::matcher {

enum class ProbeId : uint8_t {
  kSeq1, kSeq2, kSeq3, kSeq4, kSeq5, kSeq6,  // 0..5
  kOps1, kOps2, kOps3, kOps4, kOps5, kOps6,  // 6..11
  kEcn,                                      // 12
  kT1, kT2, kT3, kT4, kT5, kT6, kT7,         // 13..19
  kIe1, kIe2,                                // 20, 21
  kU1,                                       // 22
};
inline constexpr size_t kProbeCount = 23;
inline constexpr size_t kTcpProbeCount = 20;

inline constexpr std::string_view kProbeNames[kProbeCount] = {
    "SEQ1", "SEQ2", "SEQ3", "SEQ4", "SEQ5", "SEQ6", "OPS1", "OPS2", "OPS3", "OPS4", "OPS5", "OPS6",
    "ECN",  "T1",   "T2",   "T3",   "T4",   "T5",   "T6",   "T7",   "IE1",  "IE2",  "U1"};

constexpr size_t Index(ProbeId probe) { return static_cast<size_t>(probe); }

}  // namespace osprey::matcher
