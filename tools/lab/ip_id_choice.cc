// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/ip_id_choice.h"

#include "absl/strings/str_format.h"
#include "tools/lab/value_choice.h"

namespace osprey::lab {
namespace {

using db::LineId;

// Counters of TCP stay in the lower half and those of ICMP in the upper where SS=O wants them
// apart: an ICMP number below the last TCP one would look shared.
constexpr uint16_t kLowFloor = 0x0400;
constexpr uint16_t kHighFloor = 0xB000;

IpIdPlan PlanOf(std::string_view value) {
  IpIdPlan plan;
  plan.floor = kLowFloor;
  if (value == "Z") {
    plan.kind = IpIdKind::kZero;
  } else if (value == "I") {
    plan.kind = IpIdKind::kIncrement;
  } else if (value == "BI") {
    plan.kind = IpIdKind::kBroken;
  } else if (value == "RD") {
    plan.kind = IpIdKind::kRandom;
  } else if (value == "RI") {
    plan.kind = IpIdKind::kRandomPositive;
  } else {
    plan.kind = IpIdKind::kConstant;
    plan.constant = static_cast<uint16_t>(ParseHex(value).value_or(0));
  }
  return plan;
}

bool Counts(const IpIdPlan& plan) {
  return plan.kind == IpIdKind::kIncrement || plan.kind == IpIdKind::kBroken ||
         plan.kind == IpIdKind::kRandomPositive;
}

// The class of the attribute with that many samples. Two samples never show RD, and six with the
// same number count as one, so constants are the last resort.
IpIdPlan Choose(ReferenceView& view, std::string_view attribute, int samples) {
  IpIdPlan irregular;
  irregular.kind = IpIdKind::kIrregular;
  irregular.floor = kLowFloor;
  if (!view.Get(LineId::kSeq, attribute)) return irregular;
  const std::vector<std::string> values = view.Values(LineId::kSeq, attribute);
  for (const std::string& value : values) {
    const IpIdPlan plan = PlanOf(value);
    if (plan.kind == IpIdKind::kConstant) continue;
    if (plan.kind != IpIdKind::kRandom || samples > 2) return plan;
  }
  if (values.empty()) return irregular;
  const IpIdPlan plan = PlanOf(values[0]);
  if (plan.kind == IpIdKind::kRandom) {
    view.NoteContradiction(absl::StrFormat("SEQ.%s=RD cannot be seen in two answers", attribute));
  }
  return plan;
}

int ClosedAnswers(const Personality& p) {
  return (p.segment(Segment::kSynClosed).answers ? 1 : 0) +
         (p.segment(Segment::kAckClosed).answers ? 1 : 0) +
         (p.segment(Segment::kFinClosed).answers ? 1 : 0);
}

bool WantsShared(ReferenceView& view) {
  const std::vector<std::string> values = view.Values(LineId::kSeq, "SS");
  return !values.empty() && values[0] == "S";
}

}  // namespace

IpIdPlans ChooseIpIds(ReferenceView& view, const Personality& p) {
  IpIdPlans plans;
  plans.open = Choose(view, "TI", 6);
  plans.closed = Choose(view, "CI", ClosedAnswers(p));
  plans.icmp = Choose(view, "II", 2);
  // Stacks have one counter unless the classes say otherwise.
  plans.open.counter = 0;
  plans.closed.counter = plans.closed.kind == plans.open.kind ? 0 : 1;
  plans.icmp.counter = 2;
  const bool shared = WantsShared(view);
  if (shared && Counts(plans.open) && plans.icmp.kind == plans.open.kind) {
    plans.icmp.counter = 0;
  } else {
    // Sharing is judged by size alone: S is an ICMP number below the TCP ones.
    plans.icmp.floor = shared ? 1 : kHighFloor;
    if (shared) plans.icmp.range = 0x0200;
    if (shared) plans.open.floor = plans.closed.floor = 0x2000;
  }
  return plans;
}

}  // namespace osprey::lab
