// SPDX-License-Identifier: Apache-2.0
#pragma once
// An in-memory network in simulated time: send rings on one side, a capture ring on the other, and
// a Responder that plays every host behind it. The same seed and the same calls give the same
// packets at the same nanoseconds.
//
// Model: a submitted frame enters the outbound path, may be lost, doubled or delayed there, and
// reaches the Responder at its time of arrival; what the Responder answers enters the inbound
// path and waits, from its time of arrival on, for the capture ring's Poll. Events sit in one heap
// ordered by (time, order of entering); frame buffers are pooled, so a long run allocates only
// until the largest number in flight was reached.
//
// Time comes from the Clock given; nothing happens by itself. A driver advances a FakeClock to the
// smallest of its own deadlines and NextDeliveryNs(), and polls. Times are CLOCK_MONOTONIC
// nanoseconds; capture stamps are converted to real time by the clock's present difference.
//
// One thread for everything, except CaptureRing::Break.
//
// Nothing is lost silently: for each path
//   entered + duplicated = lost + overflowed + delivered + in flight.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "io/capture_ring.h"
#include "io/send_ring.h"

namespace osprey::io {

// What one direction does to frames. Probabilities are 0..1, per frame and independent.
struct FakePath {
  int64_t delay_ns = 5 * kNsPerMs;  // for every frame
  int64_t jitter_ns = 0;            // mean of an exponential addition; reorders by itself
  double loss = 0;
  double duplication = 0;  // a second copy, with a delay of its own
  double reordering = 0;   // an addition of up to reorder_ns, so that later frames overtake
  int64_t reorder_ns = 10 * kNsPerMs;
  double late = 0;  // an addition of late_ns: after every reasonable timeout
  int64_t late_ns = 5 * kNsPerSecond;
  double bits_per_second = 0;         // of a bottleneck; 0: none
  int64_t queue_ns = 100 * kNsPerMs;  // that frames wait for it at most; more are lost
};

struct FakeWireOptions {
  uint64_t seed = 1;
  LinkLayer link_layer = LinkLayer::kEthernet;
  FakePath outbound;
  FakePath inbound;
  double send_failure = 0;            // Submit finishes the frame with ENOBUFS
  size_t capture_capacity = 1 << 20;  // frames that wait for Poll; more are dropped and counted
};

// Never decreases, in_flight apart.
struct FakePathCounters {
  uint64_t entered = 0;
  uint64_t duplicated = 0;
  uint64_t lost = 0;
  uint64_t overflowed = 0;  // inbound: found no room in the capture ring
  uint64_t delivered = 0;   // outbound: to the Responder; inbound: through Poll
  uint64_t in_flight = 0;
};

// Where a Responder puts its answers. Valid during OnFrame only.
class ReplySink {
 public:
  virtual ~ReplySink() = default;
  // Copies `frame`, which starts with the link header, and lets it enter the inbound path
  // `delay_ns` after the frame being answered arrived.
  virtual void Reply(std::span<const std::byte> frame, int64_t delay_ns = 0) = 0;
};

// The hosts of the network.
class Responder {
 public:
  virtual ~Responder() = default;
  // `frame` is borrowed; `now_ns` is its time of arrival. Called in order of time.
  virtual void OnFrame(std::span<const std::byte> frame, int64_t now_ns, ReplySink& sink) = 0;
};

class FakeWire {
 public:
  // `clock` and `responder` outlive the wire.
  FakeWire(const FakeWireOptions& options, const Clock& clock, Responder& responder);
  ~FakeWire();
  FakeWire(const FakeWire&) = delete;
  FakeWire& operator=(const FakeWire&) = delete;

  // A lane's ring ("fake"). The wire outlives it.
  std::unique_ptr<SendRing> NewSendRing(size_t slots);
  // The one capture ring ("fake"). Its Poll never waits: simulated time does not pass in it.
  CaptureRing& capture();

  // Lets a frame nobody asked for enter the inbound path `delay_ns` from now.
  void Inject(std::span<const std::byte> frame, int64_t delay_ns = 0);

  // Handles all arrivals up to the clock's present time. Poll does so too. Returns how many.
  size_t DeliverDue();
  // The time of the next arrival (or of a frame that already waits for Poll); kNever if none.
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  int64_t NextDeliveryNs() const;

  // Changes what the way back does to frames that enter it from now on.
  void SetInbound(const FakePath& rules) { inbound_.rules = rules; }

  FakePathCounters outbound_counters() const { return outbound_.counters; }
  FakePathCounters inbound_counters() const { return inbound_.counters; }

 private:
  class LaneRing;
  class Capture;
  class Sink;

  // SplitMix64: our own, so that runs repeat with every standard library.
  class Random {
   public:
    explicit Random(uint64_t seed) : state_(seed) {}
    uint64_t Next();
    double Uniform();  // [0, 1)
    bool Chance(double probability) { return probability > 0 && Uniform() < probability; }

   private:
    uint64_t state_;
  };
  struct Path {
    FakePath rules;
    FakePathCounters counters;
    int64_t free_ns = 0;  // the bottleneck has sent everything until then
  };
  struct Event {
    int64_t time_ns;
    uint64_t order;  // of entering; the lowest bit is 1 for inbound
    uint32_t buffer;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.time_ns != b.time_ns ? a.time_ns > b.time_ns : a.order > b.order;
    }
  };
  struct Arrived {
    int64_t time_ns;
    uint32_t buffer;
  };

  // Lets a frame enter a path at `now_ns`.
  void Enter(Path& path, std::span<const std::byte> frame, int64_t now_ns);
  void Schedule(Path& path, std::span<const std::byte> frame, int64_t now_ns);
  // When a frame is through the bottleneck; negative: its queue is full.
  static int64_t Depart(Path& path, size_t bytes, int64_t now_ns);
  int64_t DrawDelay(const FakePath& rules);
  void Handle(const Event& event);
  void ArriveOutbound(const Event& event);
  void ArriveInbound(const Event& event);
  size_t PollInto(size_t max, absl::FunctionRef<void(const FrameView&)> sink);
  uint32_t TakeBuffer(std::span<const std::byte> frame);

  FakeWireOptions options_;
  const Clock& clock_;
  Responder& responder_;
  Random random_;
  Path outbound_;
  Path inbound_;
  std::vector<Event> events_;  // heap by Later
  uint64_t next_order_ = 0;
  std::deque<Arrived> arrived_;
  std::deque<std::vector<std::byte>> buffers_;  // a deque: growing moves no buffer
  std::vector<uint32_t> free_buffers_;
  std::unique_ptr<Capture> capture_;
};

}  // namespace osprey::io
