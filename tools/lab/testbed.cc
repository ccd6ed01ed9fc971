// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/testbed.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "tools/lab/tun_device.h"

namespace osprey::lab {
namespace {

constexpr int kTimedOut = 124;  // as timeout(1) says it

// How each namespace's script begins: nothing is sent of the kernel's own accord.
constexpr char kQuiet[] =
    "set -e\n"
    "for f in all default; do\n"
    "  echo 1 > /proc/sys/net/ipv6/conf/$f/disable_ipv6 2>/dev/null || true\n"
    "done\n"
    "ip link set lo up\n";

// A new namespace, held by its descriptor. Made by a thread that then ends.
absl::StatusOr<io::FileDescriptor> MakeNamespace() {
  int fd = -1;
  int error = 0;
  std::thread([&] {
    if (unshare(CLONE_NEWNET) == 0) fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (fd < 0) error = errno;
  }).join();
  if (fd >= 0) return io::FileDescriptor(fd);
  if (error == EPERM) {
    return absl::PermissionDeniedError("making a network namespace needs root");
  }
  return absl::ErrnoToStatus(error, "cannot make a network namespace");
}

int WaitFor(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return 127;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Runs a shell script inside a namespace. Its words, if it fails, become the error.
absl::Status RunScript(int namespace_fd, const std::string& script) {
  std::array<int, 2> pipe_fds{};
  if (pipe2(pipe_fds.data(), O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "pipe");
  const pid_t pid = fork();
  if (pid < 0) return absl::ErrnoToStatus(errno, "fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (setns(namespace_fd, CLONE_NEWNET) != 0) _exit(126);
    dup2(pipe_fds[1], STDOUT_FILENO);
    dup2(pipe_fds[1], STDERR_FILENO);
    execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
    _exit(127);
  }
  close(pipe_fds[1]);
  std::string words;
  std::array<char, 512> buffer;
  for (ssize_t size = 0; (size = read(pipe_fds[0], buffer.data(), buffer.size())) != 0;) {
    if (size < 0 && errno != EINTR) break;
    if (size > 0) words.append(buffer.data(), static_cast<size_t>(size));
  }
  close(pipe_fds[0]);
  if (const int status = WaitFor(pid); status != 0) {
    return absl::UnavailableError(
        absl::StrFormat("cannot set up the private network (status %d): %s", status, words));
  }
  return absl::OkStatus();
}

// Tells a child that its parent died before the child could ask for a signal at that: getppid()
// says nothing across process namespaces. A pipe whose writing end only the parent keeps.
class Lifeline {
 public:
  bool Open() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    child_ = io::FileDescriptor(ends[0]);
    parent_ = io::FileDescriptor(ends[1]);
    return true;
  }
  // In the child.
  bool Broken() {
    close(parent_.get());  // the child's copy; it never destroys this object
    pollfd end{.fd = child_.get(), .events = POLLIN, .revents = 0};
    return poll(&end, 1, 0) != 0;
  }

 private:
  io::FileDescriptor child_;
  io::FileDescriptor parent_;
};

// Init of the command's process namespace: starts it, passes signals on, reaps orphans, and ends
// with the command; the kernel then kills whatever is left. Dies with the lab.
pid_t g_command = -1;

void PassOn(int signal_number) {
  if (g_command > 0) kill(g_command, signal_number);
}

[[noreturn]] void BeInit(int namespace_fd, char* const* command, Lifeline& lifeline) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (lifeline.Broken()) _exit(126);
  if (setns(namespace_fd, CLONE_NEWNET) != 0) _exit(126);
  g_command = fork();
  if (g_command == 0) {
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execvp(command[0], command);
    const char* why = std::strerror(errno);
    dprintf(STDERR_FILENO, "osprey-lab: %s: %s\n", command[0], why);
    _exit(127);
  }
  if (g_command < 0) _exit(126);
  signal(SIGTERM, PassOn);
  signal(SIGINT, SIG_IGN);  // the terminal gives it to the command itself
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (;;) {
    int status = 0;
    const pid_t ended = wait(&status);
    if (ended < 0 && errno == ECHILD) _exit(126);
    if (ended != g_command) continue;
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  }
}

// fork() whose child is the first process of a new process namespace.
pid_t ForkInit() {
  return static_cast<pid_t>(
      syscall(SYS_clone, SIGCHLD | CLONE_NEWPID, nullptr, nullptr, nullptr, nullptr));
}

// While the command runs, signals that would end the lab wait here and are passed on.
class HeldSignals {
 public:
  HeldSignals() {
    sigemptyset(&set_);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set_, number);
    pthread_sigmask(SIG_BLOCK, &set_, &old_);
  }
  ~HeldSignals() {
    // What came in meanwhile has been dealt with.
    constexpr timespec kNow{};
    while (sigtimedwait(&set_, nullptr, &kNow) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &old_, nullptr);
  }
  // The next signal, or 0 after `ms`.
  int Wait(int64_t ms) const {
    const timespec timeout{.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1'000'000};
    const int number = sigtimedwait(&set_, nullptr, &timeout);
    return number > 0 ? number : 0;
  }

