// SPDX-License-Identifier: Apache-2.0
#pragma once
// A world of 256 hosts with one invented reference, and packets to ask it with.

#include <memory>
#include <string>
#include <vector>

#include "tools/lab/probe.h"
#include "tools/lab/world.h"

namespace osprey::lab {

using Packet = std::vector<std::byte>;

inline constexpr int64_t kStartNs = 1'700'000'000'000'000'000;
inline constexpr HostOrderPort kOpenPort = 80;
inline constexpr HostOrderPort kClosedPort = 81;
inline constexpr uint32_t kProbeSeq = 0x1000;
inline constexpr uint8_t kProbeTtl = 50;
inline constexpr uint32_t kEchoRest = 0xABCD0127;
inline constexpr size_t kEchoBytes = 120;
inline constexpr Ipv4Addr kScannerAddress{0xC6120001};

WorldSpec SmallSpec();
std::unique_ptr<World> MakeWorld(const WorldSpec& spec);
inline std::unique_ptr<World> MakeSmallWorld() { return MakeWorld(SmallSpec()); }

// The SYN of SEQ1 (index 0).
Packet MakeSyn(Ipv4Addr to, HostOrderPort port, unsigned index);
// A segment without options.
Packet MakeTcp(Ipv4Addr to, HostOrderPort port, uint8_t flags, HostOrderPort source_port = 40'000);
Packet MakeUdp(Ipv4Addr to);
Packet MakeEcho(Ipv4Addr to, uint8_t code);

}  // namespace osprey::lab
