// SPDX-License-Identifier: Apache-2.0
// The probe machine of one host against docs/os-detection.md, 1.7 to 1.10: what it sends, when, how
// often, and when a phase ends.

#include "engine/host_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"

namespace osprey::engine {
namespace {

using matcher::Index;
using matcher::ProbeId;
using Kind = HostAction::Kind;

struct Sent {
  ProbeId probe;
  uint8_t transmission;
  int64_t at;
};

std::string NameOf(const Sent& sent) {
  return std::string(matcher::kProbeNames[Index(sent.probe)]);
}

std::vector<std::string> Names(const std::vector<Sent>& sent) {
  std::vector<std::string> names;
  for (const Sent& s : sent) names.push_back(NameOf(s));
  return names;
}

// Does what a lane does: calls the machine when it is due and hands its packets to `on_probe`,
// which may answer.
class HostMachineTest : public ::testing::Test {
 protected:
  static constexpr int64_t kStart = 1000 * kNsPerSecond;

  HostMachineTest() : machine_(&config_) {
    config_.ports = ports_;
    host_.state.address = Ipv4Addr{0x0A000001};
  }

  void StartWithPorts(HostOrderPort open, HostOrderPort closed) {
    host_.state.open_port = open;
    host_.state.closed_port = closed;
    machine_.Start(host_.state, -1, now_);
  }

  // Steps until the machine asks for `until`, or for nothing more.
  bool RunUntil(Kind until) {
    for (int steps = 0; steps < 10000; ++steps) {
      const int64_t due = machine_.NextDue(host_);
      if (due == INT64_MAX) return false;
      if (due > now_) Advance(due);
      const HostAction action = machine_.OnDue(host_, now_);
      if (action.kind == Kind::kSendPort) SendPort(action.port);
      if (action.kind == Kind::kSendProbe) SendProbe(action);
      if (action.kind == Kind::kBeginRound) Begin();
      if (action.kind == Kind::kPortsSilent) NoteSilent(action);
      if (action.kind == until) return true;
    }
    ADD_FAILURE() << "does not come to an end";
    return false;
  }

  void Advance(int64_t to) {
    now_ = to;
    while (!later_.empty() && later_.begin()->first <= now_) {
      const auto event = later_.begin()->second;
      now_ = later_.begin()->first;
      later_.erase(later_.begin());
      event();
      // What is due may have changed: the lane would look again.
      if (machine_.NextDue(host_) <= now_) return;
    }
    now_ = std::max(now_, to);
  }
  void After(int64_t delay, std::function<void()> event) {
    later_.emplace(now_ + delay, std::move(event));
  }

  void SendPort(HostOrderPort port) {
    ports_sent_.emplace_back(port, now_);
    machine_.OnPortSent(host_.state, now_);
    if (on_port) on_port(port);
  }
  void NoteSilent(const HostAction& action) {
    for (uint32_t i = 0; i < 32; ++i) {
      if ((action.silent >> i & 1) != 0) ports_silent_.push_back(ports_.at(action.first_port + i));
    }
  }
  void SendProbe(const HostAction& action) {
    now_ += send_delay;
    sent_.push_back({action.probe, action.transmission, now_});
    machine_.OnSent(host_, action.probe, now_, now_);
    if (on_probe) on_probe(action.probe);
  }
  void Begin() {
    begun_.push_back(now_);
    const RoundPorts ports{.tcp_base = 40000,
                           .udp_base = 41000,
                           .icmp_id = 7,
                           .closed_port = 31000,
                           .udp_port = 32000};
    machine_.BeginRound(host_, ports, {.seq0 = 100, .ack0 = 200, .u1_ttl = 60}, now_);
  }

