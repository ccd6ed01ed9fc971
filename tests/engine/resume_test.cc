// SPDX-License-Identifier: Apache-2.0
// A scan that is stopped dead at any moment and taken up again loses no host and writes none
// twice (design decisions 18 and 19): after any number of turns, and at every moment around a
// write, a sync and a checkpoint; with another number of lanes; several times in a row; and when
// the output fails.

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "base/status_macros.h"
#include "tests/engine/plan_testing.h"
#include "tests/engine/simulation.h"

namespace osprey::engine {
namespace {

using testing::MemoryJournal;
using testing::MemorySink;

// OS probes are lost, everything is doubled, late and out of order; but no host stays unheard.
testing::SimulatedNetworkOptions Network() {
  testing::SimulatedNetworkOptions options;
  options.alive_share = 0.15;
  options.last_on_link = Ipv4Addr{0x0A01001F};
  options.os_loss = 0.02;
  options.wire.outbound = {.jitter_ns = 2 * kNsPerMs, .duplication = 0.02, .reordering = 0.1};
  options.wire.inbound = {.jitter_ns = 2 * kNsPerMs,
                          .duplication = 0.02,
                          .reordering = 0.1,
                          .late = 0.05,
                          .late_ns = 800 * kNsPerMs};
  return options;
}

// One process of the scan: from what the disk holds to the end or to its death.
struct Leg {
  uint32_t lanes = 1;
  std::optional<uint64_t> kill_after_turns{};
  std::optional<uint64_t> kill_at_moment{};  // see MemorySink::SnapshotAt
  uint64_t survivors = 0;                  // bytes that were not synced and are there all the same
  std::optional<uint64_t> fail_at_call{};  // of the sink
  // Everybody answers this one, so nobody who was forgotten is found again by a later step.
  std::vector<DiscoveryStep> steps{{ProbeKind::kSyn, 443}};
};

struct LegResult {
  bool finished = false;
  absl::Status status;
  uint64_t turns = 0;
  uint64_t moments = 0;
  uint64_t calls = 0;
  uint64_t start = 0;              // position it began at
  std::set<uint32_t> done_before;  // indexes in the journal when it began
};

class ResumeTest : public ::testing::Test {
 protected:
  // `disk` is left as the death left it.
  LegResult Run(World& world, MemoryJournal& disk, const Leg& leg) {
    LegResult out;
    const uint64_t earlier = Resume(disk, out);
    MemorySink sink(disk, SimulatedMatcher().image(), earlier);
    if (leg.kill_at_moment) sink.SnapshotAt(*leg.kill_at_moment, leg.survivors);
    if (leg.fail_at_call) sink.FailAt(*leg.fail_at_call, absl::DataLossError("disk full"));
    const std::vector<uint32_t> done(out.done_before.begin(), out.done_before.end());
    ScanInputs inputs = world.Inputs();
    inputs.sink = &sink;
    inputs.lanes = leg.lanes;
    inputs.start_position = out.start;
    inputs.done = done;
    inputs.steps = leg.steps;
    // Slow enough for the low-water mark to climb while the scan goes on.
    inputs.rate.packets_per_second = 300;
    inputs.max_hosts = 64;
    inputs.sync_interval_ns = 200 * kNsPerMs;
    // Shorter than a host takes, or every host would be written before the mark comes near it.
    inputs.reply_window_ns = kNsPerSecond;
    auto scan = MakeScan(inputs);
    const auto dead = [&] {
      return sink.snapshot().has_value() ||
             (leg.kill_after_turns && out.turns >= *leg.kill_after_turns);
    };
    while (!scan->finished() && !dead()) {
      world.Turn(*scan);
      ++out.turns;
    }
    if (!dead()) {
      out.status = scan->Finish();
      out.finished = !dead();
    }
    if (sink.snapshot()) {
      disk = *sink.snapshot();
    } else if (!out.finished) {
      disk.Kill(leg.survivors);
    }
    out.moments = sink.moments();
    out.calls = sink.calls();
    for (const auto& [address, verdict] : sink.verdicts()) {
      EXPECT_FALSE(out.done_before.contains(*world.targets.IndexOf({address})))
          << "measured again: " << Ipv4Addr{address}.ToString();
    }
    return out;
  }

