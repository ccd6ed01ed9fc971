// SPDX-License-Identifier: Apache-2.0
#pragma once
// osprey match: names the operating systems behind fingerprints that were measured before. Sends
// nothing.

#include "tools/osprey/command.h"

namespace osprey::tools {

void RegisterMatchCommand(CLI::App& app, CommandList& commands);

}  // namespace osprey::tools
