// SPDX-License-Identifier: Apache-2.0
#pragma once
// osprey db: what can be done with a database.

#include "tools/osprey/command.h"

namespace osprey::tools {

void RegisterDbCommand(CLI::App& app, CommandList& commands);

}  // namespace osprey::tools
