// SPDX-License-Identifier: Apache-2.0
#include "io/fake_wire.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "io/finished_queue.h"
#include "io/frame_slab.h"

namespace osprey::io {
namespace {

FrameSlab SlabOrDie(size_t slots) {
  absl::StatusOr<FrameSlab> slab = FrameSlab::Create(slots);
  OSPREY_CHECK(slab.ok());
  return *std::move(slab);
}

}  // namespace

class FakeWire::LaneRing final : public SendRing {
 public:
  LaneRing(FakeWire& wire, FrameSlab slab)
      : SendRing(wire.options_.link_layer, slab.data(), slab.slots()),
        wire_(wire),
        slab_owner_(std::move(slab)),
        finished_(slots()) {}

  std::string_view name() const override { return "fake"; }

  size_t Submit(std::span<const SendEntry> frames) override {
    const int64_t now_ns = wire_.clock_.MonotonicNs();
    counters_.submitted += frames.size();
    for (const SendEntry& frame : frames) {
      const int error = wire_.random_.Chance(wire_.options_.send_failure) ? ENOBUFS : 0;
      CountResult(error);
      if (error == 0) {
        wire_.Enter(wire_.outbound_, {slab_ + size_t{frame.slot} * kFrameBytes, frame.length},
                    now_ns);
      }
      if (frame.tag == 0) {
        Release(frame.slot);
      } else {
        finished_.Push({.completion = {.tag = frame.tag, .error = error}, .slot = frame.slot});
      }
    }
    return frames.size();
  }

  size_t Reap(std::span<SendCompletion> out) override {
    return finished_.PopInto(out, [this](uint32_t slot) { Release(slot); });
  }

 private:
  FakeWire& wire_;
  FrameSlab slab_owner_;
  FinishedQueue finished_;
};

class FakeWire::Capture final : public CaptureRing {
 public:
  explicit Capture(FakeWire& wire) : wire_(wire) {}

  std::string_view name() const override { return "fake"; }
  LinkLayer link_layer() const override { return wire_.options_.link_layer; }
  size_t Poll(int /*timeout_ms*/, size_t max,
              absl::FunctionRef<void(const FrameView&)> sink) override {
    return wire_.PollInto(max, sink);
  }
  void Break() override {}  // Poll never waits
  CaptureCounters Counters() override {
    const FakePathCounters& inbound = wire_.inbound_.counters;
    return {.received = inbound.delivered,
            .dropped_kernel = inbound.overflowed,
            .dropped_interface = 0};
  }

 private:
  FakeWire& wire_;
};

class FakeWire::Sink final : public ReplySink {
 public:
  Sink(FakeWire& wire, int64_t now_ns) : wire_(wire), now_ns_(now_ns) {}

  void Reply(std::span<const std::byte> frame, int64_t delay_ns) override {
    wire_.Enter(wire_.inbound_, frame, now_ns_ + std::max<int64_t>(delay_ns, 0));
  }

