// SPDX-License-Identifier: Apache-2.0
#include "tools/osprey/scan_settings.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "base/thread_setup.h"
#include "engine/messages.h"
#include "engine/random.h"
#include "engine/resolver.h"
#include "engine/target_import.h"

namespace osprey::tools {
namespace {

using engine::DiscoveryStep;
using engine::ProbeKind;

constexpr uint64_t kLargeScan = uint64_t{1} << 24;

// -T0 to -T5: the waits of docs/os-detection.md, 1.8, and the least time between probes to a host.
struct TimingTemplate {
  int32_t initial_ms, min_ms, max_ms;
  uint32_t scan_delay_ms;
  uint32_t hosts_per_net;  // 0: no limit
};
// Hosts of a /24 in their OS phase: the polite templates spare a network that hangs on one slow
// link. From -T3 on there is no limit but the rate: a /24 has at most 254 hosts with 40 packets a
// second each, which is about the usual rate of the whole scan, and a lower number would only
// make the scan of a single /24 slower.
constexpr std::array<TimingTemplate, 6> kTimings = {{{300'000, 100, 300'000, 300'000, 16},
                                                     {15'000, 100, 15'000, 15'000, 16},
                                                     {1'000, 100, 10'000, 400, 16},
                                                     {1'000, 100, 10'000, 0, 0},
                                                     {500, 100, 1'250, 0, 0},
                                                     {250, 50, 300, 0, 0}}};

// SEQ probes leave every 100 ms whatever else is to be sent; with a fifth on top for the rest.
constexpr double kPacketsPerHostInSequence = 12;

// Collects errors, so that a user sees all of them at once.
class ErrorList {
 public:
  void Add(std::string_view option, const absl::Status& status) {
    if (!status.ok()) Add(option, std::string(status.message()));
  }
  void Add(std::string_view option, const std::string& text) {
    if (!text_.empty()) text_ += '\n';
    text_ += option.empty() ? text : absl::StrCat(std::string(option), ": ", text);
  }
  bool empty() const { return text_.empty(); }
  absl::Status status() const { return absl::InvalidArgumentError(text_); }

 private:
  std::string text_;
};

absl::StatusOr<int64_t> ParseDuration(const std::string& text) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
  std::string number = text;
  double unit = 1e9;
  for (const auto& [name, value] : kUnits) {
    if (text.size() > name.size() && text.ends_with(name)) {
      number = text.substr(0, text.size() - name.size());
      unit = value;
      break;
    }
  }
  double value;
  if (!absl::SimpleAtod(number, &value) || !(value > 0) || value * unit > 1e18) {
    return absl::InvalidArgumentError(
        absl::StrFormat("\"%s\" is not a time such as 90s, 500ms, 15m or 1h", text));
  }
  return static_cast<int64_t>(value * unit);
}

// "10000", "25k", "1.5M", "10G".
absl::StatusOr<double> ParseQuantity(const std::string& text) {
  static constexpr std::pair<char, double> kUnits[] = {{'k', 1e3}, {'K', 1e3}, {'m', 1e6},
                                                       {'M', 1e6}, {'g', 1e9}, {'G', 1e9}};
  std::string number = text;
  double unit = 1;
  for (const auto& [letter, value] : kUnits) {
    if (!text.empty() && text.back() == letter) {
      number.pop_back();
      unit = value;
    }
  }
  double value;
  // Signs, blanks and words such as "inf" are numbers to the parser.
  const bool plain =
      !number.empty() && number.find_first_not_of("0123456789.") == std::string::npos;
  if (!plain || !absl::SimpleAtod(number, &value)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("\"%s\" is not a number such as 5000, 25k or 1.5M", text));
  }
  return value * unit;
}

// "33000-65535".
absl::StatusOr<PortPlan> ParsePortPlan(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, '-');
  uint32_t first = 0, last = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &first) ||
      !absl::SimpleAtoi(parts[1], &last) || first > 65535 || last > 65535) {
    return absl::InvalidArgumentError(
        absl::StrFormat("\"%s\" is not a range of ports such as 33000-65259", text));
  }
  PortPlan plan;
  plan.first = static_cast<HostOrderPort>(first);
  plan.last = static_cast<HostOrderPort>(last);
  OSPREY_RETURN_IF_ERROR(plan.Validate());
  return plan;
}

