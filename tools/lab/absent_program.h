// SPDX-License-Identifier: Apache-2.0
#pragma once
// World::Find as a program for the kernel: of a scan of a thinly populated range, nearly all frames
// go to addresses without a host, and the lab need not see them. The program decides by the same
// function of address and seed, to the bit, and lets everything pass that it does not understand.
//
// Pure: makes instructions, asks the kernel for nothing. absent_filter.h loads them.

#include <cstdint>
#include <vector>

#include "tools/lab/world_spec.h"

namespace osprey::lab {

// Where the program stands.
enum class FilterPlace : uint8_t {
  kSocket,  // BPF_PROG_TYPE_SOCKET_FILTER: before the lab's packet socket copies the frame
  kEgress,  // BPF_PROG_TYPE_SCHED_CLS: in the transmit path of a device; the sender sees success
};

// What the program returns.
struct FilterVerdicts {
  int32_t pass;
  int32_t drop;
};
FilterVerdicts VerdictsOf(FilterPlace place);

// Whether absent hosts can be left to the kernel: some addresses have no host, there are no boxes
// (they answer for anybody), and the groups are few enough for a program (64).
bool KernelMayDropAbsent(const WorldSpec& spec);

// Drops frames with IPv4 headers of 20 bytes that hold unfragmented TCP, UDP or ICMP for an address
// of a group at which there is no host; each is counted in element 0 of `counter_map`, a per-CPU
// array of uint64_t. Returns instructions, one a word (bpf_assembler.h). REQUIRES:
// KernelMayDropAbsent(spec).
std::vector<uint64_t> AbsentProgram(const WorldSpec& spec, FilterPlace place, int counter_map);

// The smallest N with Fraction(hash) >= up for all hashes whose upper 53 bits are N or more.
uint64_t AbsentThreshold(double up);

}  // namespace osprey::lab
