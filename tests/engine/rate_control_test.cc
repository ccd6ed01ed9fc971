// SPDX-License-Identifier: Apache-2.0
// The controller against a model link: capacity, a queue, ambient loss and feedback that comes
// late, in simulated time and without chance.
#include "engine/rate_control.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>

namespace osprey {
namespace {

constexpr int64_t kStep = 10 * kNsPerMs;

struct LinkOptions {
  double capacity = 1e9;         // packets per second
  double queue_s = 0.02;         // of the capacity, in seconds
  double answering = 0.2;        // share of probes that live hosts get
  double sequence = 0.3;         // share of these that are SEQ probes
  double ambient = 0;            // share lost whatever the rate
  bool refuses = false;          // what does not fit is refused by the kernel instead of lost
  bool delays = false;           // what waits in the queue shows in round trips
  double capture = 1e9;          // replies per second that this machine can take
  double wanted = 1e9;           // packets per second that the scan has to send
  double limiter = 1e9;          // packets per second above which a firewall says "prohibited"
  double always_prohibited = 0;  // share of probes that a firewall refuses at any rate
};

// Repeats of what was lost leave 400 ms later; answers take 20 ms.
class ModelLink {
 public:
  explicit ModelLink(const LinkOptions& options) : options_(options) {}
  LinkOptions& options() { return options_; }

  void Run(RateController& controller, int64_t& now, double seconds) {
    const int64_t end = now + static_cast<int64_t>(seconds * 1e9);
    while (now < end) {
      now += kStep;
      Send(std::min(controller.rate(), options_.wanted) * 0.01, now);
      Receive(now);
      highest_ = std::max(highest_, controller.rate());
      controller.Update(Sample(), now);
    }
  }

  double sent() const { return sent_; }
  double lost() const { return lost_ + refused_ + drops_; }
  double highest() const { return highest_; }

 private:
  struct Later {
    int64_t when = 0;
    int attempt = 0;  // 1: of probes to live hosts, to be sent now; 0: answers arrive
    double probes = 0;
    double first = 0, second = 0, rest = 0;
  };

  struct Sequence {
    int64_t when = 0;
    double probes = 0;
    double lost = 0;  // share
  };

  void Send(double packets, int64_t now) {
    sent_ += packets;
    const double limited = std::max(0.0, packets - options_.limiter * 0.01);
    prohibited_ += limited + options_.always_prohibited * packets;
    const double room = options_.capacity * (0.01 + options_.queue_s) - held_;
    const double taken = std::clamp(packets, 0.0, std::max(0.0, room));
    held_ = std::max(0.0, held_ + taken - options_.capacity * 0.01);
    const double over = packets - taken;
    (options_.refuses ? refused_ : lost_) += over;
    const double share = packets > 0 && !options_.refuses ? (over + limited) / packets : 0;
    loss_ = 1 - (1 - share) * (1 - options_.ambient);
    const double live = packets * options_.answering;
    const double wait_us = options_.delays ? held_ / options_.capacity * 1e6 : 0;
    waits_us_.push_back(wait_us);
    if (waits_us_.size() > 10) {
      CountPairs(live * options_.sequence * (1 - loss_), wait_us - waits_us_.front());
      waits_us_.pop_front();
    }
    sequence_.push_back({now + 200 * kNsPerMs, live * options_.sequence, loss_});
    Probe(0, live * (1 - options_.sequence), now);
  }

  // Answers to SEQ probes whose round trips are longer by so much than 100 ms ago.
  void CountPairs(double pairs, double growth_us) {
    pairs_ += pairs;
    (growth_us > 0 ? grown_us_ : shrunk_us_) += pairs * std::abs(growth_us);
  }

  // The attempt-th repeat of `probes` meets the loss of now.
  void Probe(int attempt, double probes, int64_t now) {
    if (attempt == 0) live_probes_ += probes;
    Later answers{.when = now + 20 * kNsPerMs};
    (attempt == 0   ? answers.first
     : attempt == 1 ? answers.second
                    : answers.rest) = probes * (1 - loss_);
    later_.push_back(answers);
    if (attempt < 3) {
      later_.push_back(
          {.when = now + 400 * kNsPerMs, .attempt = attempt + 1, .probes = probes * loss_});
    }
  }

