// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/run_command.h"

#include <signal.h>

#include <cstdio>
#include <future>
#include <thread>
#include <utility>

#include "base/status_macros.h"
#include "tools/lab/score_command.h"
#include "tools/lab/session.h"
#include "tools/lab/testbed.h"
#include "tools/lab/truth.h"
#include "tools/osprey/exit_codes.h"

namespace osprey::lab {
namespace {

// The lab's thread, from its start on the lab's side to its end.
class LabThread {
 public:
  LabThread(const Testbed& testbed, World& world, const LoopOptions& options)
      : thread_([this, &testbed, &world, options] { Main(testbed, world, options); }) {}
  ~LabThread() { Stop(); }

  // OK when the lab answers; else why it does not.
  absl::Status WaitUntilReady() { return ready_.get_future().get(); }
  void Stop() {
    if (!thread_.joinable()) return;
    if (loop_ != nullptr) loop_->Stop();
    thread_.join();
  }
  // After Stop.
  const absl::Status& status() const { return status_; }
  const absl::Status& filter_status() const { return loop_->filter_status(); }
  LoopCounters Counters() { return loop_ != nullptr ? loop_->Counters() : LoopCounters{}; }

 private:
  void Main(const Testbed& testbed, World& world, const LoopOptions& options) {
    // Signals are the main thread's: one that comes while it does not wait would end the lab here.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    absl::Status status = Open(testbed, world, options);
    const bool ok = status.ok();
    ready_.set_value(std::move(status));
    if (ok) status_ = loop_->Run();
  }

  absl::Status Open(const Testbed& testbed, World& world, const LoopOptions& options) {
    OSPREY_RETURN_IF_ERROR(testbed.EnterLab());
    OSPREY_ASSIGN_OR_RETURN(loop_, Loop::Open(world, testbed.gateway(), options));
    return absl::OkStatus();
  }

  std::promise<absl::Status> ready_;
  std::unique_ptr<Loop> loop_;
  absl::Status status_;
  std::thread thread_;
};

TestbedOptions::Device DeviceOf(const std::string& name) {
  if (name == "tun") return TestbedOptions::Device::kTun;
  return name == "macvlan" ? TestbedOptions::Device::kMacvlan : TestbedOptions::Device::kVeth;
}

void NoteFilter(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "osprey-lab: frames to absent hosts are not left to the kernel: %s\n",
               std::string(status.message()).c_str());
}

absl::StatusOr<int> RunBeside(const RunOptions& options, Session& session) {
  TestbedOptions bed;
  bed.on_link = session.world->spec().on_link;
  bed.device = DeviceOf(options.device);
  for (const GroupSpec& group : session.world->spec().groups) bed.nets.push_back(group.prefix);
  OSPREY_ASSIGN_OR_RETURN(const std::unique_ptr<Testbed> testbed, Testbed::Create(bed));
  const bool macvlan = bed.device == TestbedOptions::Device::kMacvlan;
  const LoopOptions loop{.link = Testbed::kLabLink,
                         .underlay = macvlan ? Testbed::kUnderlay : "",
                         .tun = testbed->tun(),
                         .record = options.record,
                         .ring_bytes = options.ring_mb << 20,
                         .kernel_filter = !options.no_kernel_filter};
  LabThread lab(*testbed, *session.world, loop);
  OSPREY_RETURN_IF_ERROR(lab.WaitUntilReady());
  if (!options.quiet) NoteFilter(lab.filter_status());
  const absl::StatusOr<int> result = testbed->Run(options.command, options.timeout_s);
  lab.Stop();
  if (!options.quiet) PrintCounters(lab.Counters());
  OSPREY_RETURN_IF_ERROR(lab.status());
  return result;
}

}  // namespace

void DescribeRunOptions(CLI::App& app, RunOptions& options) {
  DescribeWorldOptions(app, options.world);
  CLI::Option* truth =
      app.add_option("--truth", options.truth, "Write what the world is to this file (NDJSON)");
  app.add_option("--results", options.results,
                 "File that the command writes (NDJSON or Nmap XML); scored at the end")
      ->needs(truth);
  app.add_option("--record", options.record, "Record all frames to this pcap file");
  app.add_option(
         "--device", options.device,
         "The scanner's link: veth (default); tun, which has no link header; or macvlan, on "
         "which frames to absent hosts cost no receiving")
      ->check(CLI::IsMember({"veth", "tun", "macvlan"}));
  app.add_flag("--no-kernel-filter", options.no_kernel_filter,
               "Frames to absent hosts are dropped by the lab itself, not by the kernel");
  app.add_option("--timeout", options.timeout_s, "Seconds after which the command is killed")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--ring", options.ring_mb, "Memory of the capture ring, MB")
      ->check(CLI::Range(1, 1024));
  app.add_flag("-q,--quiet", options.quiet, "No summary of frames at the end");
  app.footer("The command stands behind --: osprey-lab run --net 10.0.0.0/16 -- nmap -O 10.0.0.1");
}

int RunLab(const RunOptions& options) {
  if (options.command.empty()) {
    return Fail(absl::InvalidArgumentError("no command: run OPTIONS -- COMMAND"),
                tools::kExitUsage);
  }
  absl::StatusOr<Session> session = OpenSession(options.world);
  if (!session.ok()) return Fail(session.status(), tools::kExitCannotStart);
  if (!options.truth.empty()) {
    if (absl::Status status = WriteTruth(*session->world, session->database, options.truth);
        !status.ok()) {
      return Fail(status, tools::kExitOutputFailed);
    }
  }
  const absl::StatusOr<int> status = RunBeside(options, *session);
  if (!status.ok()) return Fail(status.status(), tools::kExitCannotStart);
  if (options.results.empty()) return *status;
  const int scored = RunScore({.truth = options.truth, .results = options.results});
  return *status != 0 ? *status : scored;
}

}  // namespace osprey::lab
