// SPDX-License-Identifier: Apache-2.0
// absent_filter.h where libbpf is not there.
#include "absl/status/status.h"
#include "tools/lab/absent_filter.h"

namespace osprey::lab {

absl::StatusOr<std::unique_ptr<AbsentFilter>> AbsentFilter::Load(const WorldSpec& /*spec*/,
                                                                 FilterPlace /*place*/) {
  return absl::UnimplementedError("built without libbpf");
}

absl::Status AbsentFilter::AttachToEgress(int /*link_index*/) const {
  return absl::UnimplementedError("built without libbpf");
}

uint64_t AbsentFilter::dropped() const { return 0; }

}  // namespace osprey::lab
