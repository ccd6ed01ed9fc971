// SPDX-License-Identifier: Apache-2.0
#pragma once
// The sixteen OS detection probes of docs/os-detection.md, section 1, as frames: SEQ1..6 with their
// repeats OPS1..6 and T1, ECN, T2..T7, IE1, IE2 and U1. Each is a template made at construction;
// writing one copies it and patches what differs between hosts, rounds and transmissions.
//
// Immutable after construction: any thread may call Write. No method allocates. Values are in host
// byte order. IPv4 only.

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/address.h"
#include "engine/identity.h"
#include "io/wire/frame_template.h"
#include "matcher/probe_id.h"

namespace osprey::engine {

// The ports of section 2 that the probes of one round go to.
struct ProbePorts {
  HostOrderPort open = 0;    // SEQ, OPS, ECN, T1..T4
  HostOrderPort closed = 0;  // T5..T7
  HostOrderPort udp = 0;     // U1
};

struct ProbeFrame {
  uint32_t length = 0;        // of the whole frame, in bytes
  uint16_t udp_checksum = 0;  // U1: as sent, which RUCK compares with; else 0
};

class OsProbes {
 public:
  explicit OsProbes(const io::wire::SendPath& path);

  // Writes the frame of one transmission. `noise` gives TTL and IP ID of every probe but U1, whose
  // TTL is the round's and whose IP ID is always 0x1042.
  // REQUIRES: `frame` has room for io::wire::FrameTemplate::kMaxBytes bytes.
  ProbeFrame Write(matcher::ProbeId probe, const io::wire::Destination& to,
                   const OsIdentity& identity, const ProbePorts& ports, const PacketNoise& noise,
                   std::byte* frame) const noexcept;

 private:
  // A TCP probe's numbers relative to the round's.
  struct TcpRule {
    uint32_t seq_offset = 0;  // SEQn: n - 1
    uint32_t ack_mask = 0;    // 0: the acknowledgement number is 0 whatever ack0 is (ECN)
    bool to_closed_port = false;
  };

  ProbeFrame WriteTcp(size_t offset, const io::wire::Destination& to, const OsIdentity& identity,
                      const ProbePorts& ports, const PacketNoise& noise,
                      std::byte* frame) const noexcept;

  std::array<io::wire::FrameTemplate, matcher::kProbeCount> templates_;
  std::array<TcpRule, matcher::kTcpProbeCount> tcp_rules_;
};

}  // namespace osprey::engine