  TcpAnswer SynAck(uint32_t isn) const {
    return {.seq = isn,
            .window = 1000,
            .ip_id = static_cast<uint16_t>(isn),
            .ttl = 60,
            .flags = kTcpSyn | kTcpAck};
  }
  void AnswerTcp(ProbeId probe) {
    machine_.OnTcp(host_, Index(probe), SynAck(static_cast<uint32_t>(Index(probe)) + 1), now_);
  }
  // Everything is answered after `delay`.
  void AnswerAll(int64_t delay) {
    on_probe = [this, delay](ProbeId probe) {
      After(delay, [this, probe] {
        if (Index(probe) < matcher::kTcpProbeCount) return AnswerTcp(probe);
        if (probe == ProbeId::kU1) {
          machine_.OnUnreachable(host_, {.ttl = 50, .quoted_ttl = 58}, now_);
        } else {
          machine_.OnEcho(host_, probe == ProbeId::kIe2 ? 1 : 0, {.ip_id = 5}, now_);
        }
      });
    };
  }
  // Those of `sent_` that are no SEQ probes.
  std::vector<Sent> Tests() const {
    std::vector<Sent> tests;
    for (const Sent& s : sent_) {
      if (Index(s.probe) >= 6) tests.push_back(s);
    }
    return tests;
  }

