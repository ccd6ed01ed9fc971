// SPDX-License-Identifier: Apache-2.0
#include "engine/report.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/check.h"
#include "base/clock.h"
#include "db/fingerprint.h"
#include "engine/os_text.h"
#include "matcher/fingerprint_builder.h"
#include "matcher/merge.h"
#include "matcher/observation_codec.h"
#include "matcher/output_plan.h"
#include "matcher/scan_line.h"
#include "matcher/sequence.h"

namespace osprey::engine {
namespace {

constexpr const char* kUnreliable =
    "Warning: OSScan results may be unreliable because we could not find at least 1 open and 1 "
    "closed port";

const char* StateName(PortState state) {
  switch (state) {
    case PortState::kOpen:
      return "open";
    case PortState::kClosed:
      return "closed";
    case PortState::kFiltered:
      return "filtered";
    case PortState::kUnknown:
      break;
  }
  return "unknown";
}

// Many and uninteresting: only counted.
bool IsOnlyCounted(const PortTable& ports, PortState state) {
  return state != PortState::kOpen && ports.Count(state) > PortTable::kMostListed;
}

void AddGroups(const PortTable& ports, PortState state, io::Record& record) {
  for (size_t i = 0; i < static_cast<size_t>(PortReason::kCount); ++i) {
    const auto reason = static_cast<PortReason>(i);
    if (ports.Count(state, reason) == 0) continue;
    record.ports_not_shown.push_back({.protocol = "tcp",
                                      .state = StateName(state),
                                      .reason = ReasonName(reason),
                                      .count = ports.Count(state, reason)});
  }
}

void AddPorts(const HostResult& result, const ReportOptions& options, io::Record& record) {
  for (const PortState state : {PortState::kClosed, PortState::kFiltered}) {
    if (IsOnlyCounted(result.ports, state)) AddGroups(result.ports, state, record);
  }
  for (const PortResult& port : result.ports.kept()) {
    if (IsOnlyCounted(result.ports, port.state)) continue;
    io::PortRecord& out = record.ports.emplace_back();
    out.port = port.port;
    out.state = StateName(port.state);
    out.reason = ReasonName(port.reason);
    out.reason_ttl = port.ttl;
    if (options.service_name) out.service = options.service_name(port.port, false);
  }
  std::sort(record.ports.begin(), record.ports.end(),
            [](const auto& a, const auto& b) { return a.port < b.port; });
}

// The best evidence there is that the host is up.
std::string UpReason(const HostResult& result, const ReportOptions& options) {
  if (result.facts.is_localhost) return "localhost-response";
  if (!result.mac.is_zero()) return "arp-response";
  if (result.facts.open_tcp_port || result.ports.Count(PortState::kOpen) > 0) return "syn-ack";
  if (result.facts.closed_tcp_port || result.ports.Count(PortState::kClosed) > 0) return "reset";
  if (options.treat_all_as_up) return "user-set";
  return "echo-reply";
}

void AddUsedPorts(const matcher::HostFacts& facts, io::OsRecord& os) {
  const auto add = [&os](const char* state, const char* protocol,
                         std::optional<HostOrderPort> port) {
    if (port.value_or(0) == 0) return;
    os.ports_used.push_back({.state = state, .protocol = protocol, .port = *port});
  };
  add("open", "tcp", facts.open_tcp_port);
  add("closed", "tcp", facts.closed_tcp_port);
  add("closed", "udp", facts.closed_udp_port);
}

// The rounds of a host as fingerprints, each with what was known when it was measured: the hop
// distance that a later round learned does not turn an earlier TG into a T.
struct Measured {
  std::vector<db::Fingerprint> rounds;
  matcher::HostFacts best_facts;    // as of the best round
  matcher::SequenceFacts sequence;  // of the last round
};

Measured BuildRounds(const HostResult& result) {
  Measured out;
  out.rounds.resize(result.rounds.size());
  matcher::HostFacts facts = result.facts;
  facts.hop_distance = matcher::kUnknownDistance;
  for (size_t i = 0; i < result.rounds.size(); ++i) {
    const matcher::Observation& round = result.rounds[i];
    if (facts.hop_distance == matcher::kUnknownDistance) {
      facts.hop_distance = matcher::HopDistance(round);
    }
    if (i == result.best_round) out.best_facts = facts;
    const bool last = i + 1 == result.rounds.size();
    matcher::BuildFingerprint(round, facts, out.rounds[i], last ? &out.sequence : nullptr);
  }
  return out;
}

std::string ClosingLine(matcher::Closing closing, bool fit) {
  switch (closing) {
    case matcher::Closing::kNone:
      return "";
    case matcher::Closing::kNoExactMatches:
      return "No exact OS matches for host.";
    case matcher::Closing::kNoExactMatchesNotIdeal:
      return "No exact OS matches for host (test conditions non-ideal).";
    case matcher::Closing::kNoMatches:
      return fit ? "No OS matches for host." : "No OS matches for host";
    case matcher::Closing::kTooManyMatches:
      return "Too many fingerprints match this host to give specific OS details";
  }
  return "";
}

matcher::OutputPlan PlanFor(const HostResult& result, const ReportOptions& options) {
  const matcher::MatchList& matches = result.matches;
  return matcher::DecideOutput({.too_many = matches.result == matcher::MatchResult::kTooManyMatches,
                                .match_count = matches.count,
                                .perfect_count = matches.perfect,
                                .fit = matcher::IsFit(result.facts),
                                .guess = options.guess,
                                .verbosity = options.verbosity,
                                .debug_level = options.debugging});
}

// The texts of 6.2 in their order.
void AddVerdict(const HostResult& result, const matcher::OutputPlan& plan, const db::Image& image,
                io::OsRecord& os) {
  if (plan.details) os.verdict_lines.push_back(DetailsLine(image, result.matches));
  if (plan.unfit_reason) {
    os.verdict_lines.push_back(absl::StrCat("OS fingerprint not ideal because: ", os.unfit_reason));
  }
  if (plan.guesses) os.verdict_lines.push_back(GuessesLine(image, result.matches));
  if (plan.closing != matcher::Closing::kNone) {
    os.verdict_lines.push_back(ClosingLine(plan.closing, os.unfit_reason.empty()));
  }
}

void AddMatches(const HostResult& result, const matcher::OutputPlan& plan,
                const ReportOptions& options, const db::Image& image, io::OsRecord& os) {
  const bool guess = options.guess || !os.unfit_reason.empty();
  os.result = ResultOf(result.matches.result);
  os.perfect = result.matches.perfect;
  ClassSummary summary =
      SummarizeClasses(image, matcher::CollectClasses(image, result.matches), guess);
  os.device_types = std::move(summary.device_types);
  os.running = std::move(summary.running);
  os.running_is_guess = !os.running.empty() && summary.running_is_guess;
  os.cpe = std::move(summary.cpe);
  if (plan.closing == matcher::Closing::kTooManyMatches) return;
  const auto listed = result.matches.matches().first(ListedCount(result.matches));
  os.matches.reserve(listed.size());
  for (const matcher::Match& match : listed) {
    os.matches.push_back(MatchRecord(image, match));
  }
}

std::string PrintedBlock(const HostResult& result, const Measured& measured,
                         const matcher::OutputPlan& plan, const ReportOptions& options) {
  matcher::ScanLineInfo info;
  info.version = options.version;
  info.platform = options.platform;
  info.target = result.address;
  info.good = plan.good;
  info.SetTime(result.finished_realtime_ns / kNsPerSecond);
  return matcher::PrintedFingerprint(matcher::ScanLine(info, result.facts), measured.rounds,
                                     plan.form);
}

std::optional<io::LossRecord> LossesOf(const matcher::Observation& round) {
  const io::LossRecord losses{.sequence = static_cast<uint32_t>(round.lost_seq_answers()),
                              .tests = static_cast<uint32_t>(round.repeats_answered())};
  return losses == io::LossRecord{} ? std::nullopt : std::optional(losses);
}

void AddOs(const HostResult& result, const Measured& measured, const db::Image& image,
           const ReportOptions& options, io::Record& record) {
  io::OsRecord& os = record.os;
  const matcher::OutputPlan plan = PlanFor(result, options);
  os.unfit_reason = matcher::UnfitText(result.facts);
  const bool reliable = result.facts.open_tcp_port && result.facts.closed_tcp_port;
  if (!reliable && plan.closing != matcher::Closing::kTooManyMatches) os.unreliable = kUnreliable;
  os.losses = LossesOf(result.rounds[result.best_round]);
  AddUsedPorts(result.facts, os);
  AddMatches(result, plan, options, image, os);
  AddVerdict(result, plan, image, os);
  os.fingerprint = measured.rounds[result.best_round].Text("");
  if (plan.fingerprint) os.fingerprint_block = PrintedBlock(result, measured, plan, options);
  record.observation =
      matcher::EncodeObservation(result.rounds[result.best_round], measured.best_facts);
}

template <class Field>
std::vector<uint32_t> Values(std::span<const matcher::SeqSample> samples, Field field) {
  std::vector<uint32_t> values;
  values.reserve(samples.size());
  for (const matcher::SeqSample& sample : samples) values.push_back(sample.*field);
  return values;
}

// What 7.4 and 7.5 show of sequences, with their minimum numbers of samples.
void AddSequences(const matcher::SequenceFacts& facts, io::Record& record) {
  const auto samples = facts.used();
  if (samples.size() > 3) {
    record.tcp_sequence = {
        .index = facts.difficulty(),
        .difficulty = std::string(matcher::DescribeDifficulty(facts.difficulty())),
        .values = Values(samples, &matcher::SeqSample::isn)};
  }
  if (samples.size() > 2) {
    record.ip_id_sequence = {.klass = std::string(matcher::Describe(facts.ti_class)),
                             .values = Values(samples, &matcher::SeqSample::ip_id)};
    record.tcp_ts_sequence = {.klass = std::string(matcher::Describe(facts.timestamp_class)),
                              .values = {}};
    if (facts.timestamp_class != matcher::TimestampClass::kUnsupported) {
      record.tcp_ts_sequence->values = Values(samples, &matcher::SeqSample::tsval);
    }
  }
}

void AddMeasures(const HostResult& result, const matcher::SequenceFacts& facts,
                 const ReportOptions& options, io::Record& record) {
  const int64_t now_s = result.finished_realtime_ns / kNsPerSecond;
  if (facts.boot_time_s) {
    record.uptime = {.seconds = now_s - *facts.boot_time_s, .boot_epoch_s = *facts.boot_time_s};
  }
  if (facts.ignored_uptime_s && options.debugging > 0) {
    record.warnings.push_back(absl::StrFormat("Ignoring claimed %s uptime of %d days",
                                              record.address, *facts.ignored_uptime_s / 86400));
  }
  const matcher::Distance distance = matcher::ReportedDistance(result.facts);
  if (distance.known()) {
    record.distance = {.hops = distance.hops, .method = static_cast<char>(distance.method)};
  }
  AddSequences(facts, record);
}

void AddWarnings(const HostResult& result, const ReportOptions& options, io::Record& record) {
  if (result.reset_warning) {
    record.warnings.push_back(
        absl::StrFormat("WARNING: RST from %s port %d -- is this port really open?", record.address,
                        result.facts.open_tcp_port.value_or(0)));
  }
  if (result.outcome == HostOutcome::kSkipped && options.verbosity > 0) {
    record.warnings.push_back(
        absl::StrFormat("Skipping OS Scan against %s due to absence of open (or perhaps closed) "
                        "ports",
                        record.address));
  }
  if (result.outcome == HostOutcome::kTimedOut) {
    record.warnings.push_back(
        absl::StrFormat("Skipping host %s due to host timeout", record.address));
  }
}

// MacAddr prints lower case; Nmap's formats want upper case.
std::string UpperMac(const MacAddr& mac) {
  std::string text;
  for (const uint8_t byte : mac.bytes) {
    absl::StrAppendFormat(&text, "%s%02X", text.empty() ? "" : ":", byte);
  }
  return text;
}

}  // namespace

io::Record MakeRecord(const HostResult& result, const db::Image& image,
                      const ReportOptions& options) {
  io::Record record;
  record.key = {.scan = options.scan_id, .index = result.target_index, .revision = 0};
  record.address = result.address.ToString();
  if (!result.mac.is_zero()) record.mac = UpperMac(result.mac);
  record.reason = UpReason(result, options);
  record.start_ms = result.started_realtime_ns / kNsPerMs;
  record.end_ms = result.finished_realtime_ns / kNsPerMs;
  record.rounds = static_cast<uint32_t>(result.rounds.size());
  if (result.srtt_us >= 0) {
    record.rtt = {.srtt_us = result.srtt_us, .variance_us = 0, .timeout_us = 0};
  }
  AddPorts(result, options, record);
  AddWarnings(result, options, record);
  if (result.outcome != HostOutcome::kMeasured || result.rounds.empty()) return record;
  OSPREY_CHECK(result.best_round < result.rounds.size());
  const Measured measured = BuildRounds(result);
  AddOs(result, measured, image, options, record);
  AddMeasures(result, measured.sequence, options, record);
  return record;
}

}  // namespace osprey::engine
