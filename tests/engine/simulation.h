// SPDX-License-Identifier: Apache-2.0
#pragma once
// A scan in simulated time: the objects of a real one (engine/scan.h) on a network, a disk and a
// clock in memory, driven by one thread. Shared by the tests of whole scans.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "db/compile.h"
#include "engine/journal_reader.h"
#include "engine/scan.h"
#include "io/writers/record_json.h"
#include "matcher/matcher.h"
#include "tests/testing/memory_sink.h"
#include "tests/testing/simulated_network.h"

namespace osprey::engine {

inline TargetSet TargetsOf(const std::vector<std::string>& expressions) {
  TargetSetBuilder builder;
  for (const std::string& text : expressions) OSPREY_CHECK(builder.Add(text).ok());
  auto targets = builder.Build({});
  OSPREY_CHECK(targets.ok());
  return *std::move(targets);
}

inline const matcher::Matcher& SimulatedMatcher() {
  static const matcher::Matcher* const matcher = [] {
    std::vector<db::Diagnostic> diagnostics;
    auto image = db::ImageFromText(testing::SimulatedDatabase(), "simulated", &diagnostics);
    OSPREY_CHECK(image.ok() && diagnostics.empty());
    return new matcher::Matcher(*std::move(image));
  }();
  return *matcher;
}

// What is the same for all scans of a test.
struct World {
  explicit World(const std::vector<std::string>& targets_text,
                 const testing::SimulatedNetworkOptions& options)
      : targets(TargetsOf(targets_text)), network(options, clock) {}

  FakeClock clock;
  TargetSet targets;
  testing::SimulatedNetwork network;

  ScanInputs Inputs() {
    ScanInputs inputs;
    inputs.clock = &clock;
    inputs.network = &network;
    inputs.matcher = &SimulatedMatcher();
    inputs.targets = &targets;
    inputs.ports = {80, 443, 22, 445, 135, 8080};
    inputs.steps = {{ProbeKind::kSyn, 443},
                    {ProbeKind::kEcho, 0},
                    {ProbeKind::kSyn, 80},
                    {ProbeKind::kAck, 80}};
    inputs.seed = 0x5EED;
    inputs.max_hosts = 4096;
    return inputs;
  }

  std::set<uint32_t> Live() const {
    std::set<uint32_t> live;
    for (uint64_t i = 0; i < targets.size(); ++i) {
      if (network.Nature(targets.At(i)).alive) live.insert(targets.At(i).host_order);
    }
    return live;
  }

  // One turn of the scan, or a jump of the clock to the next moment at which anything happens.
  void Turn(Scan& scan) {
    if (scan.Step()) return;
    const int64_t next = std::min(scan.NextDeadline(), network.wire().NextDeliveryNs());
    clock.SetMonotonic(std::max(next, clock.MonotonicNs() + 1));
  }
};

inline std::unique_ptr<Scan> MakeScan(ScanInputs inputs) {
  auto scan = Scan::Create(std::move(inputs));
  OSPREY_CHECK(scan.ok());
  return *std::move(scan);
}

// The addresses of the journal's records, in file order, repeated ones as often as they are there.
inline std::vector<uint32_t> JournalAddresses(testing::MemoryJournal& file) {
  std::vector<uint32_t> addresses;
  const auto visit = [&](const JournalLine& line) -> absl::Status {
    const auto record = io::ParseRecord(line.text);
    if (!record.ok()) return record.status();
    addresses.push_back(testing::Addr(record->address).host_order);
    return absl::OkStatus();
  };
  EXPECT_TRUE(ForEachLine(file, file.length(), visit).ok());
  return addresses;
}

}  // namespace osprey::engine
