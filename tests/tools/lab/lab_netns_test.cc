// SPDX-License-Identifier: Apache-2.0
// The lab as a whole, in private network namespaces: a sample of personalities before real Nmap,
// and what is left when it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "db/text_file.h"
#include "db/text_parser.h"
#include "tools/lab/results.h"
#include "tools/lab/run_command.h"

namespace osprey::lab {
namespace {

using ::testing::HasSubstr;

constexpr const char* kDatabase = "/usr/share/nmap/nmap-os-db";

bool Root() { return geteuid() == 0; }

// As in a container whose seccomp profile leaves out bpf(2): this process and its children get
// EPERM.
bool ForbidBpf() {
  std::array<sock_filter, 4> program = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// Ten references, evenly from the whole database, one host each.
class Sample {
 public:
  static constexpr size_t kHosts = 10;

  Sample() {
    const auto text = db::ReadTextFile(kDatabase);
    EXPECT_TRUE(text.ok()) << text.status();
    if (!text.ok()) return;
    const auto ast = db::ParseReferences(*text, kDatabase);
    EXPECT_TRUE(ast.ok()) << ast.status();
    std::string hosts;
    for (size_t i = 0; ast.ok() && i < kHosts; ++i) {
      const auto& reference = ast->references[ast->references.size() * (2 * i + 1) / (2 * kHosts)];
      const Ipv4Addr address{static_cast<uint32_t>(0x0A4D0001 + i)};
      wanted_[address.host_order] = std::string(reference.name);
      absl::StrAppendFormat(&hosts, "%s{\"net\": \"%s\", \"mix\": \"#%d\", \"open\": \"80\"}",
                            hosts.empty() ? "" : ",", address.ToString(), reference.line);
      absl::StrAppend(&addresses_, " ", address.ToString());
    }
    std::ofstream(config_) << "{\"hosts\": [" << hosts << "]}";
  }

  // How many of them the scanner lists with 100 %. The command gets the report's name and the
  // addresses.
  int Listed(const std::string& command) const {
    RunOptions options;
    options.world.config = config_;
    options.world.database = kDatabase;
    options.timeout_s = 120;
    // The command is in a process namespace of its own but sees the outer /proc, which
    // LeakSanitizer, if it is built in, does not bear.
    options.command = {"sh", "-c",
                       absl::StrCat("ASAN_OPTIONS=detect_leaks=0 ", command, " -oX ", xml_,
                                    addresses_, " >/dev/null")};
    EXPECT_EQ(RunLab(options), 0);
    int listed = 0;
    const absl::Status read = ReadResults(xml_, [&](const HostResult& result) {
      const std::string& name = wanted_.at(result.address.host_order);
      bool found = false;
      for (const ListedMatch& match : result.matches) found |= match.perfect && match.name == name;
      if (!found) std::printf("not listed: %s\n", name.c_str());
      listed += found ? 1 : 0;
    });
    EXPECT_TRUE(read.ok()) << read;
    return listed;
  }

 private:
  const std::string xml_ = ::testing::TempDir() + "/lab_netns_test.xml";
  const std::string config_ = ::testing::TempDir() + "/lab_netns_test.json";
  std::map<uint32_t, std::string> wanted_;
  std::string addresses_;
};

// One may fall to the spacing of a busy machine.
constexpr int kAllButOne = Sample::kHosts - 1;

TEST(LabNetns, NmapListsTheReferencesOfASample) {
  if (!Root()) GTEST_SKIP() << "needs root to make network namespaces";
  if (!std::filesystem::exists("/usr/bin/nmap")) GTEST_SKIP() << "needs nmap";
  if (!std::filesystem::exists(kDatabase)) GTEST_SKIP() << "needs " << kDatabase;
  EXPECT_GE(Sample().Listed("nmap -O -n -Pn -d -p 80,81 --max-os-tries 1 --min-rtt-timeout 1s "
                            "2>/dev/null"),
            kAllButOne);
}

TEST(LabNetns, OspreyListsTheReferencesOfASample) {
  if (!Root()) GTEST_SKIP() << "needs root to make network namespaces";
  if (!std::filesystem::exists(kDatabase)) GTEST_SKIP() << "needs " << kDatabase;
  const char* folder = std::getenv("OSPREY_BIN_DIR");
  ASSERT_NE(folder, nullptr) << "set OSPREY_BIN_DIR to the folder of the built programs";
  EXPECT_GE(Sample().Listed(absl::StrCat(folder, "/osprey scan -n -Pn -p 80,81 --max-os-tries 1 ",
                                         "--db ", kDatabase)),
            kAllButOne);
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

TEST(LabNetns, HostsOnTheLinkAcceptConnections) {
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

TEST(LabNetns, HostsBehindATunDeviceAcceptConnections) {
  if (!Root()) GTEST_SKIP() << "needs root to make network namespaces";
  if (access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "needs /dev/net/tun";
  RunOptions options;
  options.world.nets = {"10.78.0.0/25"};
  options.world.database = "builtin";
  options.device = "tun";
  options.quiet = true;
  options.command = {"bash", "-c",
                     "exec 3<>/dev/tcp/10.78.0.5/80 || exit 1; ! (exec 3<>/dev/tcp/10.78.0.5/81)"};
  EXPECT_EQ(RunLab(options), 0);
}

// What a lab of a thin world says at its end when Osprey has scanned it, and the hosts it found.
struct ThinScan {
  std::string words;
  std::set<std::string> found;
};

ThinScan ScanThinWorld(const char* device, bool kernel_filter) {
  const std::string results = ::testing::TempDir() + "/lab_netns_thin.ndjson";
  std::filesystem::remove(results);
  RunOptions options;
  options.world.nets = {"10.78.0.0/20"};
  options.world.database = "builtin";
  options.world.up = 0.05;
  options.device = device;
  options.no_kernel_filter = !kernel_filter;
  options.timeout_s = 120;
  options.command = {"sh", "-c",
                     absl::StrCat("ASAN_OPTIONS=detect_leaks=0 ", std::getenv("OSPREY_BIN_DIR"),
                                  "/osprey scan -n -q -PS80 -p 80 --osscan-limit --seed 5 ",
                                  "--max-rate 20000 -oJ ", results, " 10.78.0.0/20")};
  ThinScan scan;
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(RunLab(options), 0);
  scan.words = ::testing::internal::GetCapturedStderr();
  EXPECT_TRUE(ReadResults(results, [&](const HostResult& result) {
                scan.found.insert(result.address.ToString());
              }).ok());
  return scan;
}

TEST(LabNetns, AThinWorldIsTheSameWithAndWithoutTheKernelsHelp) {
  if (!Root()) GTEST_SKIP() << "needs root to make network namespaces";
  ASSERT_NE(std::getenv("OSPREY_BIN_DIR"), nullptr) << "the folder of the built programs";
  const ThinScan without = ScanThinWorld("veth", false);
  EXPECT_GT(without.found.size(), 100u);
  EXPECT_THAT(without.words, HasSubstr("(0 in the kernel)"));
  for (const char* device : {"veth", "macvlan"}) {
    const ThinScan with = ScanThinWorld(device, true);
    EXPECT_EQ(with.found, without.found) << device;
    if (with.words.find("not left to the kernel") != std::string::npos) {
      GTEST_SKIP() << device << ": " << with.words;
    }
    const std::string absent = absl::StrCat(4096 - without.found.size());
    EXPECT_THAT(with.words,
                HasSubstr(absl::StrCat(absent, " no host (", absent, " in the kernel)")))
        << device;
  }
}

TEST(LabNetns, AKernelThatRefusesTheFilterIsNoted) {
  if (!Root()) GTEST_SKIP() << "needs root to make network namespaces";
  const std::string words = ::testing::TempDir() + "/lab_netns_refused";
  const pid_t pid = fork();
  if (pid == 0) {
    std::FILE* const log = std::freopen(words.c_str(), "w", stderr);
    RunOptions options;
    options.world.nets = {"10.78.0.0/24"};
    options.world.database = "builtin";
    options.world.up = 0.5;
    options.command = {"true"};
    const int result = log != nullptr && ForbidBpf() ? RunLab(options) : 99;
    std::fflush(stderr);
    _exit(result);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 99) GTEST_SKIP() << "needs seccomp filters";
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_THAT(*db::ReadTextFile(words),
              HasSubstr("frames to absent hosts are not left to the kernel"));
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

// A lab in a process group of its own, which the command and everything else of it inherit. What
// outlives the lab becomes this process's child.
pid_t StartLab(const std::vector<std::string>& command) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  setpgid(0, 0);
  RunOptions options;
  options.world.nets = {"10.78.0.0/24"};
  options.world.database = "builtin";
  options.quiet = true;
  options.command = command;
  _exit(RunLab(options));
}

bool GroupEnds(pid_t group) {
  for (int i = 0; i < 500; ++i) {
    while (waitpid(-group, nullptr, WNOHANG) > 0) {
    }
    if (kill(-group, 0) != 0 && errno == ESRCH) return true;
    usleep(20'000);
  }
  return false;
}

// Whether any process is left in a network namespace, by its name in /proc.
bool Inhabited(const std::string& name) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::error_code error;
    const auto link = std::filesystem::read_symlink(entry.path() / "ns/net", error);
    if (!error && link == name) return true;
  }
  return false;
}

TEST(LabNetns, KilledAtAnyMomentLeavesNothing) {
  if (!Root()) GTEST_SKIP() << "needs root to make network namespaces";
  const std::string mark = absl::StrCat(::testing::TempDir(), "/lab_netns_name_", getpid());
  bool ran = false;
  for (const int after_ms : {0, 1, 2, 5, 10, 20, 30, 50, 80, 150, 1'000}) {
    std::filesystem::remove(mark);
    const pid_t lab = StartLab({"sh", "-c", "readlink /proc/self/ns/net > " + mark + "; sleep 60"});
    usleep(static_cast<useconds_t>(after_ms) * 1'000);
    kill(lab, SIGKILL);
    waitpid(lab, nullptr, 0);
    EXPECT_TRUE(GroupEnds(lab)) << "killed after " << after_ms << " ms";
    std::string name;
    std::ifstream(mark) >> name;
    ran |= !name.empty();
    if (!name.empty()) {
      EXPECT_FALSE(Inhabited(name)) << name;
    }
  }
  EXPECT_TRUE(ran) << "every lab was killed before its command began";
}

TEST(LabNetns, AnInterruptEndsTheCommandAndThenTheLab) {
  if (!Root()) GTEST_SKIP() << "needs root to make network namespaces";
  const std::string mark = absl::StrCat(::testing::TempDir(), "/lab_netns_int_", getpid());
  std::filesystem::remove(mark);
  const pid_t lab = StartLab({"sh", "-c", "touch " + mark + "; exec sleep 60"});
  for (int i = 0; i < 500 && !std::filesystem::exists(mark); ++i) usleep(20'000);
  usleep(100'000);
  kill(-lab, SIGINT);  // what Ctrl-C does
  int status = 0;
  waitpid(lab, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 128 + SIGINT);
  EXPECT_TRUE(GroupEnds(lab));
}

}  // namespace
}  // namespace osprey::lab
