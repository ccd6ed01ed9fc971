// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the commands of osprey-lab have in common: a world from options, and the summary of what the
// lab has done.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tools/lab/loop.h"
#include "tools/lab/options.h"
#include "tools/lab/world.h"

namespace osprey::lab {

struct Session {
  std::string database;  // path or name
  std::unique_ptr<World> world;
};

// The world that the options describe, with the database they name. Errors are one line.
absl::StatusOr<Session> OpenSession(const WorldOptions& options);

// What came in and what became of it, on standard error, one line.
void PrintCounters(const LoopCounters& counters);

// "osprey-lab: MESSAGE" on standard error; always returns `status`.
int Fail(const absl::Status& error, int status);

}  // namespace osprey::lab