void NoteImport(const std::string& path, const ImportReport& report, int verbosity,
                std::vector<std::string>& notes) {
  if (report.format == ImportFormat::kTargetList) return;
  if (verbosity > 0 || report.hosts == 0) {
    notes.push_back(absl::StrFormat(
        "%s: %s: %d entries, %d open and %d closed ports to begin with, %d left out", path,
        std::string(ImportFormatName(report.format)), report.hosts, report.open_ports,
        report.closed_ports, report.left_out));
  }
  if (report.malformed > 0) {
    notes.push_back(absl::StrFormat("%s: %d entries could not be read, the first one: %s", path,
                                    report.malformed, report.first_problem));
  }
}

void CheckTargets(const ScanArguments& arguments, ScanSettings& settings, ErrorList& errors) {
  auto exclusions = ReadExclusions(arguments);
  errors.Add("", exclusions.status());
  if (exclusions.ok()) settings.exclusions = *std::move(exclusions);
  TargetSetBuilder targets(SystemResolver(), {.keep_special_use = arguments.keep_special_use});
  if (arguments.targets.empty() && arguments.input_lists.empty()) {
    errors.Add("", "no targets: give addresses, ranges or names, or a list with -iL");
    return;
  }
  for (const auto& target : arguments.targets) errors.Add("", targets.Add(target));
  std::vector<std::string> notes;
  for (const auto& list : arguments.input_lists) {
    const auto report = ImportTargetsFromFile(list, targets);
    errors.Add("-iL", report.status());
    if (report.ok()) NoteImport(list, *report, arguments.verbosity, notes);
  }
  if (!errors.empty()) return;
  auto built = targets.Build(settings.exclusions);
  settings.target_report = targets.report();
  settings.target_report.notes.insert(settings.target_report.notes.begin(), notes.begin(),
                                      notes.end());
  if (!built.ok()) return errors.Add("", built.status());
  settings.targets = *std::move(built);
  if (settings.targets.size() > kLargeScan && !arguments.large) {
    errors.Add("", absl::StrFormat("%d targets are a very large scan: are you allowed to probe all "
                                   "of them? Say --large if so",
                                   settings.targets.size()));
  }
}

void CheckPorts(const ScanArguments& arguments, ScanSettings& settings, ErrorList& errors) {
  settings.services = ServiceTable::LoadInstalled();
  const ServiceTable& services = settings.services;
  const int ways = !arguments.ports.empty() + arguments.fast + (arguments.top_ports > 0);
  if (ways > 1) errors.Add("-p, -F, --top-ports", "only one of them can be given");
  settings.ports = DefaultTcpPorts();
  if (!arguments.ports.empty()) {
    const auto selection = ParsePorts(arguments.ports, services);
    errors.Add("-p", selection.status());
    if (selection.ok()) settings.ports = selection->tcp;
  } else if (arguments.fast || arguments.top_ports > 0) {
    const auto top =
        TopPorts(arguments.fast ? 100 : arguments.top_ports, IpProtocol::kTcp, services);
    errors.Add(arguments.fast ? "-F" : "--top-ports", top.status());
    if (top.ok()) settings.ports = *top;
  }
  if (!arguments.exclude_ports.empty()) {
    const auto excluded = ParsePorts(arguments.exclude_ports, services);
    errors.Add("--exclude-ports", excluded.status());
    if (excluded.ok()) settings.ports = settings.ports.Minus(excluded->tcp);
  }
  if (errors.empty() && settings.ports.empty()) errors.Add("-p", "no TCP port is left to probe");
}

void AddSteps(std::string_view option, ProbeKind kind, const std::vector<std::string>& lists,
              HostOrderPort usual, std::vector<DiscoveryStep>& steps, ErrorList& errors) {
  for (const std::string& list : lists) {
    if (list.empty()) {
      steps.push_back({kind, usual});
      continue;
    }
    const auto ports = ParsePorts(list, ServiceTable());
    errors.Add(option, ports.status());
    if (!ports.ok()) continue;
    for (const HostOrderPort port : ports->tcp.probing_order()) steps.push_back({kind, port});
  }
}

