// SPDX-License-Identifier: Apache-2.0
#pragma once
// Private network namespaces for tests: no packet leaves the machine, nothing is named, nothing
// stays behind.
//
// Model: ScopedNetns holds two namespaces, `near` (the scanner's side) and `far` (the targets'),
// joined by a veth pair. They exist as open descriptors only, so the kernel removes them, with
// all links inside, when the object goes away or the process dies. Code runs inside on a fresh
// thread that enters the namespace (threads it makes follow it); commands run in forked children.
//
// IPv6 is off inside, so that a link carries only what the test sends.

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace osprey::testing {

// A program running in a namespace. Killed, and waited for, when the object goes away; also
// killed if this process dies.
class ScopedProcess {
 public:
  explicit ScopedProcess(pid_t pid) : pid_(pid) {}
  ~ScopedProcess();
  ScopedProcess(const ScopedProcess&) = delete;
  ScopedProcess& operator=(const ScopedProcess&) = delete;

  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

struct CommandResult {
  int exit_status = 0;  // 128 + signal if killed by one
  std::string output;   // standard output and standard error
};

struct NetnsOptions {
  std::string near_link = "osp0";
  std::string far_link = "osp1";
  std::string near_cidr = "10.99.0.1/24";  // empty: no address
  std::string far_cidr = "10.99.0.2/24";
};

class ScopedNetns {
 public:
  // PermissionDenied where namespaces may not be made: skip the test with the message.
  static absl::StatusOr<std::unique_ptr<ScopedNetns>> Create(const NetnsOptions& options = {});
  ~ScopedNetns();
  ScopedNetns(const ScopedNetns&) = delete;
  ScopedNetns& operator=(const ScopedNetns&) = delete;

  // Runs `body` inside and waits for it. EXPECT_* work there; ASSERT_* leave the body only.
  void Near(absl::FunctionRef<void()> body) const { Enter(near_fd_, body); }
  void Far(absl::FunctionRef<void()> body) const { Enter(far_fd_, body); }

  // The far namespace as a path for `ip link set ... netns PATH`; good while this object lives.
  std::string far_path() const;

  // Runs a shell command inside, to its end.
  CommandResult NearCommand(const std::string& command) const { return Run(near_fd_, command); }
  CommandResult FarCommand(const std::string& command) const { return Run(far_fd_, command); }

  // Starts a program inside (found by PATH); its output goes to /dev/null.
  std::unique_ptr<ScopedProcess> StartNear(const std::vector<std::string>& argv) const {
    return Start(near_fd_, argv);
  }
  std::unique_ptr<ScopedProcess> StartFar(const std::vector<std::string>& argv) const {
    return Start(far_fd_, argv);
  }

 private:
  ScopedNetns(int near_fd, int far_fd) : near_fd_(near_fd), far_fd_(far_fd) {}
  absl::Status SetUp(const NetnsOptions& options) const;
  static void Enter(int fd, absl::FunctionRef<void()> body);
  static CommandResult Run(int fd, const std::string& command);
  static std::unique_ptr<ScopedProcess> Start(int fd, const std::vector<std::string>& argv);

  int near_fd_;
  int far_fd_;
};

// For the first line of a test body: skips it, with the reason, where namespaces are not allowed.
//   OSPREY_NETNS_OR_SKIP(netns, {});
//   netns->Near([&] { ... });
#define OSPREY_NETNS_OR_SKIP(name, ...)                                                    \
  auto name##_or =                                                                         \
      ::osprey::testing::ScopedNetns::Create(::osprey::testing::NetnsOptions __VA_ARGS__); \
  if (absl::IsPermissionDenied(name##_or.status())) GTEST_SKIP() << name##_or.status();    \
  ASSERT_TRUE(name##_or.ok()) << name##_or.status();                                       \
  auto name = *std::move(name##_or)

}  // namespace osprey::testing
