// SPDX-License-Identifier: Apache-2.0
#pragma once
// A frame that is written once and sent many times: everything that never changes is there, with
// its part of both checksums, and each use copies it and patches the rest. A patch adds the words
// that it writes to the prepared sums, so nothing but the changed fields is read or summed again.
//
// Write begins a frame, then exactly one of PatchTcp, PatchUdp, PatchEcho finishes it:
//
//   std::byte* transport = syn.Write(to, ip_id, ttl, frame);
//   syn.PatchTcp({.source_port = ..., .destination_port = ..., .seq = ..., .ack = ...},
//                to.address, transport);
//
// A value, immutable after construction: any thread may use it. Values are in host byte order.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/address.h"
#include "io/wire/bytes.h"
#include "io/wire/checksum.h"
#include "io/wire/ipv4.h"
#include "io/wire/link_layer.h"
#include "io/wire/tcp.h"

namespace osprey::io::wire {

// Where frames leave: the same for all frames of a link and source address.
struct SendPath {
  LinkLayer layer = LinkLayer::kEthernet;
  MacAddr source_mac{};  // not used without Ethernet
  Ipv4Addr source{};
  uint16_t vlan = 0;  // 802.1Q tag of its frames; 0: none. Ethernet only
};

// Where one frame goes.
struct Destination {
  Ipv4Addr address{};
  MacAddr next_hop{};  // the host's own or the gateway's; not used without Ethernet
};

class FrameTemplate {
 public:
  // Longest frame: U1 on Ethernet has 342 bytes, 346 with a VLAN tag. Buffers given to Write have
  // this size.
  static constexpr size_t kMaxBytes = 384;

  FrameTemplate() = default;
  // `packet` is a whole IP packet from `path.source`, in which what is patched is 0: IP ID, TTL and
  // destination; TCP ports, sequence and acknowledgement numbers; UDP ports; the second four bytes
  // of an ICMP header and what follows as `payload`. Its checksums do not matter.
  // REQUIRES: packet.size() + 18 <= kMaxBytes
  FrameTemplate(const SendPath& path, ConstBytes packet);

  uint32_t length() const { return length_; }  // of the frame, in bytes

  // Copies the frame, up to kMaxBytes bytes of it, and patches everything but the transport header,
  // to which it returns a pointer.
  std::byte* Write(const Destination& to, uint16_t ip_id, uint8_t ttl,
                   std::byte* frame) const noexcept;

  struct TcpPatch {
    HostOrderPort source_port = 0;
    HostOrderPort destination_port = 0;
    uint32_t seq = 0;
    uint32_t ack = 0;
  };
  void PatchTcp(const TcpPatch& patch, Ipv4Addr destination, std::byte* transport) const noexcept;

  // Returns the checksum written.
  uint16_t PatchUdp(HostOrderPort source_port, HostOrderPort destination_port, Ipv4Addr destination,
                    std::byte* transport) const noexcept;

  void PatchEcho(uint16_t id, uint16_t sequence, std::byte* transport) const noexcept;
  // The first eight bytes of data as well, big-endian. REQUIRES: the message has as many.
  void PatchEcho(uint16_t id, uint16_t sequence, uint64_t payload,
                 std::byte* transport) const noexcept;

 private:
  // Copying a constant number of bytes needs no call. Discovery's probes fit into a cache line, and
  // most others into the second number (78 on Ethernet with a tag).
  static constexpr size_t kLineCopy = 64;
  static constexpr size_t kShortCopy = 80;

  uint64_t ip_sum_ = 0;
  uint64_t transport_sum_ = 0;  // with the known part of the pseudo header for TCP and UDP
  uint32_t length_ = 0;
  uint32_t ip_at_ = 0;  // offset of the IP header
  alignas(64) std::array<std::byte, kMaxBytes> bytes_{};
};

// Inline, because discovery runs through them for each probe.

inline std::byte* FrameTemplate::Write(const Destination& to, uint16_t ip_id, uint8_t ttl,
                                       std::byte* frame) const noexcept {
  if (length_ <= kLineCopy) {
    std::memcpy(frame, bytes_.data(), kLineCopy);
  } else if (length_ <= kShortCopy) {
    std::memcpy(frame, bytes_.data(), kShortCopy);
  } else {
    std::memcpy(frame, bytes_.data(), length_);
  }
  if (ip_at_ != 0) StoreMac(frame, to.next_hop);
  std::byte* ip = frame + ip_at_;
  Store16(ip + kIpv4IdAt, ip_id);
  Store8(ip + kIpv4TtlAt, ttl);
  StoreAddr(ip + kIpv4DestinationAt, to.address);
  const uint64_t sum = ip_sum_ + ip_id + (uint64_t{ttl} << 8) + SumWords(to.address.host_order);
  Store16(ip + kIpv4ChecksumAt, FinishChecksum(sum));
  return ip + kIpv4Bytes;
}

inline void FrameTemplate::PatchTcp(const TcpPatch& patch, Ipv4Addr destination,
                                    std::byte* transport) const noexcept {
  Store16(transport, patch.source_port);
  Store16(transport + 2, patch.destination_port);
  Store32(transport + kTcpSeqAt, patch.seq);
  Store32(transport + kTcpAckAt, patch.ack);
  const uint64_t sum = transport_sum_ + SumWords(destination.host_order) + patch.source_port +
                       patch.destination_port + SumWords(patch.seq) + SumWords(patch.ack);
  Store16(transport + kTcpChecksumAt, FinishChecksum(sum));
}

}  // namespace osprey::io::wire