  // What a program that is started with --resume does. Returns the number of records kept.
  uint64_t Resume(MemoryJournal& disk, LegResult& out) {
    const auto text = disk.LoadCheckpoint();
    if (!text.ok()) {
      // It died before it promised anything.
      EXPECT_TRUE(disk.Truncate(0).ok());
      return 0;
    }
    const auto checkpoint = ParseCheckpoint(*text);
    EXPECT_TRUE(checkpoint.ok());
    EXPECT_TRUE(Journal::Resume(disk, *checkpoint, [&](const io::RecordKey& key) {
                  EXPECT_TRUE(out.done_before.insert(static_cast<uint32_t>(key.index)).second);
                }).ok());
    EXPECT_EQ(out.done_before.size(), checkpoint->records);
    out.start = checkpoint->low_water;
    return checkpoint->records;
  }

  void ExpectEachLiveHostOnce(const World& world, MemoryJournal& disk) {
    std::vector<uint32_t> written = JournalAddresses(disk);
    std::sort(written.begin(), written.end());
    const std::set<uint32_t> live = world.Live();
    EXPECT_EQ(written, std::vector<uint32_t>(live.begin(), live.end()));
  }

  std::vector<std::string> targets_ = {"10.1.0.0/25", "10.1.3.0-10.1.3.127"};
};

TEST_F(ResumeTest, AnUndisturbedScanFindsEachLiveHostOnce) {
  World world(targets_, Network());
  MemoryJournal disk;
  const LegResult whole = Run(world, disk, {});
  EXPECT_TRUE(whole.finished && whole.status.ok());
  ExpectEachLiveHostOnce(world, disk);
  EXPECT_GT(world.Live().size(), 20U);
  const auto checkpoint = ParseCheckpoint(*disk.LoadCheckpoint());
  ASSERT_TRUE(checkpoint.ok());
  EXPECT_EQ(checkpoint->low_water, 2 * world.targets.size());  // two passes, because of ARP
}

TEST_F(ResumeTest, AKillAfterAnyNumberOfTurnsLosesNothing) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  uint64_t turns = 0;
  {
    World world(targets_, Network());
    MemoryJournal disk;
    turns = Run(world, disk, {}).turns;
  }
  for (int i = 0; i < 300; ++i) {
    const uint64_t kill = i < 20 ? static_cast<uint64_t>(i) : random() % turns;
    SCOPED_TRACE(kill);
    World world(targets_, Network());
    MemoryJournal disk;
    const LegResult first =
        Run(world, disk, {.kill_after_turns = kill, .survivors = random() % 3 * 400});
    EXPECT_FALSE(first.finished);
    const LegResult second = Run(world, disk, {});
    EXPECT_TRUE(second.finished && second.status.ok());
    ExpectEachLiveHostOnce(world, disk);
    if (HasFailure()) return;
  }
}

TEST_F(ResumeTest, AKillAroundAnyWriteSyncOrCheckpointLosesNothing) {
  uint64_t moments = 0;
  {
    World world(targets_, Network());
    MemoryJournal disk;
    moments = Run(world, disk, {}).moments;
  }
  ASSERT_GT(moments, 80U);
  for (uint64_t moment = 0; moment < moments; ++moment) {
    SCOPED_TRACE(moment);
    World world(targets_, Network());
    MemoryJournal disk;
    Run(world, disk, {.kill_at_moment = moment, .survivors = moment % 4 * 333});
    const LegResult second = Run(world, disk, {});
    EXPECT_TRUE(second.finished && second.status.ok());
    ExpectEachLiveHostOnce(world, disk);
    if (HasFailure()) return;
  }
}

TEST_F(ResumeTest, ManyKillsInARowWithChangingLanesLoseNothing) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  uint64_t resumed_above_zero = 0;
  uint64_t turns = 0;
  {
    World world(targets_, Network());
    MemoryJournal disk;
    turns = Run(world, disk, {}).turns;
  }
  const std::vector<DiscoveryStep> all_steps = {
      {ProbeKind::kSyn, 443}, {ProbeKind::kEcho, 0}, {ProbeKind::kSyn, 80}, {ProbeKind::kAck, 80}};
  for (int i = 0; i < 40; ++i) {
    SCOPED_TRACE(i);
    World world(targets_, Network());
    MemoryJournal disk;
    for (int kills = 0; kills < 5; ++kills) {
      Leg leg;
      leg.lanes = 1 + static_cast<uint32_t>(random() % 4);
      leg.survivors = random() % 2000;
      if (i % 4 == 0) leg.steps = all_steps;
      leg.kill_after_turns = random() % turns;
      if (Run(world, disk, leg).start > 0) ++resumed_above_zero;
    }
    Leg rest{.lanes = 3};
    if (i % 4 == 0) rest.steps = all_steps;
    const LegResult last = Run(world, disk, rest);
    EXPECT_TRUE(last.finished && last.status.ok());
    ExpectEachLiveHostOnce(world, disk);
    if (HasFailure()) return;
  }
  EXPECT_GT(resumed_above_zero, 60U);  // so the low-water mark was put to the test
}

