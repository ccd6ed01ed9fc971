// SPDX-License-Identifier: Apache-2.0
#pragma once
// The options of `osprey scan` as they were written; tools/osprey/scan_settings.h says what they
// mean.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

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
  std::string host_timeout;             // --host-timeout
  std::vector<std::string> interfaces;  // -e
  std::string source_ip;                // -S
  uint32_t vlan = 0;                    // 0: none
  std::string gateway_mac;
  std::string source_ports;
  std::string resets = "auto";
  std::string ring = "auto";
  std::optional<uint32_t> lanes;     // not said: chosen by ChooseThreads
  std::optional<uint32_t> matchers;  // likewise
  bool no_pin = false;
  uint32_t capture_threads = 1;
  std::string capture_buffer;
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

}  // namespace osprey::tools
