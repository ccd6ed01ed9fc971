// SPDX-License-Identifier: Apache-2.0
#pragma once
// The way between scanner and hosts: delay, jitter, loss, duplicates, reordering, bandwidth.
//
// The whole round trip's delay is put on the answer. Frames that wait are copied into buffers of a
// fixed number and ordered by the time they are due; what finds no buffer is lost and counted, as
// in a router's queue. Random numbers come from the world's seed. Conditions may change at set
// times after Begin; what already waits keeps the time at which it is due.
//
// One thread. Allocates nothing after construction.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tools/lab/transmitter.h"
#include "tools/lab/world_spec.h"

namespace osprey::lab {

struct ChannelCounters {
  uint64_t probes_lost = 0;
  uint64_t replies_lost = 0;
  uint64_t duplicated = 0;
  uint64_t reordered = 0;
  uint64_t queue_full = 0;
};

class Channel {
 public:
  // `changes` by time (WorldSpec::changes).
  Channel(const NetworkSpec& spec, uint64_t seed, std::vector<NetworkChange> changes = {});

  // The moment from which changes count; before any of the calls below.
  void Begin(int64_t now_ns) { begin_ns_ = now_ns; }
  // Lets changes happen that are due.
  void Advance(int64_t now_ns);

  // At present nothing is changed: frames may be sent as they are.
  bool transparent() const { return transparent_; }
  // Frames are waiting, or may soon.
  bool delays() const { return delays_ || !heap_.empty(); }

  // Whether this frame from the scanner is lost.
  bool LosesProbe() { return spec_.loss > 0 && Lucky(spec_.loss, counters_.probes_lost); }

  // Takes an answer: sends it, or keeps a copy until it is due. `frame` may be the transmitter's
  // own next buffer.
  void Send(std::span<const std::byte> frame, int64_t now_ns, Transmitter& to);
  // Sends what is due.
  void Release(int64_t now_ns, Transmitter& to);
  // Until the next frame is due, at most `most_ns`.
  int64_t NsUntilDue(int64_t now_ns, int64_t most_ns) const;

  const ChannelCounters& counters() const { return counters_; }

 private:
  static constexpr size_t kBuffers = 65'536;

  struct Waiting {
    int64_t due_ns;
    uint64_t order;  // of arrival: equal times keep it
    uint32_t buffer;
    uint32_t bytes;
    friend bool operator>(const Waiting& a, const Waiting& b) {
      return a.due_ns != b.due_ns ? a.due_ns > b.due_ns : a.order > b.order;
    }
  };

  void Set(const NetworkSpec& spec);
  uint64_t Random();
  bool Lucky(double share, uint64_t& counter);
  double Normal();
  int64_t DueTime(size_t bytes, int64_t now_ns);
  void Keep(std::span<const std::byte> frame, int64_t due_ns);

  NetworkSpec spec_;  // at present
  std::vector<NetworkChange> changes_;
  size_t next_change_ = 0;
  int64_t begin_ns_ = 0;
  bool transparent_ = true;
  bool delays_ = false;
  uint64_t state_;
  int64_t link_free_ns_ = 0;  // when the last frame has passed the bandwidth limit
  uint64_t order_ = 0;
  std::unique_ptr<std::byte[]> slab_;  // pages are touched only when used
  std::vector<uint32_t> free_;
  std::vector<Waiting> heap_;  // smallest due time in front
  ChannelCounters counters_;
};

}  // namespace osprey::lab