  void Receive(int64_t now) {
    double answers = 0;
    for (; !sequence_.empty() && sequence_.front().when <= now; sequence_.pop_front()) {
      const Sequence& due = sequence_.front();
      sequence_due_ += due.probes;
      sequence_kept_ += due.probes * (1 - due.lost);
      answers += due.probes * (1 - due.lost);
    }
    for (size_t n = later_.size(); n > 0; --n) {
      const Later later = later_.front();
      later_.pop_front();
      if (later.when > now) {
        later_.push_back(later);
      } else if (later.attempt > 0) {
        Probe(later.attempt, later.probes, now);
      } else {
        first_ += later.first;
        second_ += later.second;
        answers += later.first + later.second + later.rest;
      }
    }
    const double taken = std::min(answers, options_.capture * 0.01);
    replies_ += taken;
    drops_ += answers - taken;
  }

  RateSample Sample() const {
    const auto whole = [](double value) { return static_cast<uint64_t>(value); };
    return {.sent = whole(sent_),
            .refused = whole(refused_),
            .replies = whole(replies_),
            .capture_drops = whole(drops_),
            .live_probes = whole(live_probes_),
            .live_answers = whole(first_),
            .sequence_due = whole(sequence_due_),
            .sequence_kept = whole(sequence_kept_),
            .answered_first = whole(first_),
            .answered_second = whole(second_),
            .prohibited = whole(prohibited_),
            .delay_pairs = whole(pairs_),
            .delay_grown_us = whole(grown_us_),
            .delay_shrunk_us = whole(shrunk_us_)};
  }