 private:
  FakeWire& wire_;
  int64_t now_ns_;
};

FakeWire::FakeWire(const FakeWireOptions& options, const Clock& clock, Responder& responder)
    : options_(options),
      clock_(clock),
      responder_(responder),
      random_(options.seed),
      outbound_{.rules = options.outbound, .counters = {}},
      inbound_{.rules = options.inbound, .counters = {}},
      capture_(std::make_unique<Capture>(*this)) {}

FakeWire::~FakeWire() = default;

uint64_t FakeWire::Random::Next() {
  uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

double FakeWire::Random::Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }

std::unique_ptr<SendRing> FakeWire::NewSendRing(size_t slots) {
  return std::make_unique<LaneRing>(*this, SlabOrDie(slots));
}

CaptureRing& FakeWire::capture() { return *capture_; }

void FakeWire::Inject(std::span<const std::byte> frame, int64_t delay_ns) {
  Enter(inbound_, frame, clock_.MonotonicNs() + std::max<int64_t>(delay_ns, 0));
}

void FakeWire::Enter(Path& path, std::span<const std::byte> frame, int64_t now_ns) {
  ++path.counters.entered;
  if (random_.Chance(path.rules.loss)) {
    ++path.counters.lost;
  } else {
    Schedule(path, frame, now_ns);
  }
  if (random_.Chance(path.rules.duplication)) {
    ++path.counters.duplicated;
    Schedule(path, frame, now_ns);
  }
}

void FakeWire::Schedule(Path& path, std::span<const std::byte> frame, int64_t now_ns) {
  const int64_t departs_ns = Depart(path, frame.size(), now_ns);
  if (departs_ns < 0) {
    ++path.counters.lost;
    return;
  }
  ++path.counters.in_flight;
  const uint64_t inbound = &path == &inbound_ ? 1 : 0;
  events_.push_back({.time_ns = departs_ns + DrawDelay(path.rules),
                     .order = next_order_++ << 1 | inbound,
                     .buffer = TakeBuffer(frame)});
  std::push_heap(events_.begin(), events_.end(), Later());
}

int64_t FakeWire::Depart(Path& path, size_t bytes, int64_t now_ns) {
  if (path.rules.bits_per_second <= 0) return now_ns;
  const int64_t begin_ns = std::max(now_ns, path.free_ns);
  if (begin_ns - now_ns > path.rules.queue_ns) return -1;
  const double takes_ns = static_cast<double>(bytes) * 8e9 / path.rules.bits_per_second;
  path.free_ns = begin_ns + std::llround(takes_ns);
  return path.free_ns;
}

int64_t FakeWire::DrawDelay(const FakePath& rules) {
  int64_t delay_ns = rules.delay_ns;
  if (rules.jitter_ns > 0) {
    delay_ns +=
        std::llround(-std::log1p(-random_.Uniform()) * static_cast<double>(rules.jitter_ns));
  }
  if (random_.Chance(rules.reordering)) {
    delay_ns += std::llround(random_.Uniform() * static_cast<double>(rules.reorder_ns));
  }
  if (random_.Chance(rules.late)) delay_ns += rules.late_ns;
  return delay_ns;
}

uint32_t FakeWire::TakeBuffer(std::span<const std::byte> frame) {
  if (free_buffers_.empty()) {
    free_buffers_.push_back(static_cast<uint32_t>(buffers_.size()));
    buffers_.emplace_back();
  }
  const uint32_t index = free_buffers_.back();
  free_buffers_.pop_back();
  buffers_[index].assign(frame.begin(), frame.end());
  return index;
}

size_t FakeWire::DeliverDue() {
  const int64_t now_ns = clock_.MonotonicNs();
  size_t handled = 0;
  while (!events_.empty() && events_.front().time_ns <= now_ns) {
    std::pop_heap(events_.begin(), events_.end(), Later());
    const Event event = events_.back();
    events_.pop_back();
    Handle(event);
    ++handled;
  }
  return handled;
}

void FakeWire::Handle(const Event& event) {
  if ((event.order & 1) == 0) {
    ArriveOutbound(event);
  } else {
    ArriveInbound(event);
  }
}

void FakeWire::ArriveOutbound(const Event& event) {
  --outbound_.counters.in_flight;
  ++outbound_.counters.delivered;
  Sink sink(*this, event.time_ns);
  responder_.OnFrame(buffers_[event.buffer], event.time_ns, sink);
  free_buffers_.push_back(event.buffer);
}

void FakeWire::ArriveInbound(const Event& event) {
  if (arrived_.size() >= options_.capture_capacity) {
    --inbound_.counters.in_flight;
    ++inbound_.counters.overflowed;
    free_buffers_.push_back(event.buffer);
    return;
  }
  arrived_.push_back({.time_ns = event.time_ns, .buffer = event.buffer});
}

size_t FakeWire::PollInto(size_t max, absl::FunctionRef<void(const FrameView&)> sink) {
  DeliverDue();
  const int64_t to_realtime_ns = clock_.RealtimeNs() - clock_.MonotonicNs();
  size_t count = 0;
  for (; count < max && !arrived_.empty(); ++count) {
    const Arrived next = arrived_.front();
    arrived_.pop_front();
    --inbound_.counters.in_flight;
    ++inbound_.counters.delivered;
    const std::vector<std::byte>& bytes = buffers_[next.buffer];
    sink({.bytes = bytes,
          .wire_length = static_cast<uint32_t>(bytes.size()),
          .realtime_ns = next.time_ns + to_realtime_ns});
    free_buffers_.push_back(next.buffer);
  }
  return count;
}

int64_t FakeWire::NextDeliveryNs() const {
  if (!arrived_.empty()) return arrived_.front().time_ns;
  return events_.empty() ? kNever : events_.front().time_ns;
}

}  // namespace osprey::io