  std::vector<HostOrderPort> ports_ = {80,  443, 22,  21,  23,  25,  53,  110, 111,
                                       135, 139, 143, 199, 256, 445, 554, 587, 993};
  HostConfig config_;
  HostMachine machine_;
  HostRecord host_;
  int64_t now_ = kStart;
  int64_t send_delay = 0;
  std::multimap<int64_t, std::function<void()>> later_;
  std::function<void(ProbeId)> on_probe;
  std::function<void(HostOrderPort)> on_port;
  std::vector<Sent> sent_;
  std::vector<std::pair<HostOrderPort, int64_t>> ports_sent_;
  std::vector<HostOrderPort> ports_silent_;
  std::vector<int64_t> begun_;
};

// --- A round -----------------------------------------------------------------------------------

TEST_F(HostMachineTest, AnAnsweringHostTakesSixteenProbesAsOnAFastLink) {
  StartWithPorts(80, 443);
  AnswerAll(2 * kNsPerMs);
  ASSERT_TRUE(RunUntil(Kind::kRoundDone));
  const std::vector<std::string> want = {"SEQ1", "SEQ2", "SEQ3", "SEQ4", "SEQ5", "SEQ6",
                                         "IE1",  "IE2",  "U1",   "ECN",  "T2",   "T3",
                                         "T4",   "T5",   "T6",   "T7"};
  EXPECT_EQ(Names(sent_), want);
  for (size_t i = 1; i < 6; ++i) EXPECT_EQ(sent_[i].at - sent_[i - 1].at, 100 * kNsPerMs);
  for (size_t i = 6; i < 16; ++i) EXPECT_EQ(sent_[i].at - sent_[i - 1].at, 25 * kNsPerMs);
  EXPECT_EQ(host_.state.phase, Phase::kMatching);
  EXPECT_EQ(machine_.NextDue(host_), INT64_MAX);
  EXPECT_EQ(host_.state.max_span_ms, 500);
  EXPECT_TRUE(host_.state.spoke);
  EXPECT_EQ(host_.state.udp_closed, 32000);
  EXPECT_TRUE(host_.state.distance_known);
  EXPECT_EQ(host_.state.hop_distance, 60 - 58 + 1);
  EXPECT_EQ(host_.state.rtt.srtt_us, 2000);
}

TEST_F(HostMachineTest, ASilentHostIsAskedFourTimesForEverythingButTheSequence) {
  StartWithPorts(80, 443);
  ASSERT_TRUE(RunUntil(Kind::kRoundDone));
  const std::vector<Sent> tests = Tests();
  EXPECT_EQ(sent_.size() - tests.size(), 6U);
  EXPECT_EQ(tests.size(), 17U * 4);
  const std::vector<std::string> first(
      {"IE1", "IE2", "U1", "OPS1", "OPS2", "OPS3", "OPS4", "OPS5", "OPS6", "ECN"});
  auto names = Names(tests);
  names.resize(first.size());
  EXPECT_EQ(names, first);
  // SEQ6 waits for its whole timeout.
  EXPECT_EQ(tests[0].at - sent_[5].at, kNsPerSecond);
  std::map<ProbeId, std::vector<Sent>> by_probe;
  for (size_t i = 0; i < tests.size(); ++i) {
    if (i > 0) {
      EXPECT_GE(tests[i].at - tests[i - 1].at, 25 * kNsPerMs);
    }
    by_probe[tests[i].probe].push_back(tests[i]);
  }
  EXPECT_EQ(by_probe.size(), 17U);
  for (const auto& [probe, all] : by_probe) {
    ASSERT_EQ(all.size(), 4U);
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(all[i].transmission, i + 1);
      if (i > 0) {
        EXPECT_GE(all[i].at - all[i - 1].at, kNsPerSecond);
      }
    }
  }
  EXPECT_FALSE(host_.state.spoke);
}

TEST_F(HostMachineTest, NoMoreThanTenProbesAreOutstandingAndRepeatsGoToTheEnd) {
  StartWithPorts(80, 443);
  ASSERT_TRUE(RunUntil(Kind::kRoundDone));
  const std::vector<Sent> tests = Tests();
  for (size_t i = 0; i < tests.size(); ++i) {
    size_t outstanding = 0;
    for (size_t j = 0; j < i; ++j) {
      if (tests[i].at < tests[j].at + kNsPerSecond) ++outstanding;
    }
    EXPECT_LT(outstanding, 10U) << i;
  }
  // Whatever was never sent goes before any repeat.
  bool repeats = false;
  for (const Sent& s : tests) {
    repeats = repeats || s.transmission > 1;
    EXPECT_EQ(repeats, s.transmission > 1);
  }
}

TEST_F(HostMachineTest, OnlyWhatIsMissingOfTheSequenceIsAskedAgain) {
  StartWithPorts(80, 443);
  on_probe = [this](ProbeId probe) {
    if (Index(probe) >= 6 || probe == ProbeId::kSeq1 || probe == ProbeId::kSeq4) return;
    AnswerTcp(probe);
  };
  ASSERT_TRUE(RunUntil(Kind::kRoundDone));
  auto names = Names(Tests());
  names.resize(13);
  EXPECT_THAT(names, ::testing::ElementsAre("IE1", "IE2", "U1", "OPS1", "OPS4", "ECN", "T1", "T2",
                                            "T3", "T4", "T5", "T6", "T7"));
}

TEST_F(HostMachineTest, AnswersThatOnlyARepeatBroughtAreSignsOfLoss) {
  StartWithPorts(80, 443);
  on_probe = [this](ProbeId probe) {
    const bool again = sent_.back().transmission > 1;
    const bool lost = probe == ProbeId::kSeq3 || (probe == ProbeId::kT5 && !again) ||
                      (probe == ProbeId::kIe1 && !again) || (probe == ProbeId::kU1 && !again);
    if (lost || probe == ProbeId::kT2) return;  // T2 is never answered, which is no sign
    if (Index(probe) < matcher::kTcpProbeCount) return AnswerTcp(probe);
    if (probe == ProbeId::kU1) {
      machine_.OnUnreachable(host_, {.ttl = 50, .quoted_ttl = 58}, now_);
    } else {
      machine_.OnEcho(host_, probe == ProbeId::kIe2 ? 1 : 0, {.ip_id = 5}, now_);
    }
  };
  ASSERT_TRUE(RunUntil(Kind::kRoundDone));
  EXPECT_EQ(host_.observation.lost_seq_answers(), 1);
  EXPECT_EQ(host_.observation.repeats_answered(), 3);
}

TEST_F(HostMachineTest, WhatIsNeverAnsweredIsNoSignOfLoss) {
  StartWithPorts(80, 443);
  on_probe = [this](ProbeId probe) {
    if (probe == ProbeId::kSeq1 || probe == ProbeId::kSeq2) AnswerTcp(probe);
  };
  ASSERT_TRUE(RunUntil(Kind::kRoundDone));
  EXPECT_EQ(host_.observation.lost_seq_answers(), 0);
  EXPECT_EQ(host_.observation.repeats_answered(), 0);
}

TEST_F(HostMachineTest, WithoutOpenPortOnlyFourKindsOfProbesGoAndAtOnce) {
  StartWithPorts(0, 443);
  config_.port_retries = 0;
  ASSERT_TRUE(RunUntil(Kind::kRoundDone));
  auto names = Names(sent_);
  names.resize(6);
  EXPECT_THAT(names, ::testing::ElementsAre("IE1", "IE2", "U1", "T5", "T6", "T7"));
  EXPECT_EQ(sent_.size(), 24U);
  EXPECT_EQ(sent_[0].at, begun_[0]);
  EXPECT_EQ(host_.state.max_span_ms, 0);
}

TEST_F(HostMachineTest, AGentleScanLeavesOutWhatUpsetsFragileDevices) {
  config_.gentle = true;
  StartWithPorts(80, 443);
  AnswerAll(kNsPerMs);
  ASSERT_TRUE(RunUntil(Kind::kRoundDone));
  for (const std::string& name : Names(sent_)) {
    EXPECT_TRUE(name != "T2" && name != "T3" && name != "T7") << name;
  }
  EXPECT_EQ(sent_.size(), 13U);
}

TEST_F(HostMachineTest, ALateAnswerEndsTheRepeats) {
  StartWithPorts(80, 443);
  on_probe = [this](ProbeId probe) {
    if (Index(probe) < 6) return AnswerTcp(probe);  // at once: the timeout becomes 100 ms
    if (probe != ProbeId::kIe1) return;
    After(130 * kNsPerMs, [this] { machine_.OnEcho(host_, 0, {.ip_id = 5}, now_); });
  };
  ASSERT_TRUE(RunUntil(Kind::kRoundDone));
  std::map<ProbeId, int> count;
  for (const Sent& s : Tests()) ++count[s.probe];
  EXPECT_EQ(count[ProbeId::kIe1], 1);
  EXPECT_EQ(count[ProbeId::kIe2], 4);
  EXPECT_TRUE(host_.observation.EchoFilled(0));
  // Its probe was no longer outstanding: no good for IP IDs.
  EXPECT_FALSE(host_.observation.echo(0).usable_for_ii);
}

TEST_F(HostMachineTest, AnAnswerThatRepeatsAnIpIdEndsTheWaitForIt) {
  StartWithPorts(80, 443);
  on_probe = [this](ProbeId probe) {
    if (Index(probe) >= 6) return;
    TcpAnswer answer = SynAck(7);
    answer.ip_id = 0x1234;
    machine_.OnTcp(host_, Index(probe), answer, now_);
  };
  ASSERT_TRUE(RunUntil(Kind::kRoundDone));
  EXPECT_EQ(NameOf(sent_[6]), "IE1");
  EXPECT_EQ(sent_[6].at - sent_[5].at, 25 * kNsPerMs);
}

TEST_F(HostMachineTest, AnswersOutsideTheirPhaseChangeNothing) {
  StartWithPorts(80, 443);
  EXPECT_FALSE(machine_.OnTcp(host_, 0, SynAck(1), now_));  // kPorts
  AnswerAll(kNsPerMs);
  ASSERT_TRUE(RunUntil(Kind::kRoundDone));
  const std::string before(reinterpret_cast<const char*>(&host_.observation),
                           sizeof host_.observation);
  EXPECT_FALSE(machine_.OnTcp(host_, 14, SynAck(9), now_));
  EXPECT_FALSE(machine_.OnEcho(host_, 0, {}, now_));
  EXPECT_FALSE(machine_.OnUnreachable(host_, {}, now_));
  EXPECT_FALSE(machine_.OnPort(host_.state, 22, PortState::kOpen, true, now_));
  EXPECT_EQ(before, std::string(reinterpret_cast<const char*>(&host_.observation),
                                sizeof host_.observation));
  EXPECT_EQ(host_.state.phase, Phase::kMatching);
}

// --- Spacing and refusals ----------------------------------------------------------------------

TEST_F(HostMachineTest, BadSpacingIsMeasuredAgainWithACap) {
  StartWithPorts(80, 443);
  AnswerAll(kNsPerMs);
  send_delay = 50 * kNsPerMs;  // every gap is 150 ms: more than the slack of 40
  ASSERT_TRUE(RunUntil(Kind::kRoundDone));
  EXPECT_EQ(begun_.size(), 1U + config_.max_remeasures);
  EXPECT_EQ(host_.state.serial, 3);
  EXPECT_EQ(host_.state.round, 0);
  EXPECT_EQ(host_.state.max_span_ms, 750);
  EXPECT_EQ(sent_.size(), 6U * 3 + 10);
}

TEST_F(HostMachineTest, ARoundThatIsThrownAwayLeavesNoSpanBehind) {
  StartWithPorts(80, 443);
  AnswerAll(kNsPerMs);
  const auto answer = on_probe;
  on_probe = [&](ProbeId probe) {
    send_delay = begun_.size() == 1 ? 80 * kNsPerMs : 0;
    answer(probe);
  };
  ASSERT_TRUE(RunUntil(Kind::kRoundDone));
  EXPECT_EQ(begun_.size(), 2U);
  EXPECT_EQ(host_.state.max_span_ms, 500);
}

TEST_F(HostMachineTest, ASpacingWithinTheSlackStands) {
  StartWithPorts(80, 443);
  AnswerAll(kNsPerMs);
  send_delay = 30 * kNsPerMs;
  ASSERT_TRUE(RunUntil(Kind::kRoundDone));
  EXPECT_EQ(begun_.size(), 1U);
}

TEST_F(HostMachineTest, ARefusedSequenceProbeCountsAsNotSentAndTheRoundIsMeasuredAgain) {
  StartWithPorts(80, 443);
  AnswerAll(kNsPerMs);
  const auto answer = on_probe;
  on_probe = [&](ProbeId probe) {
    if (begun_.size() == 1 && probe == ProbeId::kSeq3) return machine_.OnUnsent(host_, probe);
    answer(probe);
  };
  ASSERT_TRUE(RunUntil(Kind::kRoundDone));
  EXPECT_EQ(begun_.size(), 2U);
  EXPECT_TRUE(host_.observation.SeqSent(2));
}

TEST_F(HostMachineTest, ARefusedTestIsSentAgainAndDoesNotCount) {
  StartWithPorts(80, 443);
  int refusals = 0;
  on_probe = [&](ProbeId probe) {
    if (probe == ProbeId::kIe1 && ++refusals <= 5) machine_.OnUnsent(host_, probe);
  };
  ASSERT_TRUE(RunUntil(Kind::kRoundDone));
  EXPECT_EQ(refusals, 5 + 4);
  EXPECT_EQ(Tests().size(), 17U * 4 + 5);
}

TEST_F(HostMachineTest, ALinkThatRefusesEverythingComesToAnEnd) {
  StartWithPorts(80, 443);
  on_probe = [&](ProbeId probe) { machine_.OnUnsent(host_, probe); };
  ASSERT_TRUE(RunUntil(Kind::kRoundDone));
  EXPECT_FALSE(host_.state.spoke);
  EXPECT_LT(sent_.size(), 300U);
}

// --- Rounds ------------------------------------------------------------------------------------

TEST_F(HostMachineTest, RoundsPauseAsTheRulesWant) {
  StartWithPorts(80, 443);
  AnswerAll(kNsPerMs);
  std::vector<int64_t> pauses;
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(RunUntil(Kind::kRoundDone));
    const int64_t verdict = now_;
    EXPECT_EQ(host_.state.round, round);
    machine_.OnVerdict(host_.state, RoundVerdict::kNextRound, now_);
    EXPECT_EQ(host_.state.phase, Phase::kPause);
    ASSERT_TRUE(RunUntil(Kind::kBeginRound));
    pauses.push_back((now_ - verdict) / kNsPerMs);
  }
  EXPECT_THAT(pauses, ::testing::ElementsAre(1000, 1000, 2500, 1000, 1000));
  // What a round forgets and what it keeps.
  EXPECT_FALSE(host_.observation.SeqSent(0));
  EXPECT_FALSE(host_.observation.EchoFilled(0));
  EXPECT_EQ(host_.state.open_port, 80);
  EXPECT_EQ(host_.state.udp_closed, 32000);
  EXPECT_TRUE(host_.state.distance_known);
}

