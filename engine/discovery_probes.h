// SPDX-License-Identifier: Apache-2.0
#pragma once
// The packets of discovery as frames: TCP SYN and ACK, ICMP echo, UDP, ARP request, and the reset
// that ends a handshake which a SYN began. Their numbers come from the cookies (engine/cookie.h).
// Each is a template made at construction; writing one copies it and patches what differs.
//
//   SYN    44 bytes of IP: MSS 1460, window 64240, as a usual host would open a connection
//   ACK    40 bytes, window 1024
//   echo   36 bytes: code 0, eight bytes of data
//   UDP    28 bytes: no data
//   reset  40 bytes: RST without ACK, window 0
//   ARP    28 bytes behind an Ethernet broadcast; the answer to somebody else's likewise
//
// Immutable after construction: any thread may call. No method allocates. Values are in host byte
// order. Every Write* returns the length of the frame in bytes.
// REQUIRES for each: `frame` has room for io::wire::FrameTemplate::kMaxBytes bytes.

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/address.h"
#include "engine/cookie.h"
#include "engine/identity.h"
#include "io/wire/frame_template.h"

namespace osprey::engine {

class DiscoveryProbes {
 public:
  explicit DiscoveryProbes(const io::wire::SendPath& path);

  uint32_t WriteSyn(const io::wire::Destination& to, HostOrderPort port, const TcpCookie& cookie,
                    const PacketNoise& noise, std::byte* frame) const noexcept;
  uint32_t WriteAck(const io::wire::Destination& to, HostOrderPort port, const TcpCookie& cookie,
                    const PacketNoise& noise, std::byte* frame) const noexcept;
  uint32_t WriteEcho(const io::wire::Destination& to, const EchoCookie& cookie,
                     const PacketNoise& noise, std::byte* frame) const noexcept;
  // The IP ID is the cookie's; of `noise` only the TTL is used.
  uint32_t WriteUdp(const io::wire::Destination& to, HostOrderPort port, const UdpCookie& cookie,
                    const PacketNoise& noise, std::byte* frame) const noexcept;

  // Answers a SYN-ACK: from our port `from` to `port`. `seq` is the SYN-ACK's acknowledgement
  // number, which is what the other side takes a reset for.
  uint32_t WriteReset(const io::wire::Destination& to, HostOrderPort port, HostOrderPort from,
                      uint32_t seq, const PacketNoise& noise, std::byte* frame) const noexcept;

  // Tells `host` at `to`, which asked, that our source address is at our MAC address. Returns 0 as
  // below.
  uint32_t WriteArpReply(Ipv4Addr host, const MacAddr& to, std::byte* frame) const noexcept;

  // Asks for the MAC address of `host`. Returns 0 and writes nothing on links without Ethernet.
  uint32_t WriteArp(Ipv4Addr host, std::byte* frame) const noexcept;

 private:
  uint32_t WriteTcp(const io::wire::FrameTemplate& probe, const io::wire::Destination& to,
                    const io::wire::FrameTemplate::TcpPatch& patch, const PacketNoise& noise,
                    std::byte* frame) const noexcept;

  io::wire::FrameTemplate syn_;
  io::wire::FrameTemplate ack_;
  io::wire::FrameTemplate reset_;
  io::wire::FrameTemplate echo_;
  io::wire::FrameTemplate udp_;
  std::array<std::byte, 46> arp_{};  // Ethernet header, perhaps a tag, and request for 0.0.0.0
  uint32_t arp_at_ = 0;              // of the request in it
  uint32_t arp_length_ = 0;
};

// Inline, because discovery runs through them for each probe.

inline uint32_t DiscoveryProbes::WriteTcp(const io::wire::FrameTemplate& probe,
                                          const io::wire::Destination& to,
                                          const io::wire::FrameTemplate::TcpPatch& patch,
                                          const PacketNoise& noise,
                                          std::byte* frame) const noexcept {
  std::byte* transport = probe.Write(to, noise.ip_id, noise.ttl, frame);
  probe.PatchTcp(patch, to.address, transport);
  return probe.length();
}

inline uint32_t DiscoveryProbes::WriteSyn(const io::wire::Destination& to, HostOrderPort port,
                                          const TcpCookie& cookie, const PacketNoise& noise,
                                          std::byte* frame) const noexcept {
  return WriteTcp(syn_, to, {cookie.source_port, port, cookie.seq, 0}, noise, frame);
}

inline uint32_t DiscoveryProbes::WriteAck(const io::wire::Destination& to, HostOrderPort port,
                                          const TcpCookie& cookie, const PacketNoise& noise,
                                          std::byte* frame) const noexcept {
  return WriteTcp(ack_, to, {cookie.source_port, port, cookie.seq, cookie.ack}, noise, frame);
}

}  // namespace osprey::engine
