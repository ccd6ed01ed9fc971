// SPDX-License-Identifier: Apache-2.0
// The order of a scan: check everything that was said, open database, network and outputs, and
// only then send. What was found before an error is always written.
#include "tools/osprey/scan_command.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "engine/scan.h"
#include "engine/system_network.h"
#include "io/writers/grepable_writer.h"
#include "io/writers/ndjson_writer.h"
#include "io/writers/normal_writer.h"
#include "io/writers/xml_writer.h"
#include "matcher/matcher.h"
#include "tools/osprey/argument_text.h"
#include "tools/osprey/database.h"
#include "tools/osprey/exit_codes.h"
#include "tools/osprey/machine_notes.h"
#include "tools/osprey/scan_output.h"
#include "tools/osprey/scan_plan.h"
#include "tools/osprey/scan_settings.h"
#include "tools/osprey/scan_status.h"
#include "tools/osprey/version.h"

namespace osprey::tools {
namespace {

std::atomic<int> g_interrupts{0};
std::atomic<int> g_hangups{0};

void OnInterrupt(int) { g_interrupts.fetch_add(1); }
void OnHangup(int) { g_hangups.fetch_add(1); }

void CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = OnInterrupt;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

// Only where there is something to read anew; else a hangup ends the program as usual.
void CatchHangups() {
  struct sigaction action = {};
  action.sa_handler = OnHangup;
  sigaction(SIGHUP, &action, nullptr);
}

constexpr double kSequenceRate = 10;            // of one host's sequence probes, which cannot wait
constexpr uint64_t kFewRepeats = 3;             // SYN-ACKs that say nothing yet
constexpr uint64_t kMostPacketsPerTarget = 64;  // discovery, some ports, one round with repeats

void PrintLines(const std::string& text) {
  for (const auto line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    PrintError(std::string(line));
  }
}

// A journal needs a file of its own; pipes and devices get plain NDJSON.
bool CanBeJournal(const std::string& path) {
  if (path == "-") return false;
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  return !std::filesystem::exists(status) || std::filesystem::is_regular_file(status);
}

// One run of the command, from checked settings to exit status.
class ScanRun {
 public:
  ScanRun(ScanArguments arguments, std::string command_line)
      : arguments_(std::move(arguments)), command_line_(std::move(command_line)) {
    arguments_.verbosity += arguments_.debugging;
  }

  int Run();

 private:
  int Prepare();
  absl::Status LoadResume();
  absl::Status OpenDatabase();
  absl::Status OpenNetwork();
  absl::Status OpenScan();
  absl::Status OpenOutputs();
  absl::Status AddWriter(const std::string& path, auto make);
  absl::Status OpenJournal(const std::string& path);
  int Scan();
  int Finish(absl::Status status);
  void NameScan();
  engine::ReportOptions Report() const;
  void Tick();
  void KeepWindow();
  void RereadExclusions();
  void PrintNotes() const;
  io::ScanInfo Info() const;
  io::ScanSummary Summary(const absl::Status& status) const;
  absl::Status WriteCounters() const;
  uint64_t Sum(engine::LaneCounter which) const;
  void NoteUnreachable() const;
  void WatchResets();

