// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which IP IDs a personality sends: the classes TI, CI and II of a reference and their sharing
// (SS), as counters (docs/os-detection.md, 3.4). Set-up only.

#include "tools/lab/personality.h"
#include "tools/lab/reference_view.h"

namespace osprey::lab {

struct IpIdPlans {
  IpIdPlan open;    // packets of open ports: TI
  IpIdPlan closed;  // resets of closed ports: CI
  IpIdPlan icmp;    // II
};

// `p` has its answers already: with two answers instead of three, fewer classes can be seen.
IpIdPlans ChooseIpIds(ReferenceView& view, const Personality& p);

}  // namespace osprey::lab