TEST_F(HostMachineTest, AFinishedHostIsNeverDueAgain) {
  StartWithPorts(80, 443);
  AnswerAll(kNsPerMs);
  ASSERT_TRUE(RunUntil(Kind::kRoundDone));
  machine_.OnVerdict(host_.state, RoundVerdict::kFinished, now_);
  EXPECT_EQ(host_.state.phase, Phase::kFinished);
  EXPECT_EQ(machine_.NextDue(host_), INT64_MAX);
}

// --- Ports -------------------------------------------------------------------------------------

TEST_F(HostMachineTest, SilentPortsAreTriedInGrowingBatchesWithRetries) {
  StartWithPorts(0, 0);
  ASSERT_TRUE(RunUntil(Kind::kBeginRound));
  // 4, 8 and the last 6; each batch twice, a timeout apart.
  std::vector<HostOrderPort> want;
  for (const auto& [first, count] : {std::pair{0, 4}, {4, 8}, {12, 6}}) {
    for (int pass = 0; pass < 2; ++pass) {
      want.insert(want.end(), ports_.begin() + first, ports_.begin() + first + count);
    }
  }
  std::vector<HostOrderPort> ports;
  for (const auto& [port, at] : ports_sent_) ports.push_back(port);
  EXPECT_EQ(ports, want);
  EXPECT_EQ(ports_sent_[4].second - ports_sent_[3].second, kNsPerSecond);
  EXPECT_EQ(ports_sent_[8].second - ports_sent_[7].second, kNsPerSecond);
  EXPECT_EQ(now_ - kStart, 6 * kNsPerSecond);
  EXPECT_EQ(ports_silent_, ports_);
}

