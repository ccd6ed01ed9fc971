// SPDX-License-Identifier: Apache-2.0
// Packets per second and cycles per packet of every send ring, with the bare kernel loops beside
// them, on one veth pair in namespaces of the program's own. Nothing leaves the machine.
//
//   sudo send_ring_bench [ROUNDS [MILLISECONDS]]      (default 9 rounds of 200 ms)
//
// Contenders take turns within a round, in another order each round, so that drift of the machine
// hits all alike; medians are printed. "bare" loops send one prebuilt frame and read nothing
// back but what the kernel makes them; rings do all that a lane does: lease, patch the
// destination, submit, reap. The far end drops each frame early (not its MAC address). Cycles are
// CPU time of the sending thread, the far end's softirq included, times the frequency of the
// time-stamp counter (virtual machines seldom have a cycle counter).

#include <liburing.h>
#include <sys/socket.h>
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
#include "io/link.h"
#include "io/packet_socket.h"
#include "io/ring_selector.h"
#include "tests/testing/netns.h"

namespace osprey::io {
namespace {

constexpr size_t kFrameLength = 74;  // SEQ1 on Ethernet

std::array<uint8_t, kFrameLength> PrebuiltFrame(LinkLayer layer) {
  std::array<uint8_t, kFrameLength> frame{};
  uint8_t* ip = frame.data();
  if (layer == LinkLayer::kEthernet) {
    frame[0] = 0x02;
    frame[5] = 0x99;  // nobody's address: the far end drops it at once
    frame[6] = 0x02;
    frame[12] = 0x08;
    ip += 14;
  }
  const std::array<uint8_t, 20> header = {0x45, 0, 0,  60, 0x12, 0x34, 0,  0,  64, 6,
                                          0,    0, 10, 99, 0,    1,    10, 99, 0,  9};
  std::copy(header.begin(), header.end(), ip);
  return frame;
}

// Sends until CLOCK_MONOTONIC reaches `deadline_ns`; returns how many frames the kernel took.
using Run = std::function<uint64_t(int64_t deadline_ns)>;

struct Contender {
  std::string name;
  Run run;
  std::vector<double> rates{};  // packets per second, one per round
  std::vector<double> costs{};  // CPU nanoseconds per packet
};

bool Before(int64_t deadline_ns) { return Clock::Real().MonotonicNs() < deadline_ns; }

FileDescriptor Socket(const Link& link) {
  auto fd = OpenPacketSender(link.name, link.index);
  OSPREY_CHECK(fd.ok());
  return *std::move(fd);
}

uint64_t BareSend(int fd, int64_t deadline_ns) {
  const auto frame = PrebuiltFrame(LinkLayer::kEthernet);
  uint64_t sent = 0;
  while (Before(deadline_ns)) {
    for (int i = 0; i < 64; ++i) {
      if (send(fd, frame.data(), frame.size(), MSG_DONTWAIT) > 0) ++sent;
    }
  }
  return sent;
}

uint64_t BareSendmmsg(int fd, int64_t deadline_ns) {
  auto frame = PrebuiltFrame(LinkLayer::kEthernet);
  iovec piece{.iov_base = frame.data(), .iov_len = frame.size()};
  std::array<mmsghdr, 64> messages{};
  for (mmsghdr& message : messages) {
    message.msg_hdr.msg_iov = &piece;
    message.msg_hdr.msg_iovlen = 1;
  }
  uint64_t sent = 0;
  while (Before(deadline_ns)) {
    const int count = sendmmsg(fd, messages.data(), messages.size(), MSG_DONTWAIT);
    if (count > 0) sent += static_cast<uint64_t>(count);
  }
  return sent;
}

// `registered`: IORING_OP_WRITE_FIXED from a registered buffer instead of IORING_OP_SEND.
uint64_t BareUring(int fd, unsigned flags, bool registered, int64_t deadline_ns) {
  constexpr unsigned kBatch = 64;
  auto frame = PrebuiltFrame(LinkLayer::kEthernet);
  io_uring ring{};
  if (io_uring_queue_init(kBatch, &ring, flags) < 0) return 0;
  io_uring_register_files(&ring, &fd, 1);
  const iovec buffer{.iov_base = frame.data(), .iov_len = frame.size()};
  if (registered) io_uring_register_buffers(&ring, &buffer, 1);
  uint64_t sent = 0;
  while (Before(deadline_ns)) {
    for (unsigned i = 0; i < kBatch; ++i) {
      io_uring_sqe* sqe = io_uring_get_sqe(&ring);
      if (registered) {
        io_uring_prep_write_fixed(sqe, 0, frame.data(), frame.size(), 0, 0);
      } else {
        io_uring_prep_send(sqe, 0, frame.data(), frame.size(), MSG_DONTWAIT);
      }
      sqe->flags |= IOSQE_FIXED_FILE;
    }
    io_uring_submit(&ring);
    unsigned head = 0;
    unsigned seen = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring, head, cqe) {
      ++seen;
      if (cqe->res > 0) ++sent;
    }
    io_uring_cq_advance(&ring, seen);
  }
  io_uring_queue_exit(&ring);
  return sent;
}

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

void AddRing(const Link& link, const std::string& name, size_t batch, std::vector<Contender>& out) {
  auto selected = OpenSendRing(link, {.name = name});
  if (!selected.ok()) {
    std::printf("%s: %s\n", name.c_str(), selected.status().ToString().c_str());
    return;
  }
  std::shared_ptr<SendRing> ring = std::move(selected->ring);
  PrepareSlots(*ring);
  out.push_back({absl::StrCat("ring ", name, " ", batch), [ring, batch](int64_t deadline_ns) {
                   return UseRing(*ring, batch, deadline_ns);
                 }});
}

std::vector<Contender> AllContenders(const Link& link) {
  std::vector<Contender> out;
  const std::shared_ptr<FileDescriptor> fd = std::make_shared<FileDescriptor>(Socket(link));
  out.push_back({"bare send", [fd](int64_t d) { return BareSend(fd->get(), d); }});
  out.push_back({"bare sendmmsg 64", [fd](int64_t d) { return BareSendmmsg(fd->get(), d); }});
  const auto uring = [&](const char* name, unsigned flags, bool registered) {
    out.push_back({name, [fd, flags, registered](int64_t d) {
                     return BareUring(fd->get(), flags, registered, d);
                   }});
  };
  uring("bare io_uring 64", 0, false);
  uring(" coop_taskrun", IORING_SETUP_COOP_TASKRUN, false);
  uring(" single, defer", IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, false);
  uring(" registered buffer", IORING_SETUP_COOP_TASKRUN, true);
  for (const std::string_view name : SendRingNames()) {
    if (name == "auto") continue;
    for (const size_t batch : {size_t{1}, size_t{16}, size_t{64}, size_t{256}}) {
      AddRing(link, std::string(name), batch, out);
    }
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

void RunAll(int rounds, int64_t duration_ns) {
  const auto links = LinkTable::Load();
  OSPREY_CHECK(links.ok());
  std::vector<Contender> contenders = AllContenders(**links->Find("osp0"));
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
  if (rounds < 1 || milliseconds < 1) {
    std::fprintf(stderr, "usage: %s [ROUNDS [MILLISECONDS]]\n", argv[0]);
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
  (*netns)->Near([&] { osprey::io::RunAll(rounds, milliseconds * osprey::kNsPerMs); });
  return 0;
}
