// SPDX-License-Identifier: Apache-2.0
// What capturing costs, and how late a frame is read, for the live ring's modes: one paced sender,
// one capture thread, a veth pair in namespaces of the program's own.
//
//   sudo capture_ring_bench [PACKETS_PER_SECOND [MILLISECONDS]]     (default 200000, 500 ms)
//
// CPU is that of the capture thread alone; what the kernel does in the sender's softirq to fill
// the ring is not in it. Delay runs from the kernel's stamp to the call of the sink.

#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "io/link.h"
#include "io/pcap_capture_ring.h"
#include "io/ring_selector.h"
#include "tests/testing/frame_builder.h"
#include "tests/testing/netns.h"

namespace osprey::io {
namespace {

struct Mode {
  std::string name;
  CaptureOptions options;
};

struct Result {
  uint64_t sent = 0;
  uint64_t received = 0;
  uint64_t dropped = 0;
  double cpu_ns = 0;
  std::vector<int64_t> delays_ns{};
};

Link LinkNamed(const std::string& name) {
  const auto links = LinkTable::Load();
  OSPREY_CHECK(links.ok());
  return **links->Find(name);
}

// Sends `rate` frames a second in batches of 16, on absolute deadlines.
uint64_t SendPaced(SendRing& ring, const osprey::testing::Bytes& frame, int64_t rate,
                   int64_t duration_ns) {
  constexpr int64_t kBatch = 16;
  const int64_t begin = Clock::Real().MonotonicNs();
  std::array<SendEntry, kBatch> batch;
  std::array<SendCompletion, 1> none;
  for (int64_t sent = 0;; sent += kBatch) {
    const int64_t due = begin + sent * kNsPerSecond / rate;
    while (Clock::Real().MonotonicNs() < due) {
    }
    if (due - begin > duration_ns) return ring.counters().sent;
    for (SendEntry& entry : batch) {
      FrameSlot slot;
      OSPREY_CHECK(ring.Lease(slot));
      std::memcpy(slot.data, frame.data(), frame.size());
      entry = {.slot = slot.index, .length = static_cast<uint32_t>(frame.size()), .tag = 0};
    }
    OSPREY_CHECK(ring.Submit(batch) == batch.size());
    ring.Reap(none);
  }
}

void Capture(CaptureRing& ring, const std::atomic<bool>& stop, Result& result) {
  result.delays_ns.reserve(4'000'000);
  while (!stop.load(std::memory_order_relaxed) ||
         ring.Poll(20, 512, [&](const FrameView&) { ++result.received; }) > 0) {
    ring.Poll(100, 512, [&](const FrameView& frame) {
      ++result.received;
      result.delays_ns.push_back(Clock::Real().RealtimeNs() - frame.realtime_ns);
    });
  }
  timespec cpu{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
  result.cpu_ns = static_cast<double>(cpu.tv_sec * kNsPerSecond + cpu.tv_nsec);
  result.dropped = ring.Counters().dropped_kernel;
}

Result RunMode(const osprey::testing::ScopedNetns& netns, const Mode& mode, int64_t rate,
               int64_t duration_ns) {
  const osprey::testing::Bytes frame =
      osprey::testing::FrameBuilder()
          .Eth(osprey::testing::Mac("02:00:00:00:00:02"), osprey::testing::Mac("02:00:00:00:00:99"))
          .Ipv4("10.99.0.2", "10.99.0.1")
          .Tcp(80, 40000, {.flags = kTcpSyn | kTcpAck})
          .Build();
  Result result;
  netns.Near([&] {
    const CaptureFilter filter{.destinations = {osprey::testing::Addr("10.99.0.1")},
                               .tcp_ports = {{33000, 65535}},
                               .udp_ports = {}};
    auto ring = OpenPcapCapture(LinkNamed("osp0"), filter, mode.options);
    OSPREY_CHECK(ring.ok());
    std::atomic<bool> stop{false};
    std::thread reader([&] { Capture(**ring, stop, result); });
    netns.Far([&] {
      auto sender = OpenSendRing(LinkNamed("osp1"), {.name = "sendmmsg"});
      OSPREY_CHECK(sender.ok());
      result.sent = SendPaced(*sender->ring, frame, rate, duration_ns);
    });
    stop = true;
    reader.join();
  });
  return result;
}

void Print(const std::string& name, Result& r) {
  std::sort(r.delays_ns.begin(), r.delays_ns.end());
  const auto at = [&](size_t percent) {
    if (r.delays_ns.empty()) return 0.0;
    return static_cast<double>(r.delays_ns[(r.delays_ns.size() - 1) * percent / 100]) / 1e3;
  };
  std::printf("%-14s %9llu %9llu %8llu %9.0f %10.0f %10.0f %10.0f\n", name.c_str(),
              static_cast<unsigned long long>(r.sent), static_cast<unsigned long long>(r.received),
              static_cast<unsigned long long>(r.dropped),
              r.received > 0 ? r.cpu_ns / static_cast<double>(r.received) : 0, at(50), at(99),
              at(100));
}

}  // namespace
}  // namespace osprey::io

int main(int argc, char** argv) {
  const int64_t rate = argc > 1 ? std::atoll(argv[1]) : 200'000;
  const int64_t milliseconds = argc > 2 ? std::atoll(argv[2]) : 500;
  if (rate < 1 || milliseconds < 1) {
    std::fprintf(stderr, "usage: %s [PACKETS_PER_SECOND [MILLISECONDS]]\n", argv[0]);
    return 2;
  }
  const auto netns = osprey::testing::ScopedNetns::Create();
  if (!netns.ok()) {
    std::fprintf(stderr, "%s\n", netns.status().ToString().c_str());
    return 1;
  }
  std::printf("%-14s %9s %9s %8s %9s %10s %10s %10s\n", "", "sent", "received", "dropped", "CPU ns",
              "delay us", "99 %", "max");
  for (const osprey::io::Mode& mode :
       std::vector<osprey::io::Mode>{{"blocks 1 ms", {.block_ms = 1}},
                                     {"blocks 5 ms", {.block_ms = 5}},
                                     {"blocks 20 ms", {.block_ms = 20}},
                                     {"immediate", {.immediate = true}}}) {
    osprey::io::Result result =
        osprey::io::RunMode(**netns, mode, rate, milliseconds * osprey::kNsPerMs);
    osprey::io::Print(mode.name, result);
  }
  return 0;
}
