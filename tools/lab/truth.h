// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a world is, written down: NDJSON, one object for the world and one for every host that is up
// (docs/lab.md has the members). `osprey-lab score` reads it back.

#include <string>

#include "absl/status/status.h"
#include "tools/lab/world.h"

namespace osprey::lab {

// Replaces the file. Blocks; takes about a microsecond for every address and as much again for
// every host. Errors name the file.
absl::Status WriteTruth(const World& world, const std::string& database, const std::string& path);

}  // namespace osprey::lab
