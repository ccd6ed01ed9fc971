// SPDX-License-Identifier: Apache-2.0
#pragma once
// `osprey-lab score TRUTH RESULTS`.

#include <CLI/CLI.hpp>
#include <string>

namespace osprey::lab {

struct ScoreOptions {
  std::string truth;
  std::string results;
  bool json = false;
};

void DescribeScoreOptions(CLI::App& app, ScoreOptions& options);
// Prints the score on standard output; returns the exit status.
int RunScore(const ScoreOptions& options);

}  // namespace osprey::lab
