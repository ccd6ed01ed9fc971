// SPDX-License-Identifier: Apache-2.0
#pragma once
// What about this machine may spoil a scan, or be spoiled by it: source ports that other
// connections use too, and connection tracking. Read from /proc; what is not there is no matter.

#include <string>
#include <vector>

#include "engine/pacer.h"
#include "engine/port_plan.h"

namespace osprey::tools {

// One line each, most important first; none on a machine without such trouble. `proc` is where
// the proc file system is (tests have one of their own).
std::vector<std::string> MachineNotes(const PortPlan& plan, const PaceLimits& rate,
                                      const std::string& proc = "/proc");

}  // namespace osprey::tools
