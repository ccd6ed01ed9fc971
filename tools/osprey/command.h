// SPDX-License-Identifier: Apache-2.0
#pragma once
// How sub-commands join the command line: each has one file with one Register function, which
// describes its options and says what to run. Main runs the one that was given.

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace osprey::tools {

struct Command {
  CLI::App* app = nullptr;
  std::function<int()> run;  // gives the exit status (exit_codes.h)
};
using CommandList = std::vector<Command>;

// "osprey: MESSAGE" on standard error: one line, whatever the message holds.
void PrintError(std::string_view message);
// The status's message, without its code.
void PrintError(const absl::Status& status);

}  // namespace osprey::tools
