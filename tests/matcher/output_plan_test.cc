// SPDX-License-Identifier: Apache-2.0
#include "matcher/output_plan.h"

#include "gtest/gtest.h"

namespace osprey::matcher {
namespace {

HostFacts Fit() {
  HostFacts facts;
  facts.open_tcp_port = 80;
  facts.closed_tcp_port = 81;
  facts.closed_udp_port = 40000;
  facts.hop_distance = 5;
  facts.max_seq_span_ms = 700;
  facts.scan_delay_ms = 500;
  facts.timing_template = 4;
  return facts;
}

TEST(UnfitReason, NothingIsWrongWithAFitHost) {
  EXPECT_TRUE(IsFit(Fit()));
  EXPECT_EQ(UnfitText(Fit()), "");
}

TEST(UnfitReason, FirstOfSeveralCountsInTheOrderOfTheList) {
  HostFacts facts = Fit();
  facts.probes_failed_to_send = true;
  EXPECT_EQ(UnfitText(facts), "Some probes failed to send so results incomplete");
  facts.closed_udp_port.reset();
  EXPECT_EQ(UnfitText(facts), "Didn't receive UDP response. Please try again with -sSU");
  facts.max_seq_span_ms = 751;
  EXPECT_EQ(UnfitText(facts), "maxTimingRatio (1.502000e+00) is greater than 1.4");
  facts.hop_distance = 6;
  EXPECT_EQ(UnfitText(facts), "Host distance (6 network hops) is greater than five");
  facts.hop_distance = -2;
  EXPECT_EQ(UnfitText(facts), "Host distance (-2 network hops) appears to be negative");
  facts.closed_tcp_port.reset();
  EXPECT_EQ(UnfitText(facts), "Missing a closed TCP port so results incomplete");
  facts.open_tcp_port.reset();
  EXPECT_EQ(UnfitText(facts), "Missing an open TCP port so results incomplete");
  facts.timing_template = 5;
  EXPECT_EQ(UnfitText(facts), "Timing level 5 (Insane) used");
  facts.scan_delay_ms = 501;
  EXPECT_EQ(UnfitText(facts), "Scan delay (501) is greater than 500");
}

TEST(UnfitReason, ANeighbourIsNearWhateverU1Says) {
  HostFacts facts = Fit();
  facts.hop_distance = 10;
  facts.mac_known = true;
  EXPECT_TRUE(IsFit(facts));
}

TEST(UnfitReason, AUdpScanExcusesTheMissingUdpPort) {
  HostFacts facts = Fit();
  facts.closed_udp_port.reset();
  facts.udp_scan_requested = true;
  EXPECT_TRUE(IsFit(facts));
}

OutputQuestion Question(size_t matches, size_t perfect, bool fit) {
  OutputQuestion question;
  question.match_count = matches;
  question.perfect_count = perfect;
  question.fit = fit;
  return question;
}

TEST(OutputPlan, PerfectMatchPrintsTheFingerprintOnRequestOnly) {
  OutputQuestion question = Question(3, 2, false);
  OutputPlan plan = DecideOutput(question);
  EXPECT_TRUE(plan.details);
  EXPECT_FALSE(plan.guesses);
  EXPECT_FALSE(plan.fingerprint);
  EXPECT_EQ(plan.closing, Closing::kNone);
  question.verbosity = 2;
  plan = DecideOutput(question);
  EXPECT_TRUE(plan.fingerprint);
  EXPECT_EQ(plan.form, PrintedForm::kWrapped);
  EXPECT_FALSE(plan.good);
}

TEST(OutputPlan, MoreThanEightPerfectAreTooManyUnlessDebugging) {
  OutputQuestion question = Question(9, 9, true);
  EXPECT_EQ(DecideOutput(question).closing, Closing::kTooManyMatches);
  EXPECT_FALSE(DecideOutput(question).fingerprint);
  question.verbosity = 2;
  EXPECT_TRUE(DecideOutput(question).fingerprint);
  EXPECT_EQ(DecideOutput(question).form, PrintedForm::kPlain);
  EXPECT_FALSE(DecideOutput(question).good);
  question.debug_level = 1;
  EXPECT_TRUE(DecideOutput(question).details);
  question.too_many = true;
  EXPECT_EQ(DecideOutput(question).closing, Closing::kTooManyMatches);
}

TEST(OutputPlan, FitWithoutPerfectMatchAlwaysPrints) {
  OutputQuestion question = Question(3, 0, true);
  OutputPlan plan = DecideOutput(question);
  EXPECT_EQ(plan.closing, Closing::kNoExactMatches);
  EXPECT_FALSE(plan.guesses);
  EXPECT_TRUE(plan.fingerprint);
  EXPECT_TRUE(plan.good);
  EXPECT_EQ(plan.form, PrintedForm::kWrapped);
  question.guess = true;
  EXPECT_TRUE(DecideOutput(question).guesses);

  plan = DecideOutput(Question(0, 0, true));
  EXPECT_EQ(plan.closing, Closing::kNoMatches);
  EXPECT_TRUE(plan.fingerprint);
  EXPECT_FALSE(plan.unfit_reason);
}

TEST(OutputPlan, UnfitWithoutPerfectMatchGuessesAndGivesReasonsOnRequest) {
  OutputQuestion question = Question(3, 0, false);
  OutputPlan plan = DecideOutput(question);
  EXPECT_EQ(plan.closing, Closing::kNoExactMatchesNotIdeal);
  EXPECT_TRUE(plan.guesses);
  EXPECT_FALSE(plan.unfit_reason);
  EXPECT_FALSE(plan.fingerprint);
  question.verbosity = 1;
  EXPECT_FALSE(DecideOutput(question).unfit_reason);
  question.verbosity = 2;
  plan = DecideOutput(question);
  EXPECT_TRUE(plan.unfit_reason);
  EXPECT_TRUE(plan.fingerprint);
  EXPECT_EQ(plan.form, PrintedForm::kPlain);
  EXPECT_FALSE(plan.good);
}

TEST(OutputPlan, UnfitWithoutAnyMatchAlwaysGivesTheReason) {
  const OutputPlan plan = DecideOutput(Question(0, 0, false));
  EXPECT_EQ(plan.closing, Closing::kNoMatches);
  EXPECT_TRUE(plan.unfit_reason);
  EXPECT_FALSE(plan.guesses);
  EXPECT_FALSE(plan.fingerprint);
}

}  // namespace
}  // namespace osprey::matcher
