// SPDX-License-Identifier: Apache-2.0
// The command line `osprey-lab`: a network of emulated hosts on one machine (docs/lab.md).
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "tools/lab/run_command.h"
#include "tools/lab/score_command.h"
#include "tools/osprey/exit_codes.h"

namespace osprey::lab {
namespace {

int Main(int argc, char** argv) {
  CLI::App app("osprey-lab: a network of emulated hosts, each with the stack of a reference");
  app.require_subcommand(1);
  RunOptions run;
  CLI::App* run_app = app.add_subcommand("run", "Run a command beside an emulated network");
  DescribeRunOptions(*run_app, run);
  ScoreOptions score;
  CLI::App* score_app = app.add_subcommand("score", "Compare results with what the world was");
  DescribeScoreOptions(*score_app, score);
  // The command's own options are nobody else's: what is behind the first "--" is never parsed.
  std::vector<std::string> words(argv + 1, argv + argc);
  if (const auto mark = std::find(words.begin(), words.end(), "--"); mark != words.end()) {
    run.command.assign(mark + 1, words.end());
    words.erase(mark, words.end());
  }
  try {
    std::reverse(words.begin(), words.end());  // as CLI11 wants it
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::fprintf(stderr, "osprey-lab: %s\n", error.what());
    return tools::kExitUsage;
  }
  if (run_app->parsed()) return RunLab(run);
  if (score_app->parsed()) return RunScore(score);
  return tools::kExitUsage;
}

}  // namespace
}  // namespace osprey::lab

int main(int argc, char** argv) { return osprey::lab::Main(argc, argv); }