void ChooseSteps(const ScanArguments& arguments, ScanSettings& settings, ErrorList& errors) {
  auto& steps = settings.steps;
  AddSteps("-PS", ProbeKind::kSyn, arguments.syn_ping, 80, steps, errors);
  AddSteps("-PA", ProbeKind::kAck, arguments.ack_ping, 80, steps, errors);
  AddSteps("-PU", ProbeKind::kUdp, arguments.udp_ping, 40125, steps, errors);
  if (arguments.echo_ping) steps.push_back({ProbeKind::kEcho, 0});
  if (steps.size() > 64) errors.Add("-PS, -PA, -PU", "more than 64 discovery probes a host");
  if (arguments.treat_all_as_up) {
    if (!steps.empty()) errors.Add("-Pn", "cannot be given together with -PS, -PA, -PE or -PU");
    return;
  }
  if (!steps.empty() || !errors.empty()) return;
  // The ports asked for come first: their answers are needed anyway. Then what passes firewalls.
  const auto ports = settings.ports.probing_order();
  steps.push_back({ProbeKind::kSyn, ports[0]});
  steps.push_back({ProbeKind::kEcho, 0});
  steps.push_back({ProbeKind::kSyn, ports.size() > 1 ? ports[1] : HostOrderPort{443}});
  steps.push_back({ProbeKind::kAck, 80});
}

void CheckDiscovery(const ScanArguments& arguments, ScanSettings& settings, ErrorList& errors) {
  ChooseSteps(arguments, settings, errors);
  if (arguments.retries < 2) return;
  // A second walk, so that a host whose answers were all lost is asked again.
  const std::vector<DiscoveryStep> ladder = settings.steps;
  settings.steps.insert(settings.steps.end(), ladder.begin(), ladder.end());
}

// A rate in packets per second, or 0 if it is no good.
double CheckRate(std::string_view option, const std::string& text, double lowest,
                 ErrorList& errors) {
  const auto rate = ParseQuantity(text);
  errors.Add(option, rate.status());
  if (!rate.ok()) return 0;
  if (*rate > 1e9 || (*rate > 0 && *rate < lowest)) {
    errors.Add(option,
               absl::StrFormat("0 (no limit), or %g to 1000000000 packets per second", lowest));
  }
  return *rate;
}

