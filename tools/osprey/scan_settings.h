// SPDX-License-Identifier: Apache-2.0
#pragma once
// What `osprey scan` was asked to do: the options as written, and what they mean once checked.
// Nothing here opens a socket.

#include <CLI/CLI.hpp>
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
#include "engine/target_set.h"

namespace osprey::tools {

// As on the command line; the comments give Nmap's spelling where it has one.
struct ScanArguments {
  std::vector<std::string> targets;
  std::vector<std::string> input_lists;    // -iL; results of other scanners too
  std::vector<std::string> exclude;        // --exclude
  std::vector<std::string> exclude_files;  // --excludefile
  std::string ports;                       // -p
  std::string exclude_ports;               // --exclude-ports
  bool fast = false;                       // -F
  uint32_t top_ports = 0;                  // --top-ports
  bool all_ports = false;
  bool treat_all_as_up = false;                           // -Pn
  std::vector<std::string> syn_ping, ack_ping, udp_ping;  // -PS -PA -PU
  bool echo_ping = false;                                 // -PE
  bool os_scan_limit = false;                             // --osscan-limit
  bool guess = false;                                     // --osscan-guess, --fuzzy
  uint32_t max_os_tries = 5;                              // --max-os-tries
  uint32_t retries = 1;
  int timing = 3;  // -T
  bool gentle = false;
  std::string max_rate;  // --max-rate; empty: kUsualRate, or none with --rate auto
  std::string rate;
  std::string max_bandwidth;
  std::string max_rate_per_net;
  std::optional<uint32_t> max_hosts_per_net;
  std::string window;
  std::string host_timeout;  // --host-timeout
  std::string interface;     // -e
  std::string gateway_mac;
  std::string source_ports;
  std::string ring = "auto";
  uint32_t lanes = 1;
  uint32_t matchers = 1;
  uint32_t max_hosts = 65'536;
  std::string shard;
  std::string sample;
  std::string seed;
  std::string database;
  bool keep_special_use = false;
  bool large = false;
  bool dry_run = false;
  bool list_targets = false;
  std::string resume;
  std::vector<std::string> json_outputs, xml_outputs, normal_outputs, grepable_outputs;
  std::string record_sends;
  std::string counters_file;
  int verbosity = 0;
  int debugging = 0;
  bool quiet = false;
  bool accepted = false;  // -n, -O: nothing to do
};

inline constexpr double kUsualRate = 10'000;  // packets per second, if nobody says otherwise

// Describes all options to `app`, writing into `arguments`.
void DescribeScanOptions(CLI::App& app, ScanArguments& arguments);

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
  int64_t host_timeout_ns = 0;
  // Of what decides which packets are sent: equal for a scan and its continuation.
  std::string options_digest;
  std::string targets_digest;
};

// All errors at once, one a line, each naming its option.
absl::StatusOr<ScanSettings> CheckScanArguments(const ScanArguments& arguments);

// What --exclude and --excludefile say; also while a scan runs, when the files may have changed.
absl::StatusOr<ExclusionSet> ReadExclusions(const ScanArguments& arguments);

// A command line as one line that a shell (and SplitArguments) reads back.
std::string JoinArguments(const std::vector<std::string>& arguments);
absl::StatusOr<std::vector<std::string>> SplitArguments(std::string_view text);

// Nmap's options of several letters behind one dash (-iL, -oX, -Pn, -PS22, -T4, -vv), spelled so
// that a usual option parser reads them. Others are passed through.
std::vector<std::string> TranslateNmapStyle(const std::vector<std::string>& arguments);

}  // namespace osprey::tools
