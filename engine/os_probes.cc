// SPDX-License-Identifier: Apache-2.0
#include "engine/os_probes.h"

#include <initializer_list>
#include <span>

#include "base/answers.h"
#include "base/check.h"
#include "io/wire/build.h"
#include "io/wire/quote.h"

namespace osprey::engine {
namespace {

namespace wire = io::wire;

using matcher::ProbeId;
using wire::ConstBytes;
using wire::FrameTemplate;
using wire::SendPath;

constexpr uint16_t kU1IpId = 0x1042;
constexpr size_t kU1DataBytes = 300;
constexpr uint16_t kFirstEchoSequence = 295;
constexpr uint16_t kEcnUrgentPointer = 0xF7F5;

// Option bytes, named as in the table of section 1.4.
struct Options {
  std::array<uint8_t, 20> bytes{};
  size_t length = 0;

  constexpr Options(std::initializer_list<uint8_t> list) : length(list.size()) {
    size_t at = 0;
    for (const uint8_t byte : list) bytes[at++] = byte;
  }
};
constexpr Options kA{3,    3,    10,   1,    2, 4, 0x05, 0xB4, 8, 10,
                     0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0,    0,    4, 2};
constexpr Options kB{2, 4, 0x05, 0x78, 3, 3, 0, 4, 2, 8, 10, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0};
constexpr Options kC{8, 10, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 1, 1, 3, 3, 5, 1, 2, 4, 0x02, 0x80};
constexpr Options kD{4, 2, 8, 10, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 3, 3, 10, 0};
constexpr Options kE{2,    4,    0x02, 0x18, 4, 2, 8, 10, 0xFF, 0xFF,
                     0xFF, 0xFF, 0,    0,    0, 0, 3, 3,  10,   0};
constexpr Options kF{2, 4, 0x01, 0x09, 4, 2, 8, 10, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0};
constexpr Options kG{3, 3, 10, 1, 2, 4, 0x05, 0xB4, 4, 2, 1, 1};
constexpr Options kH{3,    3,    10,   1,    2, 4, 0x01, 0x09, 8, 10,
                     0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0,    0,    4, 2};
constexpr Options kJ{3,    3,    15,   1,    2, 4, 0x01, 0x09, 8, 10,
                     0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0,    0,    4, 2};

// One row of the table of section 1.4.
struct TcpProbe {
  uint8_t flags;
  uint16_t window;
  const Options& options;
  bool df = false;
  bool to_closed_port = false;
};
constexpr TcpProbe kSeq[] = {
    {kTcpSyn, 1, kA}, {kTcpSyn, 63, kB}, {kTcpSyn, 4, kC},
    {kTcpSyn, 4, kD}, {kTcpSyn, 16, kE}, {kTcpSyn, 512, kF},
};
constexpr TcpProbe kEcn{kTcpSyn | kTcpEce | kTcpCwr, 3, kG};
constexpr TcpProbe kT2ToT7[] = {
    {.flags = 0, .window = 128, .options = kH, .df = true},
    {.flags = kTcpSyn | kTcpFin | kTcpUrg | kTcpPsh, .window = 256, .options = kH},
    {.flags = kTcpAck, .window = 1024, .options = kH, .df = true},
    {.flags = kTcpSyn, .window = 31337, .options = kH, .to_closed_port = true},
    {.flags = kTcpAck, .window = 32768, .options = kH, .df = true, .to_closed_port = true},
    {.flags = kTcpFin | kTcpPsh | kTcpUrg, .window = 65535, .options = kJ, .to_closed_port = true},
};
constexpr size_t kSeqProbes = std::size(kSeq);
constexpr size_t kEcnAt = Index(ProbeId::kEcn);
constexpr size_t kT1At = Index(ProbeId::kT1);
static_assert(kEcnAt == 2 * kSeqProbes &&
              kT1At + 1 + std::size(kT2ToT7) == matcher::kTcpProbeCount);

// `offset` is the probe's number. OPSn and T1 repeat SEQn and SEQ1.
const TcpProbe& TcpProbeAt(size_t offset) {
  if (offset < kEcnAt) return kSeq[offset % kSeqProbes];
  if (offset == kEcnAt) return kEcn;
  if (offset == kT1At) return kSeq[0];
  return kT2ToT7[offset - kT1At - 1];
}

FrameTemplate MakeTcp(const SendPath& path, size_t offset) {
  const TcpProbe& probe = TcpProbeAt(offset);
  const bool is_ecn = offset == kEcnAt;
  const ConstBytes options =
      std::as_bytes(std::span(probe.options.bytes.data(), probe.options.length));
  std::array<std::byte, FrameTemplate::kMaxBytes> packet;
  const size_t length = wire::BuildTcp({.df = probe.df, .ttl = 0, .source = path.source},
                                       {.reserved = is_ecn ? uint8_t{8} : uint8_t{0},
                                        .flags = probe.flags,
                                        .window = probe.window,
                                        .urgent = is_ecn ? kEcnUrgentPointer : uint16_t{0}},
                                       options, {}, packet);
  OSPREY_CHECK(length > 0);
  return FrameTemplate(path, std::span(packet).first(length));
}

FrameTemplate MakeEcho(const SendPath& path, uint8_t code, uint8_t tos, bool df, size_t data) {
  std::array<std::byte, FrameTemplate::kMaxBytes> packet;
  const std::array<std::byte, FrameTemplate::kMaxBytes> zeros{};
  const size_t length = wire::BuildIcmp({.tos = tos, .df = df, .ttl = 0, .source = path.source},
                                        {.type = wire::kIcmpEchoRequest, .code = code},
                                        std::span(zeros).first(data), packet);
  OSPREY_CHECK(length > 0);
  return FrameTemplate(path, std::span(packet).first(length));
}

FrameTemplate MakeU1(const SendPath& path) {
  std::array<std::byte, FrameTemplate::kMaxBytes> packet;
  std::array<std::byte, kU1DataBytes> data;
  data.fill(wire::kUdpProbePattern);
  const size_t length = wire::BuildUdp({.ttl = 0, .source = path.source}, {}, data, packet);
  OSPREY_CHECK(length > 0);
  return FrameTemplate(path, std::span(packet).first(length));
}

}  // namespace

OsProbes::OsProbes(const wire::SendPath& path) {
  for (size_t offset = 0; offset < matcher::kTcpProbeCount; ++offset) {
    templates_[offset] = MakeTcp(path, offset);
    tcp_rules_[offset] = {.seq_offset = static_cast<uint32_t>(offset < kSeqProbes ? offset : 0),
                          .ack_mask = offset == kEcnAt ? 0 : 0xFFFFFFFFu,
                          .to_closed_port = TcpProbeAt(offset).to_closed_port};
  }
  templates_[Index(ProbeId::kIe1)] = MakeEcho(path, /*code=*/9, /*tos=*/0, /*df=*/true, 120);
  templates_[Index(ProbeId::kIe2)] = MakeEcho(path, /*code=*/0, /*tos=*/4, /*df=*/false, 150);
  templates_[Index(ProbeId::kU1)] = MakeU1(path);
}

ProbeFrame OsProbes::WriteTcp(size_t offset, const wire::Destination& to,
                              const OsIdentity& identity, const ProbePorts& ports,
                              const PacketNoise& noise, std::byte* frame) const noexcept {
  const FrameTemplate& probe = templates_[offset];
  const TcpRule& rule = tcp_rules_[offset];
  std::byte* transport = probe.Write(to, noise.ip_id, noise.ttl, frame);
  probe.PatchTcp({.source_port = static_cast<HostOrderPort>(identity.tcp_base + offset),
                  .destination_port = rule.to_closed_port ? ports.closed : ports.open,
                  .seq = identity.seq0 + rule.seq_offset,
                  .ack = identity.ack0 & rule.ack_mask},
                 to.address, transport);
  return {.length = probe.length()};
}

ProbeFrame OsProbes::Write(matcher::ProbeId probe, const wire::Destination& to,
                           const OsIdentity& identity, const ProbePorts& ports,
                           const PacketNoise& noise, std::byte* frame) const noexcept {
  const size_t index = Index(probe);
  OSPREY_DCHECK(index < matcher::kProbeCount);
  if (index < matcher::kTcpProbeCount) {
    return WriteTcp(index, to, identity, ports, noise, frame);
  }
  const FrameTemplate& packet = templates_[index];
  if (probe == ProbeId::kU1) {
    std::byte* transport = packet.Write(to, kU1IpId, identity.u1_ttl, frame);
    return {.length = packet.length(),
            .udp_checksum = packet.PatchUdp(identity.udp_base, ports.udp, to.address, transport)};
  }
  const auto which = static_cast<uint16_t>(index - Index(ProbeId::kIe1));
  std::byte* transport = packet.Write(to, noise.ip_id, noise.ttl, frame);
  packet.PatchEcho(static_cast<uint16_t>(identity.icmpid + which),
                   static_cast<uint16_t>(kFirstEchoSequence + which), transport);
  return {.length = packet.length()};
}

}  // namespace osprey::engine