TEST_F(HostMachineTest, OnlyPortsWhoseTimeIsOverAreSilent) {
  StartWithPorts(0, 0);
  on_port = [this](HostOrderPort port) {
    if (port == 443) machine_.OnPort(host_.state, port, PortState::kOpen, false, now_);
    if (port == 25) machine_.OnPort(host_.state, port, PortState::kClosed, false, now_);
  };
  ASSERT_TRUE(RunUntil(Kind::kBeginRound));
  // 25 is of the second batch, the rest of which had not been given up.
  EXPECT_EQ(ports_silent_, (std::vector<HostOrderPort>{80, 22, 21}));
}

TEST_F(HostMachineTest, TheLadderEndsWithOneOpenAndOneClosedPort) {
  StartWithPorts(0, 0);
  on_port = [this](HostOrderPort port) {
    const PortState state = port == 22 ? PortState::kOpen : PortState::kClosed;
    After(10 * kNsPerMs,
          [this, port, state] { machine_.OnPort(host_.state, port, state, true, now_); });
  };
  ASSERT_TRUE(RunUntil(Kind::kBeginRound));
  EXPECT_EQ(ports_sent_.size(), 4U);
  EXPECT_EQ(host_.state.open_port, 22);
  EXPECT_LE(now_ - kStart, 20 * kNsPerMs);
}

