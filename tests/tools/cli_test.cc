// SPDX-License-Identifier: Apache-2.0
// The built program against text that reviewers can read. Each tests/golden/cli/*.case is a
// command and all that it says:
//
//   $ osprey match --db example-os-db.txt cli/subjects.txt
//   --- stdout
//   ...
//   --- stderr
//   ...
//   --- status 0
//
// Commands run in a shell in tests/golden, with the program first in PATH, an empty cache and $DIR
// for files. OSPREY_UPDATE_GOLDEN=1 rewrites the files instead of comparing.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace osprey {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = OSPREY_TEST_DIR "/golden";

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// CTest says where the program is; by hand it lies beside the test.
fs::path ProgramFolder() {
  if (const char* folder = std::getenv("OSPREY_BIN_DIR")) return folder;
  return fs::read_symlink("/proc/self/exe").parent_path();
}

std::vector<fs::path> Cases() {
  std::vector<fs::path> cases;
  for (const auto& entry : fs::directory_iterator(kGolden / "cli")) {
    if (entry.path().extension() == ".case") cases.push_back(entry.path());
  }
  std::sort(cases.begin(), cases.end());
  return cases;
}

class CliTest : public ::testing::TestWithParam<fs::path> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(fs::exists(ProgramFolder() / "osprey")) << ProgramFolder();
    std::string name = (fs::temp_directory_path() / "osprey_cli_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  // The text of a case, with what the program says now.
  std::string Run(const std::string& command) const {
    const std::string out = (folder_ / "out").string();
    const std::string err = (folder_ / "err").string();
    std::ofstream(folder_ / "script")
        << "set -o pipefail\ncd " << kGolden.string()
        << "\nexport PATH=" << ProgramFolder().string()
        << ":$PATH TZ=UTC LC_ALL=C DIR=" << (folder_ / "files").string()
        << " XDG_CACHE_HOME=" << (folder_ / "cache").string() << "\nmkdir -p $DIR\n"
        << command << "\n";
    const std::string line =
        "bash " + (folder_ / "script").string() + " >" + out + " 2>" + err + " </dev/null";
    const int status = std::system(line.c_str());
    std::ostringstream text;
    text << "$ " << command << "\n--- stdout\n" << ReadAll(out) << "--- stderr\n" << ReadAll(err);
    text << "--- status " << (WIFEXITED(status) ? WEXITSTATUS(status) : -1) << "\n";
    return text.str();
  }

  fs::path folder_;
};

TEST_P(CliTest, SaysWhatItSaid) {
  const std::string expected = ReadAll(GetParam());
  ASSERT_EQ(expected.substr(0, 2), "$ ");
  const std::string now = Run(expected.substr(2, expected.find('\n') - 2));
  if (std::getenv("OSPREY_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(GetParam(), std::ios::binary) << now;
    return;
  }
  EXPECT_EQ(now, expected);
}

std::string TestName(const ::testing::TestParamInfo<fs::path>& parameter) {
  std::string name = parameter.param.stem().string();
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Golden, CliTest, ::testing::ValuesIn(Cases()), TestName);

TEST(Cli, HasCases) { EXPECT_GE(Cases().size(), 20u); }

}  // namespace
}  // namespace osprey
