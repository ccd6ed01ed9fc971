// SPDX-License-Identifier: Apache-2.0
#pragma once
// The lab at work: frames from a link to the responder, its answers through the channel back to the
// link, in one thread.

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "io/capture_ring.h"
#include "io/file_descriptor.h"
#include "io/pcap_file.h"
#include "tools/lab/absent_filter.h"
#include "tools/lab/channel.h"
#include "tools/lab/responder.h"
#include "tools/lab/transmitter.h"

namespace osprey::lab {

struct LoopOptions {
  std::string link;
  // The scanner's link stands on this device of the lab's namespace; empty: `link` is its other
  // end.
  std::string underlay;
  const io::FileDescriptor* tun = nullptr;  // the link is this tun device instead
  std::string record;                       // pcap file of all frames; empty: none
  int ring_bytes = 64 << 20;
  bool kernel_filter = true;  // frames to absent hosts are left to the kernel, where it can
};

struct LoopCounters {
  ResponderCounters responder;
  ChannelCounters channel;
  uint64_t received = 0;
  uint64_t kernel_absent = 0;  // frames to absent hosts that the kernel dropped: not among received
  uint64_t ring_dropped = 0;   // by the kernel: the lab was too slow
  uint64_t sent = 0;
  uint64_t refused = 0;  // by the link
  int64_t cpu_ns = 0;    // that the loop's thread used
};

class Loop {
 public:
  // Opens the link in the calling thread's network namespace. `world` outlives the loop.
  static absl::StatusOr<std::unique_ptr<Loop>> Open(World& world, Ipv4Addr gateway,
                                                    const LoopOptions& options);
  // Runs until Stop. OK, or why the link or the record cannot be used any more.
  absl::Status Run();
  // Any thread.
  void Stop();
  // After Run.
  LoopCounters Counters();
  // OK if the kernel drops frames to absent hosts, or was not meant to; else why it does not.
  const absl::Status& filter_status() const { return filter_status_; }

 private:
  Loop(World& world, Ipv4Addr gateway);
  absl::Status OpenLink(const LoopOptions& options);
  absl::Status OpenCapture(const io::Link& link, const LoopOptions& options);
  absl::Status LoadFilter(const io::LinkTable& links, const LoopOptions& options);
  absl::Status OpenTun(const io::FileDescriptor& device);
  void Take(const io::FrameView& frame);

  io::LinkLayer layer_ = io::LinkLayer::kEthernet;
  std::unique_ptr<io::CaptureRing> capture_;
  std::unique_ptr<Transmitter> transmitter_;
  std::unique_ptr<io::PcapWriter> record_;
  const WorldSpec& spec_;
  std::unique_ptr<AbsentFilter> filter_;  // nullptr: all frames come here
  absl::Status filter_status_;
  Responder responder_;
  Channel channel_;
  int64_t cpu_ns_ = 0;
  std::atomic<bool> stop_ = false;
};

}  // namespace osprey::lab
