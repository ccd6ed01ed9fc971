// SPDX-License-Identifier: Apache-2.0
#pragma once
// One received packet, parsed once by the capture thread into a fixed-size value that crosses to
// the lane that owns the host. Host byte order throughout.

#include <cstdint>

#include "base/address.h"
#include "base/answers.h"

namespace osprey::io::wire {

enum class ReplyKind : uint8_t {
  kTcp,
  kEcho,       // ICMP echo reply
  kIcmpError,  // destination unreachable, time exceeded, ...: see IcmpError
  kArp,        // ARP reply (or request: the sender's address is known either way)
};

struct TcpReply {
  HostOrderPort source_port = 0;
  HostOrderPort destination_port = 0;
  TcpAnswer answer;
};

struct EchoReply {
  uint16_t id = 0;
  uint16_t sequence = 0;
  EchoAnswer answer;
};

// Any ICMP error that quotes a packet. The quoted packet's source may be ours or not.
struct IcmpError {
  uint8_t type = 0;
  uint8_t code = 0;
  uint8_t quoted_protocol = 0;       // 1, 6, 17
  bool quotes_udp_header = false;    // a complete IP header (length field >= 5) and 8 bytes of UDP
  bool has_quoted_ports = false;     // at least 4 bytes behind the quoted IP header
  Ipv4Addr quoted_source;
  Ipv4Addr quoted_destination;
  HostOrderPort quoted_source_port = 0;       // for ICMP echo quotes: 0
  HostOrderPort quoted_destination_port = 0;
  uint32_t quoted_tcp_seq = 0;       // bytes 4..7 behind the quoted IP header, if there
  uint16_t quoted_icmp_id = 0;       // the same bytes, for quoted_protocol 1
  uint16_t quoted_icmp_sequence = 0;
  UnreachableAnswer answer;          // complete only if quotes_udp_header
};

struct Reply {
  int64_t realtime_ns = 0;  // capture stamp
  Ipv4Addr source;
  Ipv4Addr destination;
  MacAddr source_mac;       // zero on links without Ethernet
  ReplyKind kind = ReplyKind::kTcp;
  uint8_t link = 0;         // index of the link it came in on; set by the capture thread
  uint16_t total_length = 0;
  union {
    TcpReply tcp;
    EchoReply echo;
    IcmpError icmp;
  };
  Reply() : tcp() {}
};

}  // namespace osprey::io::wire
