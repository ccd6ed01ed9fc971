// SPDX-License-Identifier: Apache-2.0
// Packets per second and cycles per packet of every send ring, with the bare kernel loops beside
// them, on one veth pair in namespaces of the program's own. Nothing leaves the machine.
//
//   sudo send_ring_bench [ROUNDS [MILLISECONDS [NAME]]]
//
//   default: 9 rounds of 200 ms; NAME: only contenders whose names hold it
//
// Contenders take turns within a round, in another order each round, so that drift of the machine
// hits all alike; medians are printed. "bare" loops send one prebuilt frame and read nothing
// back but what the kernel makes them; rings do all that a lane does: lease, patch the
// destination, submit, reap. The far end drops each frame early (not its MAC address). Cycles are
// CPU time of the sending thread, the far end's softirq included, times the frequency of the
// time-stamp counter (virtual machines seldom have a cycle counter).

#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/clock.h"
#include "bench/bare_sends.h"
#include "io/link.h"
#include "io/ring_selector.h"
#include "tests/testing/netns.h"

namespace osprey::io {
namespace {

struct Contender {
  std::string name;
  SendUntil run;
  std::vector<double> rates{};  // packets per second, one per round
  std::vector<double> costs{};  // CPU nanoseconds per packet
};

// What a lane does: takes slots that hold a prepared frame, patches the destination, submits a
// batch, reaps.
uint64_t UseRing(SendRing& ring, size_t batch_size, int64_t deadline_ns) {
  const size_t address = HeaderBytes(ring.link_layer()) + 16;
  const uint64_t before = ring.counters().sent;
  std::vector<SendEntry> batch(batch_size);
  std::array<SendCompletion, 64> done;
  uint32_t host = 0;
  while (Before(deadline_ns)) {
    size_t leased = 0;
    FrameSlot slot;
    while (leased < batch_size && ring.Lease(slot)) {
      // Within the far end's /24, so that the raw IP ring keeps to one route.
      slot.data[address + 3] = static_cast<std::byte>(2 + (host++ & 1));
      batch[leased++] = {.slot = slot.index, .length = kFrameLength, .tag = 0};
    }
    for (size_t taken = 0; taken < leased;) {
      taken += ring.Submit(std::span(batch).subspan(taken, leased - taken));
    }
    while (ring.Reap(done) > 0) {
    }
  }
  return ring.counters().sent - before;
}

void PrepareSlots(SendRing& ring) {
  const auto frame = PrebuiltFrame(ring.link_layer());
  std::vector<uint32_t> leased;
  FrameSlot slot;
  while (ring.Lease(slot)) {
    std::memcpy(slot.data, frame.data(), frame.size());
    leased.push_back(slot.index);
  }
  for (const uint32_t index : leased) ring.Release(index);
}

// Under its own name; a ring that is another one here (af_xdp without zero copy) is left out.
void AddRing(const Link& link, const std::string& name, std::vector<Contender>& out) {
  auto selected = OpenSendRing(link, {.name = name});
  if (!selected.ok()) {
    std::printf("%s: %s\n", name.c_str(), selected.status().ToString().c_str());
    return;
  }
  std::shared_ptr<SendRing> ring = std::move(selected->ring);
  if (ring->name() != name) return;
  PrepareSlots(*ring);
  for (const size_t batch : {size_t{1}, size_t{16}, size_t{64}, size_t{128}, size_t{256}}) {
    out.push_back({absl::StrCat("ring ", name, " ", batch), [ring, batch](int64_t deadline_ns) {
                     return UseRing(*ring, batch, deadline_ns);
                   }});
  }
}

// A queue serves one AF_XDP socket, so the bare loop has a link of its own, of the same kind.
std::vector<Contender> AllContenders(const Link& link, const Link& xdp_link) {
  std::vector<Contender> out;
  for (BareLoop& loop : BareLoops(link)) out.push_back({loop.name, std::move(loop.run)});
  if (auto loop = BareXdpLoop(xdp_link)) out.push_back({loop->name, std::move(loop->run)});
  for (const std::string_view name : SendRingNames()) {
    if (name != "auto") AddRing(link, std::string(name), out);
  }
  return out;
}

int64_t ThreadCpuNs() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * kNsPerSecond + now.tv_nsec;
}

void Measure(Contender& contender, int64_t duration_ns) {
  const int64_t cpu_before = ThreadCpuNs();
  const int64_t begin = Clock::Real().MonotonicNs();
  const auto sent = static_cast<double>(contender.run(begin + duration_ns));
  const auto elapsed = static_cast<double>(Clock::Real().MonotonicNs() - begin);
  const auto cpu = static_cast<double>(ThreadCpuNs() - cpu_before);
  contender.rates.push_back(sent / elapsed * 1e9);
  contender.costs.push_back(sent > 0 ? cpu / sent : 0);
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

// Ticks of the time-stamp counter per nanosecond; 0 if there is none.
double TicksPerNs() {
#if defined(__x86_64__)
  const int64_t begin = Clock::Real().MonotonicNs();
  const uint64_t ticks = __rdtsc();
  while (Before(begin + 20 * kNsPerMs)) {
  }
  return static_cast<double>(__rdtsc() - ticks) /
         static_cast<double>(Clock::Real().MonotonicNs() - begin);
#else
  return 0;
#endif
}

void Print(const std::vector<Contender>& contenders) {
  const double ticks = TicksPerNs();
  std::printf("%-22s %9s %9s %9s %9s %11s\n", "", "Mpps", "min", "max", "ns/pkt", "cycles/pkt");
  for (const Contender& c : contenders) {
    const auto [low, high] = std::minmax_element(c.rates.begin(), c.rates.end());
    const double cost = Median(c.costs);
    std::printf("%-22s %9.3f %9.3f %9.3f %9.0f %11.0f\n", c.name.c_str(), Median(c.rates) / 1e6,
                *low / 1e6, *high / 1e6, cost, cost * ticks);
  }
}

void RunAll(int rounds, int64_t duration_ns, const std::string& wanted) {
  const auto links = LinkTable::Load();
  OSPREY_CHECK(links.ok());
  std::vector<Contender> contenders = AllContenders(**links->Find("osp0"), **links->Find("osp2"));
  std::erase_if(contenders,
                [&](const Contender& c) { return c.name.find(wanted) == std::string::npos; });
  std::vector<size_t> order(contenders.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::mt19937 random(1);
  for (int round = 0; round < rounds; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (const size_t i : order) Measure(contenders[i], duration_ns);
  }
  Print(contenders);
}

}  // namespace
}  // namespace osprey::io

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 9;
  const int milliseconds = argc > 2 ? std::atoi(argv[2]) : 200;
  const std::string wanted = argc > 3 ? argv[3] : "";
  if (rounds < 1 || milliseconds < 1) {
    std::fprintf(stderr, "usage: %s [ROUNDS [MILLISECONDS [NAME]]]\n", argv[0]);
    return 2;
  }
  const auto netns = osprey::testing::ScopedNetns::Create();
  if (!netns.ok()) {
    std::fprintf(stderr, "%s\n", netns.status().ToString().c_str());
    return 1;
  }
  // Nobody answers for the raw IP ring's destinations: known neighbours, at nobody's address.
  const auto neighbours = (*netns)->NearCommand(
      "for i in 2 3; do ip neigh replace 10.99.0.$i lladdr 02:00:00:00:00:99 dev osp0; done");
  OSPREY_CHECK(neighbours.exit_status == 0);
  const auto second =
      (*netns)->NearCommand(absl::StrCat("ip link add osp2 type veth peer name osp3 netns ",
                                         (*netns)->far_path(), "; ip link set osp2 up"));
  OSPREY_CHECK(second.exit_status == 0);
  OSPREY_CHECK((*netns)->FarCommand("ip link set osp3 up").exit_status == 0);
  (*netns)->Near([&] { osprey::io::RunAll(rounds, milliseconds * osprey::kNsPerMs, wanted); });
  return 0;
}
