// SPDX-License-Identifier: Apache-2.0
// The manual and the command line's own help name the same options.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace osprey {
namespace {

std::filesystem::path Program() {
  if (const char* folder = std::getenv("OSPREY_BIN_DIR")) {
    return std::filesystem::path(folder) / "osprey";
  }
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "osprey";
}

std::set<std::string> LongOptions(const std::string& text) {
  const std::regex option("--[a-zA-Z][a-zA-Z-]*");
  std::set<std::string> options;
  for (std::sregex_iterator it(text.begin(), text.end(), option), end; it != end; ++it) {
    options.insert(it->str());
  }
  return options;
}

std::string Output(const std::string& command) {
  std::string text;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return text;
  char buffer[4096];
  while (const size_t count = fread(buffer, 1, sizeof buffer, pipe)) text.append(buffer, count);
  pclose(pipe);
  return text;
}

std::set<std::string> HelpOptions() {
  std::string text;
  for (const char* command :
       {"", "scan", "match", "db", "db info", "db check", "db compile", "db dump"}) {
    text += Output(Program().string() + " " + command + " --help");
  }
  return LongOptions(text);
}

std::set<std::string> ManualOptions() {
  std::ifstream file(OSPREY_TEST_DIR "/../docs/osprey.1");
  std::stringstream text;
  text << file.rdbuf();
  return LongOptions(std::regex_replace(text.str(), std::regex("\\\\-"), "-"));
}

TEST(ManPage, NamesEveryOptionOfTheHelp) {
  const std::set<std::string> manual = ManualOptions();
  const std::set<std::string> help = HelpOptions();
  EXPECT_GT(help.size(), 8u);
  for (const std::string& option : help) EXPECT_TRUE(manual.contains(option)) << option;
}

TEST(ManPage, NamesNoOptionThatIsGone) {
  const std::set<std::string> help = HelpOptions();
  for (const std::string& option : ManualOptions()) EXPECT_TRUE(help.contains(option)) << option;
}

}  // namespace
}  // namespace osprey
