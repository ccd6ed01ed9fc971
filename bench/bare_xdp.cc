// SPDX-License-Identifier: Apache-2.0
// The AF_XDP loop of bare_sends.h.

#include <linux/if_xdp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <xdp/xsk.h>

#include <cstring>
#include <memory>

#include "base/check.h"
#include "bench/bare_sends.h"

namespace osprey::io {
namespace {

class BareXdp {
 public:
  explicit BareXdp(const Link& link) {
    memory_ = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    OSPREY_CHECK(memory_ != MAP_FAILED);
    const auto frame = PrebuiltFrame(LinkLayer::kEthernet);
    std::memcpy(memory_, frame.data(), frame.size());
    const xsk_umem_config memory{.fill_size = 64,
                                 .comp_size = kEntries,
                                 .frame_size = kBytes,
                                 .frame_headroom = 0,
                                 .flags = 0};
    OSPREY_CHECK(xsk_umem__create(&umem_, memory_, kBytes, &fill_, &completion_, &memory) == 0);
    xsk_socket_config config{};
    config.tx_size = kEntries;
    config.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;
    config.bind_flags = XDP_COPY | XDP_USE_NEED_WAKEUP;
    OSPREY_CHECK(
        xsk_socket__create(&socket_, link.name.c_str(), 0, umem_, nullptr, &tx_, &config) == 0);
    constexpr int kMaxTxSkbBudget = 9;  // Linux 6.17; 32 frames a call without it
    const uint32_t budget = kEntries;
    setsockopt(xsk_socket__fd(socket_), SOL_XDP, kMaxTxSkbBudget, &budget, sizeof budget);
  }
  ~BareXdp() {
    xsk_socket__delete(socket_);
    xsk_umem__delete(umem_);
    munmap(memory_, kBytes);
  }

  uint64_t Run(int64_t deadline_ns) {
    uint64_t done = 0;
    while (Before(deadline_ns)) {
      uint32_t at = 0;
      const uint32_t room = xsk_ring_prod__reserve(&tx_, kBatch, &at);
      for (uint32_t i = 0; i < room; ++i) {
        *xsk_ring_prod__tx_desc(&tx_, at + i) = {.addr = 0, .len = kFrameLength, .options = 0};
      }
      xsk_ring_prod__submit(&tx_, room);
      sendto(xsk_socket__fd(socket_), nullptr, 0, MSG_DONTWAIT, nullptr, 0);
      const uint32_t finished = xsk_ring_cons__peek(&completion_, kEntries, &at);
      xsk_ring_cons__release(&completion_, finished);
      done += finished;
    }
    return done;
  }

 private:
  static constexpr uint32_t kBatch = 64;
  static constexpr uint32_t kEntries = 256;
  static constexpr size_t kBytes = 4096;  // one chunk, with one frame

  void* memory_ = nullptr;
  xsk_ring_prod fill_{};
  xsk_ring_cons completion_{};
  xsk_ring_prod tx_{};
  xsk_umem* umem_ = nullptr;
  xsk_socket* socket_ = nullptr;
};

}  // namespace

std::optional<BareLoop> BareXdpLoop(const Link& link) {
  const auto loop = std::make_shared<BareXdp>(link);
  return BareLoop{"bare af_xdp-copy 64", [loop](int64_t d) { return loop->Run(d); }};
}

}  // namespace osprey::io