void CheckRates(const ScanArguments& arguments, ScanSettings& settings, ErrorList& errors) {
  const bool automatic = arguments.rate == "auto" || arguments.max_rate == "auto";
  std::string rate = arguments.rate == "auto" ? "" : arguments.rate;
  const std::string max_rate = arguments.max_rate == "auto" ? "" : arguments.max_rate;
  if (!rate.empty() && !max_rate.empty()) {
    errors.Add("--rate", "is a number, and so is --max-rate: one of them is enough");
  }
  const std::string& number = rate.empty() ? max_rate : rate;
  double limit = automatic ? 0 : kUsualRate;
  if (!number.empty()) limit = CheckRate(rate.empty() ? "--max-rate" : "--rate", number, 1, errors);
  if (automatic) {
    settings.auto_rate.emplace();
    if (limit > 0) settings.auto_rate->highest = limit;
    settings.auto_rate->lowest = std::min(settings.auto_rate->lowest, settings.auto_rate->highest);
  } else {
    settings.rate.packets_per_second = limit;
  }
  if (arguments.max_bandwidth.empty()) return;
  const auto bits = ParseQuantity(arguments.max_bandwidth);
  errors.Add("--max-bandwidth", bits.status());
  if (bits.ok() && (*bits < 10'000 || *bits > 1e12)) {
    errors.Add("--max-bandwidth", "between 10k and 1000G bits per second");
  } else if (bits.ok()) {
    settings.rate.bits_per_second = *bits;
  }
}

void CheckNetLimits(const ScanArguments& arguments, ScanSettings& settings, ErrorList& errors) {
  engine::NetLimits& net = settings.net;
  if (arguments.max_hosts_per_net) net.hosts = *arguments.max_hosts_per_net;
  if (arguments.max_rate_per_net.empty()) return;
  net.packets_per_second = CheckRate("--max-rate-per-net", arguments.max_rate_per_net, 10, errors);
  if (net.packets_per_second <= 0) return;
  const auto hosts = static_cast<uint32_t>(
      std::clamp(net.packets_per_second / kPacketsPerHostInSequence, 1.0, 256.0));
  net.hosts = net.hosts == 0 ? hosts : std::min(net.hosts, hosts);
}

void CheckTiming(const ScanArguments& arguments, ScanSettings& settings, ErrorList& errors) {
  const TimingTemplate& timing = kTimings[static_cast<size_t>(std::clamp(arguments.timing, 0, 5))];
  engine::HostConfig& host = settings.host;
  host.timing_template = static_cast<uint8_t>(std::clamp(arguments.timing, 0, 5));
  host.rtt = {timing.initial_ms * 1000, timing.min_ms * 1000, timing.max_ms * 1000};
  host.scan_delay_ms = timing.scan_delay_ms;
  const int64_t delay = int64_t{timing.scan_delay_ms} * kNsPerMs;
  host.seq_spacing_ns = std::max(host.seq_spacing_ns, delay);
  host.test_spacing_ns = std::max(host.test_spacing_ns, delay);
  settings.net.hosts = timing.hosts_per_net;
  CheckRates(arguments, settings, errors);
  CheckNetLimits(arguments, settings, errors);
  if (!arguments.window.empty()) {
    auto window = ScanWindow::Parse(arguments.window);
    errors.Add("--window", window.status());
    if (window.ok()) settings.window = *std::move(window);
  }
  if (!arguments.host_timeout.empty()) {
    const auto timeout = ParseDuration(arguments.host_timeout);
    errors.Add("--host-timeout", timeout.status());
    if (timeout.ok()) settings.host_timeout_ns = *timeout;
  }
}

// One lane sends some 800,000 packets a second (bench/compare_senders) and starts 30,000 hosts; the
// targets of a lane are whole /24s, so a small range would leave some lanes without any.
uint32_t LanesFor(const ScanSettings& settings) {
  constexpr double kPacketsOfOneLane = 200'000;
  constexpr uint64_t kTargetsOfOneLane = 65'536;
  const double rate = settings.rate.packets_per_second;
  const bool slow = !settings.auto_rate && rate > 0 && rate <= kPacketsOfOneLane;
  if (slow || settings.targets.size() < 2 * kTargetsOfOneLane) return 1;
  return std::clamp<uint32_t>(static_cast<uint32_t>(UsableProcessors().size()) / 2, 1, 64);
}

// Room for what can come in during a stall of half a second: an answer to each probe.
int CaptureBufferFor(const ScanSettings& settings) {
  constexpr double kBytesOfPacket = 160;  // with the kernel's header
  constexpr double kStallSeconds = 0.5;
  constexpr int kLeast = 8 << 20;
  constexpr int kMost = 64 << 20;
  const double rate = settings.rate.packets_per_second;
  if (settings.auto_rate || rate <= 0) return kMost;
  return static_cast<int>(
      std::clamp(rate * kStallSeconds * kBytesOfPacket, double{kLeast}, double{kMost}));
}

void ChooseThreads(const ScanArguments& arguments, ScanSettings& settings, ErrorList& errors) {
  settings.lanes = arguments.lanes.value_or(LanesFor(settings));
  settings.matchers = arguments.matchers.value_or((2 * settings.lanes + 2) / 3);
  settings.capture_buffer_bytes = CaptureBufferFor(settings);
  if (arguments.capture_buffer.empty()) return;
  const auto bytes = ParseQuantity(arguments.capture_buffer);
  errors.Add("--capture-buffer", bytes.status());
  if (bytes.ok() && (*bytes < 1e6 || *bytes > 2e9)) {
    errors.Add("--capture-buffer", "between 1M and 2G bytes");
  } else if (bytes.ok()) {
    settings.capture_buffer_bytes = static_cast<int>(*bytes);
  }
}

void CheckRest(const ScanArguments& arguments, ScanSettings& settings, ErrorList& errors) {
  const auto take = [&](std::string_view option, const std::string& text, auto parse, auto& out) {
    if (text.empty()) return;
    auto value = parse(text);
    errors.Add(option, value.status());
    if (value.ok()) out = *std::move(value);
  };
  take("-S", arguments.source_ip, SourcePool::Parse, settings.sources);
  take("--source-ports", arguments.source_ports, ParsePortPlan, settings.port_plan);
  take(
      "--gateway-mac", arguments.gateway_mac,
      [](const std::string& text) { return MacAddr::Parse(text); }, settings.gateway_mac);
  take(
      "--shard", arguments.shard,
      [](const std::string& text) { return osprey::Shard::Parse(text); }, settings.part);
  take(
      "--sample", arguments.sample, [](const std::string& text) { return Sample::Parse(text); },
      settings.sample);
  if (arguments.resets == "kernel") settings.resets = engine::ResetMode::kKernel;
  if (arguments.resets == "own") settings.resets = engine::ResetMode::kOwn;
  if (settings.part.count > 1 && arguments.seed.empty()) {
    errors.Add("--shard", "needs --seed, the same for all parts: together they must make a whole");
  }
  if (arguments.seed.empty()) {
    settings.seed = RandomSeed();
  } else if (!absl::SimpleAtoi(arguments.seed, &settings.seed)) {
    errors.Add("--seed", absl::StrFormat("\"%s\" is not a number", arguments.seed));
  }
  engine::HostConfig& host = settings.host;
  host.all_ports = arguments.all_ports;
  host.os_scan_limit = arguments.os_scan_limit;
  host.max_rounds = static_cast<uint8_t>(arguments.max_os_tries);
  host.port_retries = static_cast<uint8_t>(arguments.retries);
  host.gentle = arguments.gentle;
}

std::string Digest(std::string_view purpose, const std::string& text) {
  const HashKey key = DeriveKey(0, purpose);
  uint64_t hash = text.size();
  for (size_t at = 0; at < text.size(); at += 8) {
    uint64_t word = 0;
    for (size_t i = at; i < std::min(at + 8, text.size()); ++i) {
      word = word << 8 | static_cast<uint8_t>(text[i]);
    }
    hash = KeyedHash(key, hash, word);
  }
  return absl::StrFormat("%016x", hash);
}

void ComputeDigests(ScanSettings& settings) {
  std::string options = absl::StrFormat(
      "rounds=%d limit=%d all=%d retries=%d gentle=%d timing=%d plan=%d-%d part=%d/%d ports=",
      settings.host.max_rounds, settings.host.os_scan_limit, settings.host.all_ports,
      settings.host.port_retries, settings.host.gentle, settings.host.timing_template,
      settings.port_plan.first, settings.port_plan.last, settings.part.index, settings.part.count);
  for (const HostOrderPort port : settings.ports.probing_order())
    absl::StrAppend(&options, port, ",");
  for (const DiscoveryStep& step : settings.steps) {
    absl::StrAppend(&options, static_cast<int>(step.kind), ":", step.port, ",");
  }
  for (const Ipv4Addr source : settings.sources.addresses()) {
    absl::StrAppend(&options, "from ", source.host_order, ",");
  }
  // They make a pass of their own, in which positions count too.
  if (!settings.targets.hints().empty()) absl::StrAppend(&options, "known ports");
  settings.options_digest = Digest("options digest", options);
  std::string targets;
  for (const AddressInterval& interval : settings.targets.addresses().intervals()) {
    const uint32_t ends[2] = {interval.first, interval.last};
    targets.append(reinterpret_cast<const char*>(ends), sizeof(ends));
  }
  settings.targets_digest = Digest("targets digest", targets);
}

}  // namespace

absl::StatusOr<ScanSettings> CheckScanArguments(const ScanArguments& arguments) {
  ScanSettings settings;
  ErrorList errors;
  CheckTargets(arguments, settings, errors);
  CheckPorts(arguments, settings, errors);
  CheckDiscovery(arguments, settings, errors);
  CheckTiming(arguments, settings, errors);
  CheckRest(arguments, settings, errors);
  ChooseThreads(arguments, settings, errors);
  if (!errors.empty()) return errors.status();
  ComputeDigests(settings);
  return settings;
}

absl::StatusOr<ExclusionSet> ReadExclusions(const ScanArguments& arguments) {
  ExclusionSetBuilder exclusions(SystemResolver());
  ErrorList errors;
  for (const auto& list : arguments.exclude) errors.Add("--exclude", exclusions.AddList(list));
  for (const auto& file : arguments.exclude_files) {
    errors.Add("--excludefile", exclusions.AddFile(file));
  }
  if (!errors.empty()) return errors.status();
  return exclusions.Build();
}

}  // namespace osprey::tools
