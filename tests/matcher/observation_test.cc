// SPDX-License-Identifier: Apache-2.0
#include "matcher/observation.h"

#include <vector>

#include "gtest/gtest.h"
#include "matcher/host_facts.h"
#include "matcher/probe_id.h"

namespace osprey::matcher {
namespace {

using db::LineId;

constexpr int64_t kMs = 1'000'000;
constexpr std::array<uint8_t, 10> kTimestamp = {8, 10, 0, 0, 0, 9, 0, 0, 0, 0};

TcpAnswer Answer(uint8_t flags, uint32_t seq, uint16_t ip_id = 0) {
  TcpAnswer answer;
  answer.flags = flags;
  answer.seq = seq;
  answer.ip_id = ip_id;
  answer.ttl = 64;
  return answer;
}
TcpAnswer SynAck(uint32_t seq, uint16_t ip_id = 0) { return Answer(kTcpSyn | kTcpAck, seq, ip_id); }
TcpAnswer Rst(uint16_t ip_id = 0) { return Answer(kTcpRst, 0, ip_id); }

TcpAnswer WithTimestamp(TcpAnswer answer, uint8_t value) {
  answer.options_length = kTimestamp.size();
  std::copy(kTimestamp.begin(), kTimestamp.end(), answer.options.begin());
  answer.options[5] = value;
  return answer;
}

// A round in which all six SEQ probes were sent, 100 ms apart.
Observation Sent() {
  Observation round;
  round.Begin({.seq0 = 1000, .ack0 = 2000, .u1_udp_checksum = 7, .u1_ttl = 60});
  for (int n = 0; n < 6; ++n) round.NoteSeqSent(n, 5'000'000'000 + n * 100 * kMs, n * 100 * kMs);
  return round;
}

TEST(Observation, GoodReplyIsStoredOnce) {
  Observation round = Sent();
  EXPECT_EQ(round.RecordTcp(2, SynAck(77, 5)), RecordOutcome::kNew);
  EXPECT_EQ(round.RecordTcp(2, SynAck(88, 6)), RecordOutcome::kDuplicate);
  EXPECT_EQ(round.seq(2).isn, 77U);
  EXPECT_EQ(round.seq(2).ip_id, 5);
  EXPECT_EQ(round.good_seq_replies(), 1);
  EXPECT_TRUE(round.SeqAnswered(2));
  EXPECT_FALSE(round.SeqAnswered(3));
}

TEST(Observation, RepeatedIpIdMakesADuplicateOfAnotherProbesReply) {
  Observation round = Sent();
  EXPECT_EQ(round.RecordTcp(0, SynAck(1, 9)), RecordOutcome::kNew);
  EXPECT_EQ(round.RecordTcp(1, SynAck(2, 9)), RecordOutcome::kDuplicate);
  EXPECT_EQ(round.RecordTcp(2, SynAck(3, 10)), RecordOutcome::kNew);
  EXPECT_EQ(round.good_seq_replies(), 2);
  EXPECT_FALSE(round.OpsMissing(1)) << "useless for SEQ, but it fills options and window";
}

TEST(Observation, IpIdZeroIsNoDuplicate) {
  Observation round = Sent();
  for (size_t n = 0; n < 6; ++n) round.RecordTcp(n, SynAck(1 + static_cast<uint32_t>(n), 0));
  EXPECT_EQ(round.good_seq_replies(), 6);
}

TEST(Observation, ResetsCountForTheDuplicateRule) {
  Observation round = Sent();
  EXPECT_EQ(round.RecordTcp(0, Rst(9)), RecordOutcome::kUnexpectedReset);
  EXPECT_EQ(round.RecordTcp(1, SynAck(2, 9)), RecordOutcome::kDuplicate);
  EXPECT_EQ(round.good_seq_replies(), 0);
}

TEST(Observation, ResetDeservesAWarningOnlyBeforeAGoodReply) {
  Observation round = Sent();
  EXPECT_EQ(round.RecordTcp(0, Rst()), RecordOutcome::kUnexpectedReset);
  EXPECT_EQ(round.RecordTcp(1, SynAck(5)), RecordOutcome::kNew);
  EXPECT_EQ(round.RecordTcp(2, Rst()), RecordOutcome::kNew);
  EXPECT_TRUE(round.LineFilled(LineId::kT1)) << "even a RST to SEQ1 fills T1";
  EXPECT_EQ(round.line(LineId::kT1).flags, kTcpRst);
}

TEST(Observation, OnlyTheFirstSequenceProbeFillsT1) {
  Observation round = Sent();
  round.RecordTcp(1, SynAck(5));
  EXPECT_FALSE(round.LineFilled(LineId::kT1));
  EXPECT_EQ(round.RecordTcp(Index(ProbeId::kT1), SynAck(6)), RecordOutcome::kNew);
  round.RecordTcp(0, SynAck(7));
  EXPECT_EQ(round.line(LineId::kT1).seq, 6U) << "the first reply stays";
}

TEST(Observation, IsnZeroCountsAsNoneUntilAnotherComes) {
  Observation round = Sent();
  round.RecordTcp(0, SynAck(0, 3));
  EXPECT_TRUE(round.seq(0).good);
  round.RecordTcp(0, SynAck(4, 5));
  EXPECT_EQ(round.seq(0).isn, 4U);
  EXPECT_EQ(round.seq(0).ip_id, 5);
}

TEST(Observation, LastReplyDecidesAboutTimestampSupport) {
  Observation round = Sent();
  round.RecordTcp(0, WithTimestamp(SynAck(1), 9));
  EXPECT_EQ(round.timestamp_support(), TimestampSupport::kUndecided);
  EXPECT_EQ(round.seq(0).tsval, 9U);
  round.RecordTcp(1, SynAck(2));
  EXPECT_EQ(round.timestamp_support(), TimestampSupport::kUnsupported);
  round.RecordTcp(2, WithTimestamp(SynAck(3), 9));
  EXPECT_EQ(round.timestamp_support(), TimestampSupport::kUnsupported);
  round.RecordTcp(3, WithTimestamp(SynAck(4), 0));
  EXPECT_EQ(round.timestamp_support(), TimestampSupport::kZero);
}

TEST(Observation, OptionsAndWindowComeFromTheFirstReply) {
  Observation round = Sent();
  TcpAnswer first = WithTimestamp(SynAck(1), 9);
  first.window = 100;
  round.RecordTcp(Index(ProbeId::kOps3), first);
  TcpAnswer second = SynAck(2);
  second.window = 200;
  EXPECT_EQ(round.RecordTcp(2, second), RecordOutcome::kNew) << "new for SEQ3";
  EXPECT_EQ(round.ops_window(2), 100);
  EXPECT_EQ(round.ops_options(2).size(), kTimestamp.size());
  EXPECT_EQ(round.RecordTcp(Index(ProbeId::kOps3), second), RecordOutcome::kDuplicate);
}

TEST(Observation, AnOptionLengthBeyondTheHeaderIsCut) {
  Observation round = Sent();
  TcpAnswer answer = SynAck(1);
  answer.options_length = 255;
  round.RecordTcp(0, answer);
  round.RecordTcp(Index(ProbeId::kT4), answer);
  EXPECT_EQ(round.ops_options(0).size(), 40U);
  EXPECT_EQ(round.line_options(LineId::kT4).size(), 40U);
}

TEST(Observation, ReplyToAProbeThatWasNotSentIsForged) {
  Observation round;
  round.Begin({});
  EXPECT_EQ(round.RecordTcp(0, SynAck(1)), RecordOutcome::kNotSent);
  EXPECT_FALSE(round.LineFilled(LineId::kT1));
  EXPECT_TRUE(round.OpsMissing(0));
  round.NoteSeqSent(0, 1, 1);
  round.NoteSeqUnsent(0);
  EXPECT_EQ(round.RecordTcp(0, SynAck(1)), RecordOutcome::kNotSent);
}

TEST(Observation, SpanNeedsBothEnds) {
  Observation round = Sent();
  EXPECT_EQ(round.seq_span_ms(), 500U);
  EXPECT_DOUBLE_EQ(round.timing_ratio(), 1.0);
  round.NoteSeqUnsent(5);
  EXPECT_EQ(round.seq_span_ms(), 0U);
  round.NoteSeqSent(5, 5'000'000'000 + 751 * kMs + 999'999, 0);
  EXPECT_EQ(round.seq_span_ms(), 751U);
}

TEST(Observation, SendTimesAreDifferencesOfWholeMicroseconds) {
  Observation round;
  round.Begin({});
  round.NoteSeqSent(0, 1'999, 10'000'999);
  round.NoteSeqSent(1, 3'000, 0);
  EXPECT_EQ(round.seq(1).sent_us, 2U);
  EXPECT_EQ(round.first_seq_realtime_us(), 10'000);
  round.NoteSeqSent(2, 0, 0);
  EXPECT_EQ(round.seq(2).sent_us, 0U) << "never before the first";
}

TEST(Observation, MonotonicMicrosecondsMayPassTheirThirtyTwoBits) {
  Observation round;
  round.Begin({});
  const int64_t start_us = (int64_t{1} << 32) - 50'000;
  round.NoteSeqSent(0, start_us * 1000, 0);
  round.NoteSeqSent(1, (start_us + 100'000) * 1000, 0);
  EXPECT_EQ(round.seq(1).sent_us, 100'000U);
}

TEST(Observation, EchoRepliesKnowWhichCameLast) {
  Observation round;
  round.Begin({});
  EXPECT_EQ(round.RecordEcho(1, {.ip_id = 1, .ttl = 60}, true), RecordOutcome::kNew);
  EXPECT_EQ(round.RecordEcho(0, {.ip_id = 2, .ttl = 61}, false), RecordOutcome::kNew);
  EXPECT_EQ(round.RecordEcho(1, {.ip_id = 3, .ttl = 62}, true), RecordOutcome::kDuplicate);
  EXPECT_TRUE(round.echo(0).last);
  EXPECT_FALSE(round.echo(1).last);
  EXPECT_FALSE(round.echo(0).usable_for_ii);
  EXPECT_EQ(round.echo(1).ip_id, 1);
}

TEST(Observation, BeginForgetsTheRoundBefore) {
  Observation round = Sent();
  round.RecordTcp(0, SynAck(1, 9));
  round.RecordUnreachable({});
  round.Begin({.seq0 = 1});
  EXPECT_FALSE(round.SeqAnswered(0));
  EXPECT_FALSE(round.SeqSent(0));
  EXPECT_FALSE(round.LineFilled(LineId::kT1));
  EXPECT_FALSE(round.U1Filled());
  EXPECT_EQ(round.context().seq0, 1U);
  round.NoteSeqSent(0, 1, 1);
  EXPECT_EQ(round.RecordTcp(0, SynAck(1, 9)), RecordOutcome::kNew) << "no memory of the IP ID";
}

TEST(HostFacts, FirstU1AnswerFixesTheDistance) {
  HostFacts facts;
  Observation round = Sent();
  facts.AbsorbRound(round, 40000);
  EXPECT_EQ(facts.hop_distance, kUnknownDistance);
  EXPECT_FALSE(facts.closed_udp_port);
  EXPECT_EQ(facts.max_seq_span_ms, 500U);

  UnreachableAnswer u1;
  u1.quoted_ttl = 57;
  round.RecordUnreachable(u1);
  facts.AbsorbRound(round, 40001);
  EXPECT_EQ(facts.hop_distance, 4);
  EXPECT_EQ(facts.closed_udp_port, 40001);

  Observation later = Sent();
  u1.quoted_ttl = 50;
  later.RecordUnreachable(u1);
  facts.AbsorbRound(later, 40002);
  EXPECT_EQ(facts.hop_distance, 4);
  EXPECT_EQ(facts.closed_udp_port, 40001);
}

TEST(HostFacts, ADistanceOfMinusOneIsTheUnknownMark) {
  HostFacts facts;
  Observation round = Sent();
  UnreachableAnswer u1;
  u1.quoted_ttl = 62;  // sent with 60
  round.RecordUnreachable(u1);
  facts.AbsorbRound(round, 1);
  EXPECT_FALSE(ReportedDistance(facts).known());
}

}  // namespace
}  // namespace osprey::matcher
