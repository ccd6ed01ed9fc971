// SPDX-License-Identifier: Apache-2.0
#pragma once
// The options that make a world, shared by the commands of osprey-lab that need one.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/lab/world_spec.h"

namespace osprey::lab {

struct WorldOptions {
  std::string config;
  std::vector<std::string> nets;
  std::string mix;
  std::string open;
  std::string filtered;
  std::string hops;
  std::string uptime;
  std::string database;
  uint64_t seed = 1;
  double up = 1;
  double closed_filtered = 0;
  NetworkSpec network;
  std::vector<std::string> changes;
  std::vector<std::string> boxes;
  bool on_link = false;
};

void DescribeWorldOptions(CLI::App& app, WorldOptions& options);

// What was asked for: the config file, then the options over it. InvalidArgument names the option
// or the place in the file.
absl::StatusOr<WorldSpec> MakeWorldSpec(const WorldOptions& options);

// "NAME:WEIGHT,NAME,..." A comma within a name is written "\,", and a colon "\:".
absl::StatusOr<std::vector<WeightedName>> ParseMix(std::string_view text);
// "22,80:0.5,8000-8010"
absl::StatusOr<std::vector<PortShare>> ParsePortShares(std::string_view text);
// "KIND PREFIX [ports=..] [stacks=..] [icmp] ..."
absl::StatusOr<BoxSpec> ParseBox(std::string_view text);

}  // namespace osprey::lab
