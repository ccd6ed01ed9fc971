// SPDX-License-Identifier: Apache-2.0
#pragma once
// The SCAN line of a printed fingerprint: who measured what, and how (docs/os-detection.md, 6.4).
// V and P are the caller's: Osprey writes its own.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/address.h"
#include "matcher/host_facts.h"

namespace osprey::matcher {

struct ScanLineInfo {
  std::string_view version;   // V
  std::string_view platform;  // P
  int64_t time_s = 0;         // TM: seconds since 1970, when printed
  int month = 0;              // D: the same moment as local month 1..12 ...
  int day = 0;                // ... and day 1..31; see SetTime
  Ipv4Addr target;            // PV
  bool good = false;          // G: fit for submission, as the output plan decides

  // Sets time_s, and month and day by the time zone of this process.
  void SetTime(int64_t now_s);
};

// "SCAN(V=...%E=4%...)". Allocates. Any thread.
std::string ScanLine(const ScanLineInfo& info, const HostFacts& facts);

// Private or special-use addresses, for which PV says Y.
bool IsPrivateOrSpecial(Ipv4Addr address);

}  // namespace osprey::matcher
