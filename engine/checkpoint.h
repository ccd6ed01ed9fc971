// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where a scan can be taken up again (design decision 19), as one small JSON object.
//
// The promise of a checkpoint: every target whose position in the scan's order is below
// `low_water` is finished, and if it was alive its record lies in the first `synced_bytes` of the
// journal. What lies behind them is cut off on resume and measured again.

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace osprey::engine {

struct Checkpoint {
  std::string scan_id;
  uint64_t seed = 0;           // of the permutation and of everything on the wire
  std::string options_digest;  // of the options that decide what is measured
  std::string targets_digest;  // of the target set after exclusions
  uint64_t low_water = 0;      // position in the scan's order
  uint64_t synced_bytes = 0;   // of the journal
  uint64_t records = 0;        // in those bytes
  int64_t start_epoch_s = 0;   // of the scan's first part
  std::string arguments;       // the command line, for people

  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

std::string RenderCheckpoint(const Checkpoint& checkpoint);
// InvalidArgument says what is wrong with it.
absl::StatusOr<Checkpoint> ParseCheckpoint(std::string_view text);

}  // namespace osprey::engine
