// SPDX-License-Identifier: Apache-2.0
#pragma once
// `osprey-lab run OPTIONS -- COMMAND`: makes the network, runs the command beside it, scores what
// it wrote, removes everything.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "tools/lab/options.h"

namespace osprey::lab {

struct RunOptions {
  WorldOptions world;
  std::string truth;
  std::string results;
  std::string record;
  int timeout_s = 0;
  int ring_mb = 64;
  std::string device = "veth";  // or "tun", "macvlan"
  bool no_kernel_filter = false;
  bool quiet = false;
  std::vector<std::string> command;  // what stands behind "--"; not read by CLI11
};

void DescribeRunOptions(CLI::App& app, RunOptions& options);
// Returns the exit status: the command's, or that of osprey (tools/osprey/exit_codes.h) if the
// lab itself fails.
int RunLab(const RunOptions& options);

}  // namespace osprey::lab
