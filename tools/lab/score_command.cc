// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/score_command.h"

#include <cstdio>

#include "absl/status/statusor.h"
#include "tools/lab/score.h"
#include "tools/lab/session.h"
#include "tools/osprey/exit_codes.h"

namespace osprey::lab {

void DescribeScoreOptions(CLI::App& app, ScoreOptions& options) {
  app.add_option("truth", options.truth, "What the world was: osprey-lab run --truth")->required();
  app.add_option("results", options.results, "What was found: Osprey's NDJSON or Nmap's XML")
      ->required();
  app.add_flag("--json", options.json, "Print one JSON object instead of a table");
}

int RunScore(const ScoreOptions& options) {
  const absl::StatusOr<Score> score = ScoreFiles(options.truth, options.results);
  if (!score.ok()) return Fail(score.status(), tools::kExitCannotStart);
  const std::string text = options.json ? ScoreJson(*score) : ScoreTable(*score);
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  return written ? tools::kExitOk : tools::kExitOutputFailed;
}

}  // namespace osprey::lab
