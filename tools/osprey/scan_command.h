// SPDX-License-Identifier: Apache-2.0
#pragma once
// osprey scan: finds the live hosts of a range and names their operating systems.

#include <string>
#include <vector>

#include "tools/osprey/command.h"

namespace osprey::tools {

// `words`: what follows "scan" on the command line, as given to the parser; kept with the journal,
// so that an interrupted scan can be continued without repeating it.
void RegisterScanCommand(CLI::App& app, CommandList& commands,
                         const std::vector<std::string>& words);

}  // namespace osprey::tools
