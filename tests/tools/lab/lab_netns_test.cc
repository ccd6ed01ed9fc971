// SPDX-License-Identifier: Apache-2.0
// The lab as a whole, in private network namespaces: a sample of personalities before real Nmap,
// and what is left when it ends.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "db/text_file.h"
#include "db/text_parser.h"
#include "tools/lab/results.h"
#include "tools/lab/run_command.h"

namespace osprey::lab {
namespace {

constexpr const char* kDatabase = "/usr/share/nmap/nmap-os-db";

bool Root() { return geteuid() == 0; }
bool HasNmap() {
  return std::filesystem::exists("/usr/bin/nmap") && std::filesystem::exists(kDatabase);
}

TEST(LabNetns, NmapListsTheReferencesOfASample) {
  if (!Root()) GTEST_SKIP() << "needs root to make network namespaces";
  if (!HasNmap()) GTEST_SKIP() << "needs nmap and its database";
  const auto text = db::ReadTextFile(kDatabase);
  ASSERT_TRUE(text.ok());
  const auto ast = db::ParseReferences(*text, kDatabase);
  ASSERT_TRUE(ast.ok());
  // Ten references, evenly from the whole database, one host each.
  std::map<uint32_t, std::string> wanted;
  std::string hosts;
  std::string addresses;
  for (size_t i = 0; i < 10; ++i) {
    const auto& reference = ast->references[ast->references.size() * (2 * i + 1) / 20];
    const Ipv4Addr address{static_cast<uint32_t>(0x0A4D0001 + i)};
    wanted[address.host_order] = std::string(reference.name);
    absl::StrAppendFormat(&hosts, "%s{\"net\": \"%s\", \"mix\": \"#%d\", \"open\": \"80\"}",
                          hosts.empty() ? "" : ",", address.ToString(), reference.line);
    absl::StrAppend(&addresses, " ", address.ToString());
  }
  const std::string folder = ::testing::TempDir();
  const std::string xml = folder + "/lab_netns_test.xml";
  const std::string config = folder + "/lab_netns_test.json";
  std::ofstream(config) << "{\"hosts\": [" << hosts << "]}";
  RunOptions options;
  options.world.config = config;
  options.world.database = kDatabase;
  options.timeout_s = 120;
  options.command = {"sh", "-c",
                     absl::StrCat("nmap -O -n -Pn -d -p 80,81 --max-os-tries 1 "
                                  "--min-rtt-timeout 1s -oX ",
                                  xml, addresses, " >/dev/null 2>&1")};
  ASSERT_EQ(RunLab(options), 0);
  int listed = 0;
  const absl::Status read = ReadResults(xml, [&](const HostResult& result) {
    const std::string& name = wanted[result.address.host_order];
    bool found = false;
    for (const ListedMatch& match : result.matches) found |= match.perfect && match.name == name;
    if (!found) std::printf("not listed: %s\n", name.c_str());
    listed += found ? 1 : 0;
  });
  ASSERT_TRUE(read.ok()) << read;
  // One may fall to the spacing of a busy machine.
  EXPECT_GE(listed, 9);
}

TEST(LabNetns, CommandsStatusIsTheLabs) {
  if (!Root()) GTEST_SKIP() << "needs root to make network namespaces";
  RunOptions options;
  options.world.nets = {"10.78.0.0/24"};
  options.world.database = "builtin";
  options.quiet = true;
  options.command = {"sh", "-c", "exit 7"};
  EXPECT_EQ(RunLab(options), 7);
}

TEST(LabNetns, PingIsAnsweredByHostsAndByNobodyElse) {
  if (!Root()) GTEST_SKIP() << "needs root to make network namespaces";
  RunOptions options;
  options.world.nets = {"10.78.0.0/25"};
  options.world.database = "builtin";
  options.world.on_link = true;
  options.quiet = true;
  options.command = {"bash", "-c",
                     "exec 3<>/dev/tcp/10.78.0.5/80 || exit 1; ! ip route get 10.79.0.1"};
  EXPECT_EQ(RunLab(options), 0);
}

TEST(LabNetns, TimeIsBoundedAndNothingStays) {
  if (!Root()) GTEST_SKIP() << "needs root to make network namespaces";
  const std::string mark = absl::StrCat(::testing::TempDir(), "/lab_netns_", getpid());
  RunOptions options;
  options.world.nets = {"10.78.0.0/24"};
  options.world.database = "builtin";
  options.quiet = true;
  options.timeout_s = 1;
  // A grandchild that would outlive its parent: it must not live to write the mark.
  options.command = {"sh", "-c", "(sleep 3; touch " + mark + ") & sleep 60"};
  EXPECT_EQ(RunLab(options), 124);
  sleep(3);
  EXPECT_FALSE(std::filesystem::exists(mark));
}

}  // namespace
}  // namespace osprey::lab