TEST_F(ResumeTest, AnOutputThatFailsKeepsWhatWasWrittenAndSettlesNothingElse) {
  uint64_t calls = 0;
  {
    World world(targets_, Network());
    MemoryJournal disk;
    calls = Run(world, disk, {.lanes = 2}).calls;
  }
  for (uint64_t call = 0; call < calls; ++call) {
    SCOPED_TRACE(call);
    World world(targets_, Network());
    MemoryJournal disk;
    const LegResult first = Run(world, disk, {.lanes = 2, .fail_at_call = call});
    EXPECT_TRUE(first.finished);
    EXPECT_EQ(first.status.code(), absl::StatusCode::kDataLoss);
    EXPECT_GE(disk.text().size(), disk.durable());
    const LegResult second = Run(world, disk, {});
    EXPECT_TRUE(second.finished && second.status.ok());
    ExpectEachLiveHostOnce(world, disk);
    if (HasFailure()) return;
  }
}

TEST_F(ResumeTest, AStoppedScanFinishesItsHostsAndIsTakenUpAgain) {
  for (const bool abandon : {false, true}) {
    for (uint64_t stop = 50; stop < 3000; stop += 450) {
      SCOPED_TRACE(stop);
      World world(targets_, Network());
      MemoryJournal disk;
      {
        MemorySink sink(disk, SimulatedMatcher().image());
        ScanInputs inputs = world.Inputs();
        inputs.sink = &sink;
        auto scan = MakeScan(inputs);
        const LaneCounters& c = scan->lanes()[0]->counters();
        uint64_t started = 0;  // when it was stopped; there is room for every host that shows life
        for (uint64_t turn = 0; !scan->finished(); ++turn) {
          if (turn == stop) {
            started = c[LaneCounter::kHostsMatched] + scan->lanes()[0]->in_flight();
            abandon ? scan->Abandon() : scan->Stop();
          }
          world.Turn(*scan);
        }
        EXPECT_TRUE(scan->Finish().ok());
        EXPECT_EQ(c[LaneCounter::kHostsAdmitted],
                  c[LaneCounter::kHostsMatched] + c[LaneCounter::kHostsAbandoned]);
        if (!abandon) {
          EXPECT_EQ(c[LaneCounter::kHostsMatched], started);
        }
      }
      const LegResult second = Run(world, disk, {.lanes = 2});
      EXPECT_TRUE(second.finished && second.status.ok());
      ExpectEachLiveHostOnce(world, disk);
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace osprey::engine
