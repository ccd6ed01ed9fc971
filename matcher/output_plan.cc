// SPDX-License-Identifier: Apache-2.0
#include "matcher/output_plan.h"

#include "absl/strings/str_format.h"

namespace osprey::matcher {
namespace {

constexpr uint32_t kMaxScanDelayMs = 500;
constexpr int kMaxHops = 5;
constexpr double kMaxTimingRatio = 1.4;

}  // namespace

UnfitReason FindUnfitReason(const HostFacts& facts) {
  const Distance distance = ReportedDistance(facts);
  if (facts.scan_delay_ms > kMaxScanDelayMs) return UnfitReason::kScanDelay;
  if (facts.timing_template >= 5) return UnfitReason::kInsaneTiming;
  if (facts.open_tcp_port.value_or(0) == 0) return UnfitReason::kNoOpenTcpPort;
  if (facts.closed_tcp_port.value_or(0) == 0) return UnfitReason::kNoClosedTcpPort;
  if (distance.known() && distance.hops < -1) return UnfitReason::kNegativeDistance;
  if (distance.known() && distance.hops > kMaxHops) return UnfitReason::kTooFar;
  if (facts.max_timing_ratio() > kMaxTimingRatio) return UnfitReason::kSlowSequence;
  if (facts.closed_udp_port.value_or(0) == 0 && !facts.udp_scan_requested) {
    return UnfitReason::kNoUdpResponse;
  }
  return facts.probes_failed_to_send ? UnfitReason::kUnsentProbes : UnfitReason::kNone;
}

std::string UnfitText(const HostFacts& facts) {
  switch (FindUnfitReason(facts)) {
    case UnfitReason::kNone:
      return "";
    case UnfitReason::kScanDelay:
      return absl::StrFormat("Scan delay (%d) is greater than %d", facts.scan_delay_ms,
                             kMaxScanDelayMs);
    case UnfitReason::kInsaneTiming:
      return "Timing level 5 (Insane) used";
    case UnfitReason::kNoOpenTcpPort:
      return "Missing an open TCP port so results incomplete";
    case UnfitReason::kNoClosedTcpPort:
      return "Missing a closed TCP port so results incomplete";
    case UnfitReason::kNegativeDistance:
      return absl::StrFormat("Host distance (%d network hops) appears to be negative",
                             ReportedDistance(facts).hops);
    case UnfitReason::kTooFar:
      return absl::StrFormat("Host distance (%d network hops) is greater than five",
                             ReportedDistance(facts).hops);
    case UnfitReason::kSlowSequence:
      return absl::StrFormat("maxTimingRatio (%e) is greater than 1.4", facts.max_timing_ratio());
    case UnfitReason::kNoUdpResponse:
      return "Didn't receive UDP response. Please try again with -sSU";
    case UnfitReason::kUnsentProbes:
      return "Some probes failed to send so results incomplete";
  }
  return "";
}

OutputPlan DecideOutput(const OutputQuestion& question) {
  const bool debug = question.debug_level > 0;
  const bool talkative = debug || question.verbosity > 1;
  OutputPlan plan;
  plan.fingerprint = talkative;
  if (question.too_many || (question.perfect_count > kMaxPerfectShown && !debug)) {
    plan.closing = Closing::kTooManyMatches;
    return plan;
  }
  const bool perfect = question.perfect_count > 0;
  const bool any = question.match_count > 0;
  plan.details = perfect;
  plan.guesses = any && !perfect && (question.guess || !question.fit);
  plan.good = question.fit;
  if (perfect || question.fit) plan.form = PrintedForm::kWrapped;
  if (perfect) return plan;

  if (question.fit) {
    plan.fingerprint = true;
    plan.closing = any ? Closing::kNoExactMatches : Closing::kNoMatches;
  } else {
    plan.unfit_reason = talkative || !any;
    plan.closing = any ? Closing::kNoExactMatchesNotIdeal : Closing::kNoMatches;
  }
  return plan;
}

}  // namespace osprey::matcher
