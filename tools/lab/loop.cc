// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/loop.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/status_macros.h"
#include "io/pcap_capture_ring.h"
#include "tools/lab/tun_device.h"

namespace osprey::lab {
namespace {

constexpr size_t kFramesAtOnce = 256;
constexpr int64_t kLongestWaitNs = 100 * kNsPerMs;
// While answers are due within a millisecond, which is Poll's grain: neither a core kept busy nor
// probes left waiting for long.
constexpr int64_t kShortSleepNs = 200 * kNsPerUs;

io::CaptureFilter Everything() {
  return {.destinations = {},
          .tcp_ports = {{0, 65535}},
          .udp_ports = {{0, 65535}},
          .icmp = true,
          .arp = true};
}

}  // namespace

Loop::Loop(World& world, Ipv4Addr gateway)
    : spec_(world.spec()),
      responder_(world, gateway, Clock::Real().RealtimeNs()),
      channel_(world.spec().network, world.spec().seed, world.spec().changes) {}

absl::StatusOr<std::unique_ptr<Loop>> Loop::Open(World& world, Ipv4Addr gateway,
                                                 const LoopOptions& options) {
  std::unique_ptr<Loop> loop(new Loop(world, gateway));
  OSPREY_RETURN_IF_ERROR(options.tun != nullptr ? loop->OpenTun(*options.tun)
                                                : loop->OpenLink(options));
  loop->layer_ = loop->capture_->link_layer();
  if (!options.record.empty()) {
    OSPREY_ASSIGN_OR_RETURN(loop->record_, io::PcapWriter::Create(options.record, loop->layer_));
  }
  return loop;
}

absl::Status Loop::OpenLink(const LoopOptions& options) {
  OSPREY_ASSIGN_OR_RETURN(const io::LinkTable links, io::LinkTable::Load());
  OSPREY_ASSIGN_OR_RETURN(const io::Link* link, links.Find(options.link));
  OSPREY_ASSIGN_OR_RETURN(transmitter_, Transmitter::Open(*link));
  // A record has all frames. Without the filter the lab is the same, only slower.
  if (options.kernel_filter && options.record.empty() && KernelMayDropAbsent(spec_)) {
    filter_status_ = LoadFilter(links, options);
    if (!filter_status_.ok()) filter_.reset();
  }
  return OpenCapture(*link, options);
}

absl::Status Loop::LoadFilter(const io::LinkTable& links, const LoopOptions& options) {
  const bool egress = !options.underlay.empty();
  OSPREY_ASSIGN_OR_RETURN(
      filter_, AbsentFilter::Load(spec_, egress ? FilterPlace::kEgress : FilterPlace::kSocket));
  if (!egress) return absl::OkStatus();
  OSPREY_ASSIGN_OR_RETURN(const io::Link* underlay, links.Find(options.underlay));
  return filter_->AttachToEgress(underlay->index);
}

absl::Status Loop::OpenCapture(const io::Link& link, const LoopOptions& options) {
  const bool at_socket = filter_ != nullptr && options.underlay.empty();
  OSPREY_ASSIGN_OR_RETURN(
      capture_, io::OpenPcapCapture(link, Everything(),
                                    {.buffer_bytes = options.ring_bytes,
                                     .bpf_program = at_socket ? filter_->program() : -1}));
  return absl::OkStatus();
}

absl::Status Loop::OpenTun(const io::FileDescriptor& device) {
  OSPREY_ASSIGN_OR_RETURN(io::FileDescriptor out, Duplicate(device));
  transmitter_ = std::make_unique<Transmitter>(std::move(out), Transmitter::Way::kWrites);
  OSPREY_ASSIGN_OR_RETURN(io::FileDescriptor in, Duplicate(device));
  OSPREY_ASSIGN_OR_RETURN(capture_, OpenTunCapture(std::move(in)));
  return absl::OkStatus();
}

absl::Status Loop::Run() {
  const Clock& clock = Clock::Real();
  channel_.Begin(clock.MonotonicNs());
  while (!stop_.load(std::memory_order_relaxed)) {
    const int64_t now_ns = clock.MonotonicNs();
    channel_.Advance(now_ns);
    const int64_t until_due_ns = channel_.NsUntilDue(now_ns, kLongestWaitNs);
    const auto wait_ms = static_cast<int>(until_due_ns / kNsPerMs);
    const size_t taken =
        capture_->Poll(wait_ms, kFramesAtOnce, [this](const io::FrameView& frame) { Take(frame); });
    if (taken == 0 && wait_ms == 0 && until_due_ns > 0) {
      std::this_thread::sleep_for(std::chrono::nanoseconds(std::min(until_due_ns, kShortSleepNs)));
    }
    if (channel_.delays()) channel_.Release(clock.MonotonicNs(), *transmitter_);
    transmitter_->Flush();
    OSPREY_RETURN_IF_ERROR(capture_->status());
  }
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  cpu_ns_ = used.tv_sec * kNsPerSecond + used.tv_nsec;
  return record_ != nullptr ? record_->Flush() : absl::OkStatus();
}

void Loop::Stop() {
  stop_.store(true, std::memory_order_relaxed);
  capture_->Break();
}

void Loop::Take(const io::FrameView& frame) {
  if (record_ != nullptr) record_->Write(frame.bytes, frame.wire_length, frame.realtime_ns);
  if (channel_.LosesProbe()) return;
  const std::span<std::byte> out = transmitter_->Next();
  const size_t size = layer_ == io::LinkLayer::kEthernet
                          ? responder_.Handle(frame.bytes, frame.realtime_ns, out)
                          : responder_.HandlePacket(frame.bytes, frame.realtime_ns, out);
  if (size == 0) return;
  if (record_ != nullptr) {
    record_->Write(out.first(size), static_cast<uint32_t>(size), Clock::Real().RealtimeNs());
  }
  if (channel_.transparent()) {
    transmitter_->Commit(size);
  } else {
    channel_.Send(out.first(size), Clock::Real().MonotonicNs(), *transmitter_);
  }
}

LoopCounters Loop::Counters() {
  const io::CaptureCounters captured = capture_->Counters();
  return {.responder = responder_.counters(),
          .channel = channel_.counters(),
          .received = captured.received,
          .kernel_absent = filter_ != nullptr ? filter_->dropped() : 0,
          .ring_dropped = captured.dropped_kernel,
          .sent = transmitter_->sent(),
          .refused = transmitter_->refused(),
          .cpu_ns = cpu_ns_};
}

}  // namespace osprey::lab
