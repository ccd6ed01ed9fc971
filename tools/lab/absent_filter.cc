// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/absent_filter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <numeric>

#include "absl/status/status.h"
#include "base/status_macros.h"

namespace osprey::lab {
namespace {

absl::Status Refusal(int error, const char* what) {
  if (error == EPERM || error == EACCES) {
    return absl::PermissionDeniedError(std::string(what) +
                                       ": the kernel does not permit it (CAP_BPF)");
  }
  return absl::ErrnoToStatus(error, what);
}

}  // namespace

absl::StatusOr<std::unique_ptr<AbsentFilter>> AbsentFilter::Load(const WorldSpec& spec,
                                                                 FilterPlace place) {
  libbpf_set_print(nullptr);  // failures are told by status only
  std::unique_ptr<AbsentFilter> filter(new AbsentFilter());
  filter->counter_ = io::FileDescriptor(bpf_map_create(
      BPF_MAP_TYPE_PERCPU_ARRAY, "absent", sizeof(uint32_t), sizeof(uint64_t), 1, nullptr));
  if (!filter->counter_.valid()) return Refusal(errno, "cannot make a BPF map");
  const std::vector<uint64_t> program = AbsentProgram(spec, place, filter->counter_.get());
  const bpf_prog_type type =
      place == FilterPlace::kSocket ? BPF_PROG_TYPE_SOCKET_FILTER : BPF_PROG_TYPE_SCHED_CLS;
  filter->program_ = io::FileDescriptor(
      bpf_prog_load(type, "absent", "Apache-2.0", reinterpret_cast<const bpf_insn*>(program.data()),
                    program.size(), nullptr));
  if (!filter->program_.valid()) return Refusal(errno, "cannot load a BPF program");
  return filter;
}

absl::Status AbsentFilter::AttachToEgress(int link_index) const {
  bpf_tc_hook hook{};
  hook.sz = sizeof hook;
  hook.ifindex = link_index;
  hook.attach_point = BPF_TC_EGRESS;
  if (const int error = -bpf_tc_hook_create(&hook); error != 0 && error != EEXIST) {
    return Refusal(error, "cannot prepare the transmit path for a BPF program");
  }
  bpf_tc_opts options{};
  options.sz = sizeof options;
  options.prog_fd = program_.get();
  if (const int error = -bpf_tc_attach(&hook, &options); error != 0) {
    return Refusal(error, "cannot attach a BPF program to the transmit path");
  }
  return absl::OkStatus();
}

uint64_t AbsentFilter::dropped() const {
  const int processors = libbpf_num_possible_cpus();
  std::vector<uint64_t> counts(processors > 0 ? static_cast<size_t>(processors) : 0);
  const uint32_t key = 0;
  if (counts.empty() || bpf_map_lookup_elem(counter_.get(), &key, counts.data()) != 0) return 0;
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

}  // namespace osprey::lab
