// SPDX-License-Identifier: Apache-2.0
#pragma once
// What `osprey scan` was asked to do: the meaning of its options, checked. Nothing here opens a
// socket.

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/discovery.h"
#include "engine/host_state.h"
#include "engine/net_limiter.h"
#include "engine/pacer.h"
#include "engine/port_list.h"
#include "engine/port_plan.h"
#include "engine/rate_control.h"
#include "engine/scan_window.h"
#include "engine/shard_plan.h"
#include "engine/source_pool.h"
#include "engine/system_network.h"
#include "engine/target_set.h"
#include "tools/osprey/scan_arguments.h"

namespace osprey::tools {

// What was asked for, checked.
struct ScanSettings {
  TargetSet targets;
  TargetReport target_report;
  ExclusionSet exclusions;
  ServiceTable services;  // of this machine
  PortList ports;
  std::vector<engine::DiscoveryStep> steps;  // empty: everything counts as up
  engine::HostConfig host;
  PortPlan port_plan;
  PaceLimits rate;
  std::optional<RateControlOptions> auto_rate;  // --rate auto; `rate` then says only bits
  engine::NetLimits net;
  ScanWindow window;
  osprey::Shard part;
  Sample sample;
  uint64_t seed = 0;
  MacAddr gateway_mac;
  SourcePool sources;
  engine::ResetMode resets = engine::ResetMode::kAuto;
  int64_t host_timeout_ns = 0;
  uint32_t lanes = 1;
  uint32_t matchers = 1;
  int capture_buffer_bytes = 0;
  // Of what decides which packets are sent: equal for a scan and its continuation.
  std::string options_digest;
  std::string targets_digest;
};

// All errors at once, one a line, each naming its option.
absl::StatusOr<ScanSettings> CheckScanArguments(const ScanArguments& arguments);

// What --exclude and --excludefile say; also while a scan runs, when the files may have changed.
absl::StatusOr<ExclusionSet> ReadExclusions(const ScanArguments& arguments);

}  // namespace osprey::tools
