// SPDX-License-Identifier: Apache-2.0
#pragma once
// Received frame -> Reply: the acceptance rules of docs/os-detection.md, 1.6, and the reductions of
// 3.7 and 3.8 that need the packet's bytes. Pure functions: no state, no allocation, every loop
// bounded by the bytes that were captured. Whose packet it is, and whether it answers anything, is
// for the owner of the host to say.

#include <cstdint>
#include <span>
#include <string_view>

#include "io/wire/link_layer.h"
#include "io/wire/reply.h"

namespace osprey::io::wire {

// What became of a frame. All but the first mean that it is dropped; each is counted by itself.
enum class ParseOutcome : uint8_t {
  kAccepted,
  kTruncated,          // shorter than the headers it must have
  kNotIpv4,            // another protocol on the link, or another IP version
  kBadHeaderLength,    // IP header length under 20 or beyond the packet
  kBadTotalLength,     // IP total length smaller than the IP header
  kFragment,           // fragment offset is not 0 (a first fragment is accepted)
  kBadTcpHeader,       // data offset under 5 words or beyond the packet
  kBadTcpOptions,      // options that fail the acceptance walk
  kUnhandledProtocol,  // not TCP, UDP or ICMP
  kUnhandledIcmpType,  // no echo reply and no error
  kBadQuote,           // an ICMP error that does not quote a whole IP header
  kBadArp,             // ARP, but not for IPv4 over Ethernet
  kBadIpChecksum,      // these two only with ChecksumPolicy::kDropBad
  kBadTransportChecksum,
  kCount,  // not an outcome
};

// A short lower_snake name for counters, "accepted" for the first.
std::string_view ParseOutcomeName(ParseOutcome outcome);

// The baseline does not look at checksums. Dropping bad ones is safe on captures of the own machine
// too: see TransportChecksum.
enum class ChecksumPolicy : uint8_t { kAccept, kDropBad };

// Fills `out` if the frame is accepted, except realtime_ns and link, which the caller knows. `out`
// has unspecified values otherwise. `frame` may be cut short by the capture: what was not captured
// counts as not sent, except that total_length is what the header says.
[[nodiscard]] ParseOutcome Parse(std::span<const std::byte> frame, LinkLayer layer, Reply& out,
                                 ChecksumPolicy checksums = ChecksumPolicy::kAccept) noexcept;

enum class ChecksumState : uint8_t {
  kGood,
  kPartial,  // only the pseudo header is summed: the sender left the rest to its network card
  kAbsent,   // UDP without checksum
  kUnknown,  // not all of the packet is there, a fragment, or not TCP, UDP or ICMP
  kBad,
};

// Looks at the TCP, UDP or ICMP checksum of a frame. A packet that never left the machine (veth,
// loopback) often carries a partial checksum, which is recognised by its value.
[[nodiscard]] ChecksumState TransportChecksum(std::span<const std::byte> frame,
                                              LinkLayer layer) noexcept;

// True unless the checksum is known to be bad.
[[nodiscard]] inline bool TransportChecksumGood(std::span<const std::byte> frame,
                                                LinkLayer layer) noexcept {
  return TransportChecksum(frame, layer) != ChecksumState::kBad;
}

}  // namespace osprey::io::wire
