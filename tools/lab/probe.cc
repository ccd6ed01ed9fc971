// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/probe.h"

#include "base/answers.h"

namespace osprey::lab {
namespace {

ReadResult ReadTcp(Probe& out) {
  if (!wire::LoadTcp(out.transport, out.tcp)) return ReadResult::kShort;
  const size_t header = out.tcp.header_bytes;
  if (header < wire::kTcpBytes || header > out.transport.size()) return ReadResult::kBadLength;
  out.options = ReadOptions(out.transport.subspan(wire::kTcpBytes, header - wire::kTcpBytes));
  return ReadResult::kOk;
}

ReadResult ReadTransport(Probe& out) {
  switch (out.ip.protocol) {
    case wire::kProtocolTcp:
      return ReadTcp(out);
    case wire::kProtocolUdp:
      return wire::LoadUdp(out.transport, out.udp) ? ReadResult::kOk : ReadResult::kShort;
    case wire::kProtocolIcmp:
      return wire::LoadIcmp(out.transport, out.icmp) ? ReadResult::kOk : ReadResult::kShort;
    default:
      return ReadResult::kProtocol;
  }
}

}  // namespace

ReadResult ReadProbe(wire::ConstBytes packet, int64_t arrival_ns, Probe& out) noexcept {
  if (!wire::LoadIpv4(packet, out.ip)) return ReadResult::kShort;
  if (out.ip.version != 4) return ReadResult::kNotIpv4;
  if (out.ip.header_bytes < wire::kIpv4Bytes || out.ip.total_length > packet.size() ||
      out.ip.header_bytes > out.ip.total_length) {
    return ReadResult::kBadLength;
  }
  if (out.ip.mf || out.ip.fragment_offset != 0) return ReadResult::kFragment;
  out.packet = packet.first(out.ip.total_length);
  out.transport = out.packet.subspan(out.ip.header_bytes);
  out.arrival_ns = arrival_ns;
  return ReadTransport(out);
}

int SynIndex(const Probe& probe) noexcept {
  struct Sign {
    uint16_t window;
    uint8_t option_bytes;
    uint32_t first;  // four option bytes
  };
  constexpr std::array<Sign, 6> kSigns = {{{1, 20, 0x03030A01},
                                           {63, 20, 0x02040578},
                                           {4, 20, 0x080AFFFF},
                                           {4, 16, 0x0402080A},
                                           {16, 20, 0x02040218},
                                           {512, 16, 0x02040109}}};
  const size_t option_bytes = probe.tcp.header_bytes - wire::kTcpBytes;
  if (option_bytes < 16) return -1;
  const uint32_t first = wire::Load32(probe.transport.data() + wire::kTcpBytes);
  for (size_t i = 0; i < kSigns.size(); ++i) {
    if (kSigns[i].window == probe.tcp.window && kSigns[i].option_bytes == option_bytes &&
        kSigns[i].first == first) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

size_t Reply::Build(std::span<std::byte> out) const noexcept {
  switch (kind) {
    case Kind::kTcp:
      return wire::BuildTcp(ip, tcp, options.view(), data(), out);
    case Kind::kIcmp:
      return wire::BuildIcmp(ip, icmp, data(), out);
    case Kind::kNone:
      break;
  }
  return 0;
}

}  // namespace osprey::lab
