// SPDX-License-Identifier: Apache-2.0
// The real threads of a scan, on the real clock: capture, two lanes, two matcher shards and the
// writer, over rings in memory that a lock guards. Its worth is in a ThreadSanitizer build.

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "tests/engine/simulation.h"

namespace osprey::engine {
namespace {

using testing::Bytes;
using testing::HostNature;
using testing::MemoryJournal;
using testing::MemorySink;
using testing::SeenProbe;

constexpr uint64_t kSeed = 3;
constexpr double kAlive = 0.5;
constexpr Ipv4Addr kScanner = testing::SimulatedNetwork::kScanner;

// What the rings of all lanes and the capture ring share. Any thread.
class SharedWire final : private io::ReplySink {
 public:
  void Send(std::span<const std::byte> frame) {
    const std::lock_guard lock(mutex_);
    const SeenProbe probe(frame, io::LinkLayer::kEthernet);
    const HostNature nature = testing::NatureOf(kSeed, probe.ip.destination, kAlive, false);
    if (!nature.alive) return;
    testing::AnswerAs(nature, kSeed, probe, Clock::Real().MonotonicNs(),
                      ip_ids_[probe.ip.destination.host_order], *this);
  }
  size_t Take(int timeout_ms, size_t max, std::vector<std::pair<Bytes, int64_t>>& out) {
    std::unique_lock lock(mutex_);
    if (inbound_.empty()) arrived_.wait_for(lock, std::chrono::milliseconds(timeout_ms));
    while (!inbound_.empty() && out.size() < max) {
      out.push_back(std::move(inbound_.front()));
      inbound_.pop_front();
    }
    return out.size();
  }
  void Break() { arrived_.notify_all(); }

 private:
  void Reply(std::span<const std::byte> frame, int64_t) override {
    inbound_.emplace_back(Bytes(frame.begin(), frame.end()), Clock::Real().RealtimeNs());
    arrived_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::pair<Bytes, int64_t>> inbound_;
  std::map<uint32_t, uint16_t> ip_ids_;
};

// A base of its own, so that the buffers are there before the ring.
struct Slab {
  explicit Slab(size_t bytes) : slab_bytes(bytes) {}
  std::vector<std::byte> slab_bytes;
};

class SharedSendRing final : private Slab, public io::SendRing {
 public:
  static constexpr size_t kSlots = 64;

  explicit SharedSendRing(SharedWire& wire)
      : Slab(kSlots * kFrameBytes),
        SendRing(io::LinkLayer::kEthernet, slab_bytes.data(), kSlots),
        wire_(wire) {}

  std::string_view name() const override { return "shared"; }
  size_t Submit(std::span<const io::SendEntry> frames) override {
    for (const io::SendEntry& frame : frames) {
      wire_.Send({slab_ + size_t{frame.slot} * kFrameBytes, frame.length});
      Release(frame.slot);
    }
    return frames.size();
  }
  size_t Reap(std::span<io::SendCompletion>) override { return 0; }

 private:
  SharedWire& wire_;
};

class SharedCaptureRing final : public io::CaptureRing {
 public:
  explicit SharedCaptureRing(SharedWire& wire) : wire_(wire) {}

  std::string_view name() const override { return "shared"; }
  io::LinkLayer link_layer() const override { return io::LinkLayer::kEthernet; }
  size_t Poll(int timeout_ms, size_t max,
              absl::FunctionRef<void(const io::FrameView&)> sink) override {
    std::vector<std::pair<Bytes, int64_t>> frames;
    wire_.Take(timeout_ms, max, frames);
    for (const auto& [bytes, stamp] : frames) {
      sink({.bytes = bytes,
            .wire_length = static_cast<uint32_t>(bytes.size()),
            .realtime_ns = stamp});
    }
    return frames.size();
  }
  void Break() override { wire_.Break(); }
  io::CaptureCounters Counters() override { return {}; }

 private:
  SharedWire& wire_;
};

class SharedNetwork final : public Network {
 public:
  SharedNetwork() {
    link_.name = "shared0";
    link_.mac = MacAddr{{2, 0, 0, 0, 0, 2}};
    link_.sources = {kScanner};
  }
  size_t link_count() const override { return 1; }
  const LinkInfo& link(size_t) const override { return link_; }
  Path PathTo(Ipv4Addr) const noexcept override {
    return {.link = 0, .reachable = true, .next_hop = MacAddr{{2, 0, 0, 0, 0, 1}}};
  }
  absl::StatusOr<std::unique_ptr<io::SendRing>> MakeSendRing(size_t, size_t) override {
    return std::make_unique<SharedSendRing>(wire_);
  }
  absl::StatusOr<std::unique_ptr<io::CaptureRing>> MakeCaptureRing(size_t) override {
    return std::make_unique<SharedCaptureRing>(wire_);
  }

 private:
  SharedWire wire_;
  LinkInfo link_;
};

TEST(PipelineThreads, EachLiveHostIsWrittenOnce) {
  const TargetSet targets = TargetsOf({"10.1.0.0/28", "10.1.1.0/28", "10.1.2.0/28", "10.1.3.0/28"});
  std::set<uint32_t> live;
  for (uint64_t i = 0; i < targets.size(); ++i) {
    const Ipv4Addr address = targets.At(i);
    if (testing::NatureOf(kSeed, address, kAlive, false).alive) live.insert(address.host_order);
  }
  SharedNetwork network;
  MemoryJournal disk;
  MemorySink sink(disk, SimulatedMatcher().image());
  ScanInputs inputs;
  inputs.network = &network;
  inputs.matcher = &SimulatedMatcher();
  inputs.sink = &sink;
  inputs.targets = &targets;
  inputs.ports = {80, 443, 22, 445, 135, 8080};
  inputs.steps = {{ProbeKind::kSyn, 443},
                  {ProbeKind::kSyn, 80},
                  {ProbeKind::kEcho, 0},
                  {ProbeKind::kSyn, 443},
                  {ProbeKind::kEcho, 0}};
  inputs.seed = kSeed;
  inputs.lanes = 2;
  inputs.shards = 2;
  inputs.pass_lag_ns = 50 * kNsPerMs;
  inputs.reply_window_ns = 500 * kNsPerMs;
  inputs.sync_interval_ns = 20 * kNsPerMs;
  inputs.host.max_rounds = 2;
  auto scan = MakeScan(inputs);
  uint64_t ticks = 0;
  uint64_t most_in_flight = 0;
  ASSERT_TRUE(scan->Run([&] {
                    ++ticks;
                    most_in_flight = std::max(most_in_flight, scan->progress().in_flight);
                  })
                  .ok());
  std::vector<uint32_t> written = JournalAddresses(disk);
  std::sort(written.begin(), written.end());
  EXPECT_EQ(written, std::vector<uint32_t>(live.begin(), live.end()));
  EXPECT_GT(ticks, 5U);
  EXPECT_GT(most_in_flight, 1U);
  // Timing is real here, so a loaded machine may spoil a measurement, but not a name.
  for (const auto& [address, verdict] : sink.verdicts()) {
    if (verdict.perfect == 0) continue;
    const HostNature nature = testing::NatureOf(kSeed, {address}, kAlive, false);
    EXPECT_NE(std::find(verdict.names.begin(), verdict.names.end(),
                        testing::PersonalityName(nature.personality)),
              verdict.names.end());
  }
}

}  // namespace
}  // namespace osprey::engine
