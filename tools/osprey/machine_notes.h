// SPDX-License-Identifier: Apache-2.0
#pragma once
// What about this machine may spoil a scan, or be spoiled by it: source ports that other
// connections use too, and connection tracking. Read from /proc; what is not there is no matter.

#include <cstdint>
#include <string>
#include <vector>

#include "engine/port_plan.h"

namespace osprey::tools {

// What is to be sent, as far as it matters here.
struct Traffic {
  uint64_t packets = 0;           // at most, in all
  double packets_per_second = 0;  // 0: no limit
  // Whether it passes the machine's own netfilter: frames of packet sockets do not, raw IP does.
  bool through_netfilter = false;
};

// One line each, most important first; none on a machine without such trouble. `proc` is where
// the proc file system is (tests have one of their own).
std::vector<std::string> MachineNotes(const PortPlan& plan, const Traffic& traffic,
                                      const std::string& proc = "/proc");

}  // namespace osprey::tools
