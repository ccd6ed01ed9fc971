// SPDX-License-Identifier: Apache-2.0
#pragma once
// A packet as an emulated host receives it, and the reply it is about to give. Host byte order.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "io/wire/build.h"
#include "tools/lab/option_text.h"

namespace osprey::lab {

namespace wire = io::wire;

struct Probe {
  wire::Ipv4Header ip;
  wire::ConstBytes packet;     // from the IP header to the end that its length gives
  wire::ConstBytes transport;  // behind the IP header
  wire::TcpHeader tcp;         // by ip.protocol, else zero
  wire::UdpHeader udp;
  wire::IcmpHeader icmp;
  SeenOptions options;     // TCP
  int64_t arrival_ns = 0;  // real time
};

enum class ReadResult : uint8_t { kOk, kShort, kNotIpv4, kFragment, kProtocol, kBadLength };

// `packet` begins with the IP header and may have padding behind it. Checksums are not looked at:
// packets of a local kernel carry unfinished ones. The views in `out` are those of `packet`.
ReadResult ReadProbe(wire::ConstBytes packet, int64_t arrival_ns, Probe& out) noexcept;

// Which of the six SYNs of OS detection (docs/os-detection.md, 1.4) it is, 0..5; -1 if none.
int SynIndex(const Probe& probe) noexcept;

// A reply before it is bytes: what middleboxes may still change.
struct Reply {
  enum class Kind : uint8_t { kNone, kTcp, kIcmp } kind = Kind::kNone;
  wire::Ipv4Header ip;
  wire::TcpHeader tcp;
  wire::IcmpHeader icmp;
  OptionTemplate options;
  size_t payload_size = 0;
  std::array<std::byte, 1480> payload;  // TCP data, echo data or quoted packet

  wire::ConstBytes data() const { return {payload.data(), payload_size}; }
  // Returns the length of the packet, 0 if it does not fit into `out`.
  size_t Build(std::span<std::byte> out) const noexcept;
};

}  // namespace osprey::lab