 private:
  sigset_t set_;
  sigset_t old_;
};

// Waits for `init`; kills it when `timeout_s` is over.
int Supervise(pid_t init, const HeldSignals& signals, int timeout_s) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::seconds(timeout_s);
  for (;;) {
    int status = 0;
    const pid_t ended = waitpid(init, &status, WNOHANG);
    if (ended == init) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (ended < 0 && errno != EINTR) return 127;
    const int number = signals.Wait(200);
    if (number == SIGTERM || number == SIGHUP) kill(init, SIGTERM);
    if (timeout_s > 0 && Clock::now() >= deadline) {
      kill(init, SIGKILL);
      WaitFor(init);
      return kTimedOut;
    }
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Testbed>> Testbed::Create(const TestbedOptions& options) {
  std::unique_ptr<Testbed> testbed(new Testbed());
  OSPREY_ASSIGN_OR_RETURN(testbed->scanner_side_, MakeNamespace());
  OSPREY_ASSIGN_OR_RETURN(testbed->lab_side_, MakeNamespace());
  testbed->ChooseAddresses(options.nets);
  OSPREY_RETURN_IF_ERROR(options.device == TestbedOptions::Device::kTun
                             ? testbed->SetUpTun(options.nets)
                             : testbed->SetUp(options));
  return testbed;
}

// Two neighbouring addresses outside every emulated range.
void Testbed::ChooseAddresses(const std::vector<Prefix>& nets) {
  constexpr std::array<uint32_t, 4> kChoices = {0xC6120001, 0xAC1FFE01, 0xC0A8FE01, 0x0AFFFF01};
  for (const uint32_t choice : kChoices) {
    scanner_ = Ipv4Addr{choice};
    gateway_ = Ipv4Addr{choice + 1};
    const bool taken = std::any_of(nets.begin(), nets.end(),
                                   [&](const Prefix& net) { return net.Contains(scanner_); });
    if (!taken) return;
  }
}

absl::Status Testbed::MakeVeth() const {
  const std::string pair =
      absl::StrFormat("ip link add %s type veth peer name %s netns /proc/%d/fd/%d\n", kScannerLink,
                      kLabLink, getpid(), lab_side_.get());
  OSPREY_RETURN_IF_ERROR(RunScript(scanner_side_.get(), kQuiet + pair));
  return RunScript(lab_side_.get(), kQuiet + absl::StrFormat("ip link set %s up\n", kLabLink));
}

absl::Status Testbed::MakeMacvlan() const {
  std::string links = kQuiet;
  absl::StrAppendFormat(&links, "ip link add %s type veth peer name %s\n", kUnderlay, kLabLink);
  absl::StrAppendFormat(&links, "ip link set %s up\nip link set %s up\n", kLabLink, kUnderlay);
  absl::StrAppendFormat(&links, "ip link add link %s name %s netns /proc/%d/fd/%d", kUnderlay,
                        kScannerLink, getpid(), scanner_side_.get());
  absl::StrAppend(&links, " type macvlan mode private\n");
  OSPREY_RETURN_IF_ERROR(RunScript(lab_side_.get(), links));
  return RunScript(scanner_side_.get(), kQuiet);
}

absl::Status Testbed::SetUp(const TestbedOptions& options) {
  OSPREY_RETURN_IF_ERROR(options.device == TestbedOptions::Device::kMacvlan ? MakeMacvlan()
                                                                            : MakeVeth());
  const std::string address =
      absl::StrFormat("set -e\nip addr add %s/30 dev %s\nip link set %s up\n", scanner_.ToString(),
                      kScannerLink, kScannerLink);
  OSPREY_RETURN_IF_ERROR(RunScript(scanner_side_.get(), address));
  // Routes last: the gateway is reachable only through a link that is up at both ends.
  std::string routes = "set -e\n";
  for (const Prefix& net : options.nets) {
    absl::StrAppendFormat(&routes, "ip route add %s dev %s %s\n", net.ToString(), kScannerLink,
                          options.on_link ? "scope link" : "via " + gateway_.ToString());
  }
  return RunScript(scanner_side_.get(), routes);
}

// The device comes before its address; packets wait in it until the lab reads.
absl::Status Testbed::SetUpTun(const std::vector<Prefix>& nets) {
  absl::StatusOr<io::FileDescriptor> device = absl::UnavailableError("no thread");
  std::thread([&] {
    device = setns(scanner_side_.get(), CLONE_NEWNET) == 0
                 ? MakeTunDevice(kScannerLink)
                 : absl::ErrnoToStatus(errno, "cannot enter the scanner's network namespace");
  }).join();
  OSPREY_ASSIGN_OR_RETURN(tun_, std::move(device));
  std::string script = kQuiet;
  absl::StrAppendFormat(&script, "ip addr add %s/32 dev %s\nip link set %s txqueuelen 10000 up\n",
                        scanner_.ToString(), kScannerLink, kScannerLink);
  for (const Prefix& net : nets) {
    absl::StrAppendFormat(&script, "ip route add %s dev %s\n", net.ToString(), kScannerLink);
  }
  return RunScript(scanner_side_.get(), script);
}

absl::Status Testbed::EnterLab() const {
  if (setns(lab_side_.get(), CLONE_NEWNET) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, "cannot enter the lab's network namespace");
}

absl::StatusOr<int> Testbed::Run(const std::vector<std::string>& command, int timeout_s) const {
  const std::vector<char*> pointers = Pointers(command);
  const HeldSignals signals;
  Lifeline lifeline;
  if (!lifeline.Open()) return absl::ErrnoToStatus(errno, "pipe");
  const pid_t init = ForkInit();
  if (init < 0) return absl::ErrnoToStatus(errno, "cannot start the command");
  if (init == 0) BeInit(scanner_side_.get(), pointers.data(), lifeline);
  return Supervise(init, signals, timeout_s);
}

}  // namespace osprey::lab