  LinkOptions options_;
  std::deque<Later> later_;
  std::deque<Sequence> sequence_;
  std::deque<double> waits_us_;
  double pairs_ = 0, grown_us_ = 0, shrunk_us_ = 0;
  double sequence_due_ = 0, sequence_kept_ = 0;
  double held_ = 0, sent_ = 0, lost_ = 0, refused_ = 0, replies_ = 0, drops_ = 0;
  double first_ = 0, second_ = 0, live_probes_ = 0, prohibited_ = 0, highest_ = 0, loss_ = 0;
};

struct Measured {
  double rate = 0;  // mean
  double loss = 0;  // share
};

Measured Measure(ModelLink& link, RateController& controller, int64_t& now, double seconds) {
  const double sent = link.sent(), lost = link.lost();
  link.Run(controller, now, seconds);
  return {(link.sent() - sent) / seconds, (link.lost() - lost) / (link.sent() - sent)};
}

class LinkCapacity : public testing::TestWithParam<double> {};

TEST_P(LinkCapacity, IsFoundWithinATenthAndHardlyAnythingIsLost) {
  ModelLink link({.capacity = GetParam()});
  int64_t now = kNsPerSecond;
  RateController controller({}, now);
  link.Run(controller, now, 8);
  const Measured steady = Measure(link, controller, now, 60);
  EXPECT_GT(steady.rate, 0.9 * GetParam());
  EXPECT_LT(steady.rate, 1.02 * GetParam());
  // The price of looking; where little is answered, loss must be larger to be seen.
  EXPECT_LT(steady.loss, GetParam() < 2e4 ? 0.03 : 0.02);
}

TEST_P(LinkCapacity, IsFoundThroughTheKernelsRefusalsToo) {
  ModelLink link({.capacity = GetParam(), .answering = 0, .refuses = true});
  int64_t now = kNsPerSecond;
  RateController controller({}, now);
  link.Run(controller, now, 8);
  const Measured steady = Measure(link, controller, now, 60);
  EXPECT_GT(steady.rate, 0.9 * GetParam());
  EXPECT_LT(steady.loss, 0.015);
}

TEST_P(LinkCapacity, IsBackWithinFiveSecondsAfterCongestion) {
  for (const double squeeze : {0.5, 0.2, 0.1}) {
    ModelLink link({.capacity = GetParam()});
    int64_t now = kNsPerSecond;
    RateController controller({}, now);
    link.Run(controller, now, 12);
    link.options().capacity = squeeze * GetParam();
    link.Run(controller, now, 4);  // time to notice
    const Measured congested = Measure(link, controller, now, 10);
    EXPECT_GT(congested.rate, 0.8 * squeeze * GetParam()) << squeeze;
    EXPECT_LT(congested.rate, 1.1 * squeeze * GetParam()) << squeeze;
    EXPECT_LT(congested.loss, 0.08) << squeeze;
    link.options().capacity = GetParam();
    link.Run(controller, now, 5);
    const Measured after = Measure(link, controller, now, 10);
    EXPECT_GT(after.rate, 0.9 * GetParam()) << squeeze;
  }
}

// Where round trips tell of the queue before it overflows, the looks beyond cost next to nothing.
TEST_P(LinkCapacity, IsFoundWithHardlyAnyLossWhereAQueueTells) {
  ModelLink link({.capacity = GetParam(), .queue_s = 0.1, .delays = true});
  int64_t now = kNsPerSecond;
  RateController controller({}, now);
  link.Run(controller, now, 8);
  const Measured steady = Measure(link, controller, now, 60);
  EXPECT_GT(steady.rate, 0.93 * GetParam());
  EXPECT_LT(steady.rate, 1.01 * GetParam());
  EXPECT_LT(steady.loss, 0.002);
  link.options().capacity = 0.2 * GetParam();
  link.Run(controller, now, 3);
  const Measured congested = Measure(link, controller, now, 10);
  EXPECT_GT(congested.rate, 0.9 * 0.2 * GetParam());
  EXPECT_LT(congested.loss, GetParam() < 2e4 ? 0.05 : 0.01);  // fewer answers, longer windows
  link.options().capacity = GetParam();
  link.Run(controller, now, 5);
  EXPECT_GT(Measure(link, controller, now, 10).rate, 0.9 * GetParam());
}

INSTANTIATE_TEST_SUITE_P(SlowToFast, LinkCapacity, testing::Values(1e4, 5e4, 1e6));

// One cut goes to a sixteenth of the best rate at most, but not for ever.
TEST(RateController, APathThatStaysAHundredTimesSlowerIsBelieved) {
  ModelLink link({.capacity = 1e5});
  int64_t now = kNsPerSecond;
  RateController controller({}, now);
  link.Run(controller, now, 12);
  link.options().capacity = 1e3;
  link.Run(controller, now, 60);
  EXPECT_LT(Measure(link, controller, now, 20).rate, 2000);
}

TEST(RateController, LosesLittleOnTheWayUp) {
  ModelLink link({.capacity = 50'000});
  int64_t now = kNsPerSecond;
  RateController controller({}, now);
  link.Run(controller, now, 5);
  EXPECT_LT(link.highest(), 4.1 * 50'000);  // two doublings before the news arrives
  EXPECT_LT(link.lost(), 50'000.0);         // a second's worth
}

TEST(RateController, ASlowMachineIsNotOverrunWithReplies) {
  ModelLink link({.answering = 0.5, .capture = 20'000});
  int64_t now = kNsPerSecond;
  RateController controller({}, now);
  link.Run(controller, now, 8);
  const Measured steady = Measure(link, controller, now, 30);
  EXPECT_GT(steady.rate, 0.9 * 40'000);
  EXPECT_LT(steady.loss, 0.01);
}

TEST(RateController, NeverExceedsTheHighestRate) {
  ModelLink link({});
  int64_t now = kNsPerSecond;
  RateController controller({.highest = 12'345}, now);
  link.Run(controller, now, 20);
  EXPECT_EQ(link.highest(), 12'345);
  EXPECT_EQ(controller.rate(), 12'345);
  RateController low({.start = 1000, .highest = 200}, now);
  EXPECT_EQ(low.rate(), 200);
}

TEST(RateController, WhereNothingGetsThroughItStaysNearTheLowestRate) {
  ModelLink link({.capacity = 1});
  int64_t now = kNsPerSecond;
  RateController controller({.lowest = 100}, now);
  link.Run(controller, now, 5);
  EXPECT_LT(Measure(link, controller, now, 30).rate, 300);  // it looks whether that has changed
  EXPECT_GE(controller.rate(), 100);
  EXPECT_LE(link.highest(), 1000);
}

// Few answers a window: the limit is found less exactly.
TEST(RateController, FindsASlowLinkToo) {
  ModelLink link({.capacity = 1000});
  int64_t now = kNsPerSecond;
  RateController controller({}, now);
  link.Run(controller, now, 15);
  const Measured steady = Measure(link, controller, now, 60);
  EXPECT_GT(steady.rate, 750);
  EXPECT_LT(steady.loss, 0.2);
}

// No host has an open port, so nothing but repeats tells of loss, and that late.
TEST(RateController, RepeatsAloneAreEnough) {
  ModelLink link({.capacity = 50'000, .sequence = 0});
  int64_t now = kNsPerSecond;
  RateController controller({}, now);
  link.Run(controller, now, 15);
  const Measured steady = Measure(link, controller, now, 60);
  EXPECT_GT(steady.rate, 0.8 * 50'000);
  EXPECT_LT(steady.loss, 0.06);
}

TEST(RateController, LossThatTheRateDoesNotCauseIsNoReasonToStop) {
  for (const double ambient : {0.01, 0.05, 0.19}) {
    ModelLink link({.capacity = 50'000, .ambient = ambient});
    int64_t now = kNsPerSecond;
    RateController controller({}, now);
    link.Run(controller, now, 20);
    const Measured steady = Measure(link, controller, now, 60);
    EXPECT_GT(steady.rate, 0.85 * 50'000) << ambient;
    EXPECT_LT(steady.loss, 0.04) << ambient;  // beyond the ambient part
  }
}

TEST(RateController, AFirewallThatLimitsUsIsObeyed) {
  ModelLink link({.limiter = 8'000});
  int64_t now = kNsPerSecond;
  RateController controller({}, now);
  link.Run(controller, now, 10);
  const Measured steady = Measure(link, controller, now, 30);
  EXPECT_GT(steady.rate, 0.85 * 8'000);
  EXPECT_LT(steady.rate, 1.05 * 8'000);
}

TEST(RateController, AFirewallThatAlwaysSaysNoIsNot) {
  ModelLink link({.capacity = 50'000, .always_prohibited = 0.1});
  int64_t now = kNsPerSecond;
  RateController controller({}, now);
  link.Run(controller, now, 15);
  EXPECT_GT(Measure(link, controller, now, 30).rate, 0.85 * 50'000);
}

TEST(RateController, ARateThatIsNotUsedIsNotRaised) {
  ModelLink link({.wanted = 5'000});
  int64_t now = kNsPerSecond;
  RateController controller({}, now);
  link.Run(controller, now, 30);
  EXPECT_LE(controller.rate(), 8'000.0);
}

TEST(RateController, WhatHostsAnswerMayVaryWithThePhaseTheyAreIn) {
  int64_t now = kNsPerSecond;
  RateController controller({}, now);
  RateSample total;
  for (int i = 0; i < 200; ++i) {
    now += 200 * kNsPerMs;
    total.sent += static_cast<uint64_t>(controller.rate() / 5);
    total.live_probes += 1000;
    const uint64_t answers = i % 12 < 6 ? 1000 : i % 12 < 10 ? 450 : 100;
    total.live_answers += answers;
    total.answered_first += answers;
    controller.Update(total, now);
  }
  EXPECT_EQ(controller.decreases(), 0u);
}

TEST(RateController, RepeatsOfWhatWasLostLongAgoAreNoLoss) {
  int64_t now = kNsPerSecond;
  RateController controller({}, now);
  RateSample total;
  for (int i = 0; i < 100; ++i) {
    now += 200 * kNsPerMs;
    total.sent += static_cast<uint64_t>(controller.rate() / 5);
    total.live_probes += 120;
    total.live_answers += 110;
    total.answered_first += 110;
    total.answered_second += i < 20 ? 0 : 30;  // while first transmissions are answered as ever
    controller.Update(total, now);
  }
  EXPECT_EQ(controller.decreases(), 0u);
}

TEST(RateController, AFewRepeatsAreChance) {
  int64_t now = kNsPerSecond;
  RateController controller({}, now);
  RateSample total;
  for (int i = 0; i < 20; ++i) {
    now += 200 * kNsPerMs;
    total.sent += static_cast<uint64_t>(controller.rate() / 5);
    total.answered_first += 30;
    total.answered_second += 1;
    controller.Update(total, now);
  }
  EXPECT_EQ(controller.decreases(), 0u);
}

TEST(RateController, DecidesOncePerWindowHoweverOftenItIsAsked) {
  int64_t now = kNsPerSecond;
  RateController controller({}, now);
  RateSample total;
  for (int i = 0; i < 100; ++i) {
    now += kNsPerMs;
    total.sent += 1;
    controller.Update(total, now);
  }
  EXPECT_EQ(controller.rate(), 1000);
}

}  // namespace
}  // namespace osprey
