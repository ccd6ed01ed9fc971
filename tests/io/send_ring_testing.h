// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the tests of send rings share: frames that say their number, a receiver at the far end,
// and sending them all.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "io/file_descriptor.h"
#include "io/link.h"
#include "io/send_ring.h"

namespace osprey::io {

using Bytes = std::vector<uint8_t>;

inline constexpr uint16_t kTestProtocol = 0x88B5;  // IEEE 802: local experimental ethertype

inline Link LinkNamed(const std::string& name) {
  const auto links = LinkTable::Load();
  EXPECT_TRUE(links.ok()) << links.status();
  const auto link = links->Find(name);
  EXPECT_TRUE(link.ok()) << link.status();
  return **link;
}

// Receives the frames of one ethertype at the far end. Made inside the namespace, read anywhere.
class Receiver {
 public:
  Receiver(const std::string& link, uint16_t protocol)
      : fd_(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(protocol))) {
    EXPECT_TRUE(fd_.valid());
    const int bytes = 64 << 20;
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(protocol);
    address.sll_ifindex = static_cast<int>(if_nametoindex(link.c_str()));
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }

  // Up to `count` incoming frames; gives up 500 ms after the last.
  std::vector<Bytes> Read(size_t count) const {
    std::vector<Bytes> frames;
    while (frames.size() < count) {
      pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
      if (poll(&waiting, 1, 500) <= 0) break;
      std::array<uint8_t, 2048> buffer;
      sockaddr_ll from{};
      socklen_t length = sizeof from;
      const ssize_t size = recvfrom(fd_.get(), buffer.data(), buffer.size(), 0,
                                    reinterpret_cast<sockaddr*>(&from), &length);
      if (size <= 0 || from.sll_pkttype == PACKET_OUTGOING) continue;
      frames.emplace_back(buffer.begin(), buffer.begin() + size);
    }
    return frames;
  }

 private:
  FileDescriptor fd_;
};

inline Bytes EthernetFrame(uint32_t number, size_t size) {
  Bytes frame(size);
  std::fill_n(frame.begin(), 6, uint8_t{0xFF});
  frame[6] = 0x02;
  frame[12] = kTestProtocol >> 8;
  frame[13] = kTestProtocol & 0xFF;
  std::memcpy(&frame[14], &number, sizeof number);
  for (size_t i = 18; i < size; ++i) frame[i] = static_cast<uint8_t>(i * 7 + number);
  return frame;
}

inline SendEntry LeaseFrame(SendRing& ring, const Bytes& frame, uint64_t tag) {
  FrameSlot slot;
  EXPECT_TRUE(ring.Lease(slot));
  std::memcpy(slot.data, frame.data(), frame.size());
  return {.slot = slot.index, .length = static_cast<uint32_t>(frame.size()), .tag = tag};
}

// Reaps until `wanted` completions or nothing is in flight.
inline std::vector<SendCompletion> ReapAll(SendRing& ring) {
  std::vector<SendCompletion> all;
  std::array<SendCompletion, 16> some;
  for (int i = 0; i < 100'000 && ring.free_slots() < ring.slots(); ++i) {
    const size_t count = ring.Reap(some);
    all.insert(all.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return all;
}

// Sends all frames in batches of odd sizes, every third one tagged with its number + 1.
inline std::vector<SendCompletion> SendAll(SendRing& ring, const std::vector<Bytes>& frames) {
  std::vector<SendCompletion> done;
  size_t next = 0;
  for (size_t size = 1; next < frames.size(); size = size % 97 + 7) {
    std::vector<SendEntry> batch;
    for (; batch.size() < size && next < frames.size(); ++next) {
      batch.push_back(LeaseFrame(ring, frames[next], next % 3 == 0 ? next + 1 : 0));
    }
    for (size_t taken = 0; taken < batch.size();) {
      taken += ring.Submit(std::span(batch).subspan(taken));
    }
    const auto some = ReapAll(ring);
    done.insert(done.end(), some.begin(), some.end());
  }
  return done;
}

inline void ExpectAllCompleted(const std::vector<SendCompletion>& done, size_t frames) {
  ASSERT_EQ(done.size(), (frames + 2) / 3);
  for (size_t i = 0; i < done.size(); ++i) {
    EXPECT_EQ(done[i].tag, 3 * i + 1);
    EXPECT_EQ(done[i].error, 0) << std::strerror(done[i].error);
  }
}

}  // namespace osprey::io