  ScanArguments arguments_;
  std::string command_line_;
  ScanSettings settings_;
  std::unique_ptr<engine::JournalFile> resumed_file_;
  engine::Checkpoint checkpoint_;
  std::vector<uint32_t> done_;
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<matcher::Matcher> matcher_;
  std::unique_ptr<engine::SystemNetwork> network_;
  std::unique_ptr<ScanOutput> output_;
  std::unique_ptr<engine::Scan> scan_;
  std::unique_ptr<ProgressLine> progress_;
  int interrupts_seen_ = 0;
  int hangups_seen_ = 0;
  bool window_open_ = true;
  bool half_open_noted_ = false;
  int64_t start_s_ = 0;
  int64_t start_ns_ = 0;
};

int ScanRun::Run() {
  if (const int status = Prepare(); status != kExitOk) return status;
  if (arguments_.list_targets) return PrintTargets(settings_);
  if (arguments_.dry_run) return PrintDryRun(settings_);
  return Scan();
}

int ScanRun::Prepare() {
  if (!arguments_.resume.empty()) {
    if (const absl::Status status = LoadResume(); !status.ok()) {
      PrintError(status);
      return kExitCannotStart;
    }
  }
  auto settings = CheckScanArguments(arguments_);
  if (!settings.ok()) {
    PrintLines(std::string(settings.status().message()));
    return kExitUsage;
  }
  settings_ = *std::move(settings);
  if (resumed_file_ != nullptr) {
    settings_.seed = checkpoint_.seed;
    if (settings_.targets_digest != checkpoint_.targets_digest ||
        settings_.options_digest != checkpoint_.options_digest) {
      PrintError(absl::StrCat(arguments_.resume,
                              ": cannot be continued: its target list or the ports of this machine "
                              "changed since it was begun"));
      return kExitCannotStart;
    }
  }
  return kExitOk;
}

// Everything but the journal is as the first command line said.
absl::Status ScanRun::LoadResume() {
  const std::string path = arguments_.resume;
  OSPREY_ASSIGN_OR_RETURN(resumed_file_, engine::PosixJournalFile::Open(path));
  const auto text = resumed_file_->LoadCheckpoint();
  if (absl::IsNotFound(text.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": nothing to continue: there is no checkpoint beside it"));
  }
  OSPREY_RETURN_IF_ERROR(text.status());
  auto checkpoint = engine::ParseCheckpoint(*text);
  if (!checkpoint.ok()) {
    return absl::DataLossError(absl::StrCat(engine::PosixJournalFile::CheckpointPath(path), ": ",
                                            std::string(checkpoint.status().message())));
  }
  checkpoint_ = *std::move(checkpoint);
  OSPREY_ASSIGN_OR_RETURN(auto words, SplitArguments(checkpoint_.arguments));
  ScanArguments first;
  CLI::App parser;
  DescribeScanOptions(parser, first);
  std::reverse(words.begin(), words.end());
  try {
    parser.parse(words);
  } catch (const CLI::ParseError& error) {
    return absl::DataLossError(absl::StrCat(
        path, ": its checkpoint has a command line that does not parse: ", error.what()));
  }
  first.resume = path;
  first.verbosity = std::max(first.verbosity, arguments_.verbosity);
  first.dry_run = arguments_.dry_run;
  if (!arguments_.counters_file.empty()) first.counters_file = arguments_.counters_file;
  arguments_ = first;
  return engine::Journal::Resume(*resumed_file_, checkpoint_, [this](const io::RecordKey& key) {
    done_.push_back(static_cast<uint32_t>(key.index));
  });
}

io::ScanInfo ScanRun::Info() const {
  io::ScanInfo info;
  info.program_version = kVersion;
  info.arguments = absl::StrCat("osprey scan ", command_line_);
  info.scan_id = checkpoint_.scan_id;
  info.start_epoch_s = start_s_;
  info.tcp_ports = PortsText(settings_.ports.ascending());
  info.tcp_port_count = static_cast<uint32_t>(settings_.ports.size());
  info.verbosity = arguments_.verbosity;
  info.debugging = arguments_.debugging;
  return info;
}

absl::Status ScanRun::AddWriter(const std::string& path, auto make) {
  OSPREY_ASSIGN_OR_RETURN(auto sink, io::FdSink::Open(path));
  auto writer = make(*sink);
  output_->AddWriter(std::move(sink), std::move(writer));
  return absl::OkStatus();
}

absl::Status ScanRun::OpenJournal(const std::string& path) {
  OSPREY_ASSIGN_OR_RETURN(auto file, engine::PosixJournalFile::Create(path));
  output_->SetJournal(std::move(file), checkpoint_);
  return absl::OkStatus();
}

absl::Status ScanRun::OpenOutputs() {
  const auto is_dash = [](const std::string& path) { return path == "-"; };
  bool stdout_taken = arguments_.quiet;
  for (const auto* list : {&arguments_.json_outputs, &arguments_.xml_outputs,
                           &arguments_.normal_outputs, &arguments_.grepable_outputs}) {
    stdout_taken |= std::any_of(list->begin(), list->end(), is_dash);
  }
  if (!stdout_taken) {
    OSPREY_RETURN_IF_ERROR(AddWriter("-", [](io::OutputSink& sink) {
      return std::make_unique<io::NormalWriter>(sink, io::NormalStyle::kTerminal);
    }));
  }
  bool journal = resumed_file_ != nullptr;
  if (journal) output_->SetJournal(std::move(resumed_file_), checkpoint_);
  for (const std::string& path : arguments_.json_outputs) {
    if (path == arguments_.resume) continue;
    if (!journal && CanBeJournal(path)) {
      journal = true;
      OSPREY_RETURN_IF_ERROR(OpenJournal(path));
      continue;
    }
    OSPREY_RETURN_IF_ERROR(AddWriter(
        path, [](io::OutputSink& sink) { return std::make_unique<io::NdjsonWriter>(sink); }));
  }
  for (const std::string& path : arguments_.xml_outputs) {
    OSPREY_RETURN_IF_ERROR(AddWriter(
        path, [](io::OutputSink& sink) { return std::make_unique<io::XmlWriter>(sink); }));
  }
  for (const std::string& path : arguments_.normal_outputs) {
    OSPREY_RETURN_IF_ERROR(AddWriter(path, [&](io::OutputSink& sink) {
      return std::make_unique<io::NormalWriter>(
          sink, path == "-" ? io::NormalStyle::kTerminal : io::NormalStyle::kFile);
    }));
  }
  for (const std::string& path : arguments_.grepable_outputs) {
    OSPREY_RETURN_IF_ERROR(AddWriter(
        path, [](io::OutputSink& sink) { return std::make_unique<io::GrepableWriter>(sink); }));
  }
  return output_->Begin(Info());
}

absl::Status ScanRun::OpenScan() {
  NameScan();
  output_ = std::make_unique<ScanOutput>(&database_->image, &settings_.targets, Report());
  engine::ScanInputs inputs;
  inputs.network = network_.get();
  inputs.matcher = matcher_.get();
  inputs.sink = output_.get();
  inputs.targets = &settings_.targets;
  inputs.exclusions = &settings_.exclusions;
  const auto order =
      arguments_.all_ports ? settings_.ports.ascending() : settings_.ports.probing_order();
  inputs.ports.assign(order.begin(), order.end());
  inputs.steps = settings_.steps;
  inputs.host = settings_.host;
  inputs.port_plan = settings_.port_plan;
  inputs.rate = settings_.rate;
  inputs.auto_rate = settings_.auto_rate;
  inputs.net = settings_.net;
  inputs.lanes = settings_.lanes;
  inputs.shards = settings_.matchers;
  inputs.capture_threads = arguments_.capture_threads;
  inputs.pin_lanes = settings_.lanes > 1 && !arguments_.no_pin;
  inputs.max_hosts = arguments_.max_hosts;
  inputs.seed = settings_.seed;
  inputs.start_position = checkpoint_.low_water;
  inputs.done = done_;
  inputs.part = settings_.part;
  inputs.sample = settings_.sample;
  inputs.host_timeout_ns = settings_.host_timeout_ns;
  OSPREY_ASSIGN_OR_RETURN(scan_, engine::Scan::Create(std::move(inputs)));
  return absl::OkStatus();
}

int ScanRun::Scan() {
  start_s_ = std::time(nullptr);
  start_ns_ = Clock::Real().MonotonicNs();
  // Rings first: without privilege nothing should be created or emptied.
  for (const auto step : {&ScanRun::OpenDatabase, &ScanRun::OpenNetwork, &ScanRun::OpenScan}) {
    if (const absl::Status status = (this->*step)(); !status.ok()) {
      PrintError(status);
      return kExitCannotStart;
    }
  }
  PrintNotes();
  if (const absl::Status status = OpenOutputs(); !status.ok()) {
    PrintError(status);
    return kExitOutputFailed;
  }
  CatchInterrupts();
  if (!arguments_.exclude_files.empty()) CatchHangups();
  KeepWindow();
  progress_ = std::make_unique<ProgressLine>(scan_.get(), &Clock::Real());
  const absl::Status status = scan_->Run([this] { Tick(); });
  progress_->Clear();
  return Finish(status);
}

absl::Status ScanRun::OpenDatabase() {
  OSPREY_ASSIGN_OR_RETURN(auto database, db::OpenDatabase({.path = arguments_.database}));
  database_ = std::make_unique<db::Database>(std::move(database));
  WarnAboutDiagnostics(*database_);
  matcher_ = std::make_unique<matcher::Matcher>(database_->image);
  return absl::OkStatus();
}

absl::Status ScanRun::OpenNetwork() {
  settings_.sources.SetSeed(settings_.seed);
  OSPREY_ASSIGN_OR_RETURN(
      network_, engine::SystemNetwork::Create(
                    settings_.targets, {.interfaces = arguments_.interfaces,
                                        .sources = settings_.sources,
                                        .vlan = static_cast<uint16_t>(arguments_.vlan),
                                        .ring = arguments_.ring,
                                        .capture_buffer_bytes = settings_.capture_buffer_bytes,
                                        .capture_threads = arguments_.capture_threads,
                                        .gateway_mac = settings_.gateway_mac,
                                        .resets = settings_.resets,
                                        .port_plan = settings_.port_plan,
                                        .record_path = arguments_.record_sends}));
  return absl::OkStatus();
}

// A scan that is continued keeps its name.
void ScanRun::NameScan() {
  if (!checkpoint_.scan_id.empty()) return;
  checkpoint_.scan_id = absl::StrFormat("%016x", RandomSeed());
  checkpoint_.seed = settings_.seed;
  checkpoint_.options_digest = settings_.options_digest;
  checkpoint_.targets_digest = settings_.targets_digest;
  checkpoint_.start_epoch_s = start_s_;
  checkpoint_.arguments = command_line_;
}

engine::ReportOptions ScanRun::Report() const {
  return {.version = kVersion,
          .platform = kPlatform,
          .scan_id = checkpoint_.scan_id,
          .verbosity = arguments_.verbosity,
          .debugging = arguments_.debugging,
          .guess = arguments_.guess,
          .treat_all_as_up = arguments_.treat_all_as_up,
          .service_name = [this](HostOrderPort port, bool udp) {
            return settings_.services.NameOf(port, udp ? IpProtocol::kUdp : IpProtocol::kTcp);
          }};
}

// What was found is written whatever happened.
int ScanRun::Finish(absl::Status status) {
  const bool complete = status.ok() && interrupts_seen_ == 0;
  status.Update(output_->Finish(Summary(status), complete));
  status.Update(WriteCounters());
  NoteUnreachable();
  if (arguments_.verbosity > 0) std::fputs(ScanSummaryText(*scan_, *network_).c_str(), stderr);
  if (!status.ok()) {
    PrintError(status);
    return kExitOutputFailed;
  }
  if (!complete) return kExitInterrupted;
  return settings_.target_report.unresolved_names > 0 ? kExitSomeFailed : kExitOk;
}

uint64_t ScanRun::Sum(engine::LaneCounter which) const {
  uint64_t sum = 0;
  for (const auto& lane : scan_->lanes()) sum += lane->counters()[which];
  return sum;
}

// A target repeats its SYN-ACK until it gets a reset, from a second after the first one. Now and
// then a reset is lost; if a good part of the SYN-ACKs is repeated, none gets through. Those of the
// lanes pass the firewall of this machine, which they never meet, and end what is half open at the
// next repeat.
void ScanRun::WatchResets() {
  const uint64_t repeated = Sum(engine::LaneCounter::kSynAcksRepeated);
  if (half_open_noted_ || repeated < kFewRepeats ||
      repeated * 3 < Sum(engine::LaneCounter::kAnsweredSequence)) {
    return;
  }
  half_open_noted_ = true;
  progress_->Clear();
  const bool ours = Sum(engine::LaneCounter::kSentResets) > 0;
  if (ours) {
    return PrintError(
        "targets repeat their SYN-ACKs: the scan's resets do not reach them, and their connections "
        "stay half open for a while");
  }
  const bool take_over = settings_.resets == engine::ResetMode::kAuto && !scan_->finished() &&
                         network_->CanTakeOverResets();
  if (take_over) scan_->controls().TakeOverResets();
  PrintError(absl::StrCat(
      "targets repeat their SYN-ACKs: the kernel's resets do not reach them (does a firewall of "
      "this machine drop them?), ",
      take_over ? "so from here on the scan sends its own"
                : "and their connections stay half open for a while: use --resets own"));
}

void ScanRun::NoteUnreachable() const {
  const uint64_t count = Sum(engine::LaneCounter::kTargetsUnreachable);
  if (count == 0) return;
  PrintError(absl::StrFormat("%d %s not probed: this machine has no route to %s", count,
                             count == 1 ? "target was" : "targets were",
                             count == 1 ? "it" : "them"));
}

void ScanRun::Tick() {
  const int interrupts = g_interrupts.load();
  if (interrupts > interrupts_seen_) {
    progress_->Clear();
    if (interrupts_seen_ == 0 && interrupts == 1) {
      PrintError("interrupted: finishing the hosts in flight; again to stop at once");
      scan_->Stop();
    } else {
      scan_->Abandon();
    }
    interrupts_seen_ = interrupts;
  }
  KeepWindow();
  WatchResets();
  if (g_hangups.load() > hangups_seen_) RereadExclusions();
  progress_->Update();
}

// Called before the lanes run, and then ten times a second.
void ScanRun::KeepWindow() {
  if (settings_.window.always_open()) return;
  const int64_t now_s = Clock::Real().RealtimeNs() / kNsPerSecond;
  const uint32_t second = LocalSecondOfDay(now_s);
  const bool open = settings_.window.IsOpen(second);
  if (open == window_open_) return;
  window_open_ = open;
  scan_->controls().SetAdmitting(open);
  if (progress_ != nullptr) progress_->Clear();
  if (open) return PrintError("the scan window is open: hosts are started again");
  const uint32_t opens =
      (second + settings_.window.UntilChange(second)) % ScanWindow::kSecondsOfDay;
  PrintError(absl::StrFormat(
      "outside the scan window: no host is started before %02d:%02d, those in flight are finished",
      opens / 3600, opens / 60 % 60));
}

// What was excluded from the beginning stays out, since it never became a target.
void ScanRun::RereadExclusions() {
  hangups_seen_ = g_hangups.load();
  progress_->Clear();
  auto exclusions = ReadExclusions(arguments_);
  if (!exclusions.ok()) {
    PrintLines(std::string(exclusions.status().message()));
    return PrintError("the exclusions stay as they were");
  }
  PrintError(
      absl::StrFormat("exclusions read again: %d addresses", exclusions->addresses().size()));
  scan_->controls().SetExclusions(std::make_shared<const ExclusionSet>(*std::move(exclusions)));
}

void ScanRun::PrintNotes() const {
  for (const std::string& note : settings_.target_report.notes) PrintError(note);
  for (const auto& removed : settings_.target_report.removed) {
    PrintError(absl::StrFormat("%d targets in %s are left out (name them, or --keep-special-use)",
                               removed.addresses, std::string(removed.range->name)));
  }
  for (const std::string& note : network_->notes()) PrintError(note);
  const double rate = settings_.rate.packets_per_second;
  if (rate > 0 && rate < kSequenceRate) {
    PrintError(absl::StrFormat(
        "at %g packets a second the six sequence probes of a host still leave %g a second; what "
        "follows waits, so the rate holds on average",
        rate, kSequenceRate));
  }
  const auto& rings = network_->ring_names();
  const Traffic traffic{
      .packets = settings_.targets.size() * kMostPacketsPerTarget,
      .packets_per_second = settings_.rate.packets_per_second,
      .through_netfilter = std::find(rings.begin(), rings.end(), "raw-ip") != rings.end()};
  for (const std::string& note : MachineNotes(settings_.port_plan, traffic)) PrintError(note);
}

io::ScanSummary ScanRun::Summary(const absl::Status& status) const {
  io::ScanSummary summary;
  summary.end_epoch_s = std::time(nullptr);
  summary.elapsed_s = static_cast<double>(Clock::Real().MonotonicNs() - start_ns_) / 1e9;
  summary.hosts_total = settings_.targets.size();
  summary.hosts_up = output_->hosts_written();
  summary.os_detection = output_->hosts_measured() > 0;
  if (!status.ok()) summary.error = std::string(status.message());
  if (interrupts_seen_ > 0) summary.error = "interrupted";
  return summary;
}

absl::Status ScanRun::WriteCounters() const {
  if (arguments_.counters_file.empty()) return absl::OkStatus();
  OSPREY_ASSIGN_OR_RETURN(auto sink, io::FdSink::Open(arguments_.counters_file));
  OSPREY_RETURN_IF_ERROR(sink->Write(CountersJson(*scan_, *network_)));
  return sink->Flush();
}

}  // namespace

void RegisterScanCommand(CLI::App& app, CommandList& commands,
                         const std::vector<std::string>& words) {
  const auto arguments = std::make_shared<ScanArguments>();
  CLI::App* scan =
      app.add_subcommand("scan", "Find the live hosts of a range and name their operating systems");
  scan->footer("Nmap's spellings work too: -iL -Pn -PS -PA -PE -PU -T4 -oJ -oX -oN -oG.");
  DescribeScanOptions(*scan, *arguments);
  commands.push_back(
      {scan, [arguments, words] { return ScanRun(*arguments, JoinArguments(words)).Run(); }});
}

}  // namespace osprey::tools
