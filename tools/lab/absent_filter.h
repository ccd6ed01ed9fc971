// SPDX-License-Identifier: Apache-2.0
#pragma once
// The loaded program of absent_program.h with its counter. The kernel drops frames to absent hosts
// as long as this, or what it was attached to, lives.
//
// Any thread. Set-up blocks and allocates.

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "io/file_descriptor.h"
#include "tools/lab/absent_program.h"

namespace osprey::lab {

class AbsentFilter {
 public:
  // PermissionDenied: the kernel lets this process load no program (CAP_BPF, seccomp);
  // Unimplemented: built without libbpf, or a kernel without this; else the kernel's own error.
  // REQUIRES: KernelMayDropAbsent(spec).
  static absl::StatusOr<std::unique_ptr<AbsentFilter>> Load(const WorldSpec& spec,
                                                            FilterPlace place);

  // For SO_ATTACH_BPF (kSocket), or to test it.
  int program() const { return program_.get(); }
  // Puts a program made for kEgress into the transmit path of a device of this network namespace.
  absl::Status AttachToEgress(int link_index) const;
  // Frames dropped so far, on all processors.
  uint64_t dropped() const;

 private:
  AbsentFilter() = default;

  io::FileDescriptor counter_;
  io::FileDescriptor program_;
};

}  // namespace osprey::lab