TEST_F(HostMachineTest, AnExhaustiveScanTakesTheLowestPorts) {
  config_.all_ports = true;
  StartWithPorts(0, 0);
  on_port = [this](HostOrderPort port) {
    machine_.OnPort(host_.state, port, port % 2 == 0 ? PortState::kOpen : PortState::kClosed, true,
                    now_);
  };
  ASSERT_TRUE(RunUntil(Kind::kBeginRound));
  EXPECT_EQ(ports_sent_.size(), ports_.size());
  EXPECT_EQ(host_.state.open_port, 22);
  EXPECT_EQ(host_.state.closed_port, 21);
}

TEST_F(HostMachineTest, AFilteredPortIsAnsweredButNoSignOfLife) {
  StartWithPorts(0, 0);
  on_port = [this](HostOrderPort port) {
    EXPECT_TRUE(machine_.OnPort(host_.state, port, PortState::kFiltered, false, now_));
    EXPECT_FALSE(machine_.OnPort(host_.state, port, PortState::kFiltered, false, now_));
  };
  ASSERT_TRUE(RunUntil(Kind::kBeginRound));
  EXPECT_EQ(ports_sent_.size(), ports_.size());  // none is repeated
  EXPECT_FALSE(host_.state.spoke);
  EXPECT_EQ(host_.state.rtt.srtt_us, -1);
}

