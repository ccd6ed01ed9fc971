// SPDX-License-Identifier: Apache-2.0
#pragma once
// One received packet, parsed once by the capture thread into a fixed-size value that crosses to
// the lane that owns the host. Trivially copyable; host byte order throughout.

#include <cstdint>
#include <type_traits>

#include "base/address.h"
#include "base/answers.h"

namespace osprey::io::wire {

enum class ReplyKind : uint8_t {
  kTcp,
  kEcho,       // ICMP echo reply
  kIcmpError,  // destination unreachable, time exceeded, ...: see IcmpError
  kUdp,        // a datagram: the port it comes from is open
  kArp,        // ARP reply or request: source and source_mac are the sender's either way
};

struct TcpReply {
  HostOrderPort source_port = 0;
  HostOrderPort destination_port = 0;
  TcpAnswer answer;
};

struct EchoReply {
  uint16_t id = 0;
  uint16_t sequence = 0;
  bool has_payload = false;  // at least 8 bytes of data
  uint64_t payload = 0;      // the first 8 bytes of data, big-endian: discovery's cookie
  EchoAnswer answer;
};

struct UdpReply {
  HostOrderPort source_port = 0;
  HostOrderPort destination_port = 0;
  uint16_t data_bytes = 0;  // behind the UDP header, as captured
};

struct ArpMessage {
  bool is_request = false;  // asks for Reply::destination
};

// Any ICMP error (types 3, 4, 11, 12) that quotes a packet. The quoted packet's source may be ours
// or not, and its protocol is not looked at: fields read as ports, ids and sequence numbers are
// what lies at their place.
struct IcmpError {
  uint8_t type = 0;
  uint8_t code = 0;
  uint8_t quoted_protocol = 0;
  bool has_quoted_ports = false;   // at least 4 bytes behind the quoted IP header
  bool quotes_udp_header = false;  // at least 8 bytes behind it
  Ipv4Addr quoted_source{};
  Ipv4Addr quoted_destination{};
  HostOrderPort quoted_source_port = 0;  // bytes 0..1 behind the quoted IP header
  HostOrderPort quoted_destination_port = 0;
  uint32_t quoted_tcp_seq = 0;  // bytes 4..7, if there
  uint16_t quoted_icmp_id = 0;  // the same bytes, for a quoted echo request
  uint16_t quoted_icmp_sequence = 0;
  UnreachableAnswer answer;  // complete only if quotes_udp_header
};

struct Reply {
  int64_t realtime_ns = 0;  // capture stamp
  Ipv4Addr source{};
  Ipv4Addr destination{};
  MacAddr source_mac{};  // zero without Ethernet; of ARP packets the sender they name
  ReplyKind kind = ReplyKind::kTcp;
  uint8_t link = 0;           // index of the link it came in on; set by the capture thread
  uint16_t total_length = 0;  // of the IP packet, as its header says; 0 for ARP
  union {
    TcpReply tcp;
    EchoReply echo;
    IcmpError icmp;
    UdpReply udp;
    ArpMessage arp;
  };
  Reply() : tcp() {}
};
static_assert(std::is_trivially_copyable_v<Reply>);

}  // namespace osprey::io::wire
