// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a scan would do, printed without doing it. All functions write to standard output.

#include <span>
#include <string>

#include "tools/osprey/scan_settings.h"

namespace osprey::tools {

// "22,80-90".
std::string PortsText(std::span<const HostOrderPort> ascending);

// --dry-run: how much would be sent, where, and how long it takes. Returns the exit status.
int PrintDryRun(const ScanSettings& settings);

// --list-targets: one address a line, in the order of the scan, so that another program, or another
// machine, can take the list. Returns the exit status.
int PrintTargets(const ScanSettings& settings);

}  // namespace osprey::tools