TEST_F(HostMachineTest, ARefusedPortProbeIsSentAgainWithinItsBatch) {
  config_.port_retries = 0;
  StartWithPorts(0, 0);
  int refused = 0;
  on_port = [&](HostOrderPort port) {
    if (port == 443 && ++refused <= 3) machine_.OnPortUnsent(host_.state, port);
  };
  ASSERT_TRUE(RunUntil(Kind::kBeginRound));
  EXPECT_EQ(refused, 4);
  EXPECT_EQ(ports_sent_.size(), ports_.size() + 3);
}

TEST_F(HostMachineTest, EveryPortRefusedForEverComesToAnEnd) {
  StartWithPorts(0, 0);
  on_port = [&](HostOrderPort port) { machine_.OnPortUnsent(host_.state, port); };
  ASSERT_TRUE(RunUntil(Kind::kBeginRound));
  EXPECT_LT(ports_sent_.size(), 200U);
  EXPECT_TRUE(ports_silent_.empty());
}

TEST_F(HostMachineTest, RoundTripsOfPortsCountFromTheirOwnProbe) {
  StartWithPorts(0, 0);
  // A slow link: probes leave 100 ms apart, answers take 300 ms.
  on_port = [this](HostOrderPort port) {
    After(300 * kNsPerMs,
          [this, port] { machine_.OnPort(host_.state, port, PortState::kClosed, true, now_); });
    now_ += 100 * kNsPerMs;
  };
  ASSERT_TRUE(RunUntil(Kind::kBeginRound));
  EXPECT_EQ(host_.state.rtt.srtt_us, 300'000);
}

TEST_F(HostMachineTest, AnswersToDiscoveryAreNotTimed) {
  StartWithPorts(0, 0);
  on_port = [this](HostOrderPort port) {
    machine_.OnPort(host_.state, port, PortState::kClosed, false, now_ + kNsPerMs);
  };
  ASSERT_TRUE(RunUntil(Kind::kBeginRound));
  EXPECT_EQ(host_.state.rtt.srtt_us, -1);
}

TEST_F(HostMachineTest, OsScanLimitLeavesUnreliableHostsAlone) {
  config_.os_scan_limit = true;
  StartWithPorts(80, 0);
  EXPECT_TRUE(RunUntil(Kind::kNotMeasured));
  EXPECT_TRUE(sent_.empty());
  EXPECT_EQ(machine_.NextDue(host_), INT64_MAX);
}

TEST_F(HostMachineTest, KnownPortsAreNotProbedAgain) {
  StartWithPorts(80, 0);
  on_port = [this](HostOrderPort port) {
    EXPECT_NE(port, 80);
    machine_.OnPort(host_.state, port, PortState::kClosed, true, now_);
  };
  ASSERT_TRUE(RunUntil(Kind::kBeginRound));
  EXPECT_EQ(host_.state.closed_port, 443);
}

}  // namespace
}  // namespace osprey::engine
