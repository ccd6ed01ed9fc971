// SPDX-License-Identifier: Apache-2.0
#pragma once
// The form in which a measurement is kept in the journal, so that a newer database or a corrected
// rule can be applied to old scans without sending a packet: base64url text (no padding) of
//
//   u8 version = 1
//   facts   u8 flags (open port, closed port, closed UDP port, localhost, UDP scan requested,
//           probes failed, MAC known: bits 0..6), u8 timing template, i16 hop distance,
//           u32 largest SEQ span in ms, u32 scan delay in ms, then what bits 0, 1, 2 announce:
//           u16 each, and bit 6: 3 bytes
//   round   u32 seq0, u32 ack0, u16 U1's UDP checksum, u8 U1's TTL, u8 timestamp support,
//           i64 real time of the first SEQ probe in us
//   masks   u8 each: SEQ sent, answered, good; OPS filled; lines filled (ECN is bit 0);
//           others filled (IE1, IE2, U1)
//   SEQ     for each bit of sent: u32 sent_us; for each of good: u32 isn, u32 tsval, u16 ip id
//   OPS     for each: u16 window, options
//   lines   for each: u32 seq, u32 ack, u32 data CRC, u16 window, u16 urgent, u16 ip id, u8 ttl,
//           u8 flags, u8 reserved bits + 16 * DF, options (T1: none)
//   IE      for each: u16 ip id, u8 ttl, u8 code, u8 flags (DF, usable for II, last)
//   U1      u32 unused, u16 total length, u16 quoted total length, u16 quoted ip id,
//           u16 quoted UDP checksum, u8 ttl, u8 quoted ttl, u8 IP checksum state, u8 flags (DF,
//           data intact)
//
// all little-endian, options being a length byte and that many bytes. Fields are never changed
// within a version. What only matters while replies still arrive is not kept. Pure functions.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "matcher/host_facts.h"
#include "matcher/observation.h"

namespace osprey::matcher {

struct StoredObservation {
  Observation round;  // complete: to be read, not to be added to
  HostFacts facts;
};

// Allocates the result only.
std::string EncodeObservation(const Observation& round, const HostFacts& facts);

// InvalidArgument says what is wrong and at which byte of the decoded form. Whatever the text, a
// result that is returned can be given to BuildFingerprint.
absl::StatusOr<StoredObservation> DecodeObservation(std::string_view text);

}  // namespace osprey::matcher
