// SPDX-License-Identifier: Apache-2.0
// The command line `osprey`: one sub-command a file, exit statuses in exit_codes.h.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "io/writers/output_sink.h"
#include "tools/osprey/argument_text.h"
#include "tools/osprey/command.h"
#include "tools/osprey/db_command.h"
#include "tools/osprey/exit_codes.h"
#include "tools/osprey/match_command.h"
#include "tools/osprey/scan_command.h"
#include "tools/osprey/version_text.h"

namespace osprey::tools {
namespace {

// Help goes to standard output and is a success; anything else is one line and a hint.
int ExplainParse(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);
  PrintError(error.what());
  std::fputs("osprey: for help: osprey --help, osprey COMMAND --help\n", stderr);
  return kExitUsage;
}

int Main(int argc, char** argv) {
  io::IgnoreBrokenPipes();
  CLI::App app("Osprey: names the operating system of every host in a large address range");
  app.name("osprey");
  bool version = false;
  app.add_flag("-V,--version", version, "Print the versions of program and database");
  CommandList commands;
  std::vector<std::string> words(argv + 1, argv + argc);
  std::vector<std::string> scan_words;
  if (!words.empty() && words[0] == "scan") {
    words = TranslateNmapStyle(words);
    scan_words.assign(words.begin() + 1, words.end());
  }
  RegisterScanCommand(app, commands, scan_words);
  RegisterMatchCommand(app, commands);
  RegisterDbCommand(app, commands);
  app.footer(
      "Exit status: 0 done; 1 some of it failed; 2 wrong usage; 3 cannot start;\n"
      "4 the output failed; 5 interrupted. Manual: osprey(1).");
  try {
    std::reverse(words.begin(), words.end());  // as CLI11 wants it
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    return ExplainParse(app, error);
  }
  if (version) return PrintVersion();
  for (const Command& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  std::fputs(app.help().c_str(), stderr);
  return kExitUsage;
}

}  // namespace
}  // namespace osprey::tools

int main(int argc, char** argv) { return osprey::tools::Main(argc, argv); }
