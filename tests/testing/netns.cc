// SPDX-License-Identifier: Apache-2.0
#include "tests/testing/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <thread>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace osprey::testing {
namespace {

// A new namespace, held by its descriptor. Made by a thread that then ends.
absl::StatusOr<int> MakeNamespace() {
  int fd = -1;
  int error = 0;
  std::thread([&] {
    if (unshare(CLONE_NEWNET) != 0) {
      error = errno;
      return;
    }
    fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (fd < 0) error = errno;
  }).join();
  if (fd >= 0) return fd;
  if (error == EPERM) {
    return absl::PermissionDeniedError(
        "making a network namespace needs CAP_SYS_ADMIN: run the test as root");
  }
  return absl::ErrnoToStatus(error, "cannot make a network namespace");
}

// In a forked child: enters the namespace and becomes the program. Async-signal-safe calls only.
[[noreturn]] void ExecInside(int netns_fd, int output_fd, char* const* argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (setns(netns_fd, CLONE_NEWNET) != 0) _exit(126);
  dup2(output_fd, STDOUT_FILENO);
  dup2(output_fd, STDERR_FILENO);
  execvp(argv[0], argv);
  _exit(127);
}

pid_t ForkInside(int netns_fd, int output_fd, const std::vector<std::string>& argv) {
  std::vector<char*> pointers;
  for (const std::string& argument : argv) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) ExecInside(netns_fd, output_fd, pointers.data());
  OSPREY_CHECK(pid > 0);
  return pid;
}

int WaitFor(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

ScopedProcess::~ScopedProcess() {
  kill(pid_, SIGKILL);
  WaitFor(pid_);
}

absl::StatusOr<std::unique_ptr<ScopedNetns>> ScopedNetns::Create(const NetnsOptions& options) {
  OSPREY_ASSIGN_OR_RETURN(const int near_fd, MakeNamespace());
  std::unique_ptr<ScopedNetns> netns(new ScopedNetns(near_fd, -1));
  OSPREY_ASSIGN_OR_RETURN(netns->far_fd_, MakeNamespace());
  OSPREY_RETURN_IF_ERROR(netns->SetUp(options));
  return netns;
}

ScopedNetns::~ScopedNetns() {
  if (near_fd_ >= 0) close(near_fd_);
  if (far_fd_ >= 0) close(far_fd_);
}

std::string ScopedNetns::far_path() const {
  return absl::StrFormat("/proc/%d/fd/%d", getpid(), far_fd_);
}

absl::Status ScopedNetns::SetUp(const NetnsOptions& options) const {
  const auto side = [](const std::string& link, const std::string& cidr) {
    std::string script = absl::StrFormat("ip link set lo up; ip link set %s up;", link);
    if (!cidr.empty()) script += absl::StrFormat("ip addr add %s dev %s;", cidr, link);
    return script;
  };
  const std::string quiet = "set -e; sysctl -qw net.ipv6.conf.all.disable_ipv6=1 || true;";
  const CommandResult near =
      NearCommand(quiet +
                  absl::StrFormat("sysctl -qw net.ipv6.conf.default.disable_ipv6=1 || true;"
                                  "ip link add %s type veth peer name %s netns %s;",
                                  options.near_link, options.far_link, far_path()) +
                  side(options.near_link, options.near_cidr));
  if (near.exit_status != 0) {
    return absl::InternalError("cannot set up the near namespace: " + near.output);
  }
  const CommandResult far = FarCommand(quiet + side(options.far_link, options.far_cidr));
  if (far.exit_status != 0) {
    return absl::InternalError("cannot set up the far namespace: " + far.output);
  }
  return absl::OkStatus();
}

void ScopedNetns::Enter(int fd, absl::FunctionRef<void()> body) {
  std::thread([&] {
    OSPREY_CHECK(setns(fd, CLONE_NEWNET) == 0);
    body();
  }).join();
}

CommandResult ScopedNetns::Run(int fd, const std::string& command) {
  std::array<int, 2> pipe_fds{};
  OSPREY_CHECK(pipe2(pipe_fds.data(), O_CLOEXEC) == 0);
  const pid_t pid = ForkInside(fd, pipe_fds[1], {"sh", "-c", command});
  close(pipe_fds[1]);
  CommandResult result;
  std::array<char, 4096> buffer;
  for (ssize_t size = 0; (size = read(pipe_fds[0], buffer.data(), buffer.size())) != 0;) {
    if (size < 0 && errno != EINTR) break;
    if (size > 0) result.output.append(buffer.data(), static_cast<size_t>(size));
  }
  close(pipe_fds[0]);
  result.exit_status = WaitFor(pid);
  return result;
}

std::unique_ptr<ScopedProcess> ScopedNetns::Start(int fd, const std::vector<std::string>& argv) {
  const int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
  const pid_t pid = ForkInside(fd, null_fd, argv);
  close(null_fd);
  return std::make_unique<ScopedProcess>(pid);
}

}  // namespace osprey::testing
