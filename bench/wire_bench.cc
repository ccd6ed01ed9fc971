// SPDX-License-Identifier: Apache-2.0
// What one packet costs: writing each kind of frame, and parsing each kind of reply.
//
//   build/release/bin/wire_bench --benchmark_repetitions=5 --benchmark_report_aggregates_only=true

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/tcp_options.h"
#include "engine/discovery_probes.h"
#include "engine/os_probes.h"
#include "io/wire/build.h"
#include "io/wire/parse.h"

namespace osprey::engine {
namespace {

namespace wire = io::wire;
using matcher::ProbeId;

constexpr wire::SendPath kPath{
    .layer = io::LinkLayer::kEthernet, .source_mac = {{2, 0, 0, 0, 0, 1}}, .source = {0xC0000201}};
constexpr OsIdentity kIdentity{.seq0 = 0x12345678,
                               .ack0 = 0x9ABCDEF0,
                               .icmpid = 77,
                               .tcp_base = 40000,
                               .udp_base = 41000,
                               .u1_ttl = 60};
using FrameBuffer = std::array<std::byte, wire::FrameTemplate::kMaxBytes>;

// Every lease of a send ring is another buffer: 64 of them, used in turn.
class Buffers {
 public:
  std::byte* Next() { return frames_[next_++ % frames_.size()].data(); }

 private:
  alignas(64) std::array<FrameBuffer, 64> frames_{};
  size_t next_ = 0;
};

wire::Destination Target(uint32_t n) {
  return {.address = {0x0A000000 + n}, .next_hop = {{2, 0, 0, 0, 0, 2}}};
}

void BM_OsProbes_Write(benchmark::State& state) {
  const auto probe = static_cast<ProbeId>(state.range(0));
  const OsProbes probes(kPath);
  Buffers buffers;
  FrameBuffer checked;
  const ProbeFrame frame =
      probes.Write(probe, Target(1), kIdentity, {80, 81, 31000}, {1, 40}, checked.data());
  OSPREY_CHECK(wire::TransportChecksum({checked.data(), frame.length}, kPath.layer) ==
               wire::ChecksumState::kGood);
  uint32_t n = 0;
  for (auto _ : state) {
    ++n;
    const PacketNoise noise{.ip_id = static_cast<uint16_t>(n), .ttl = 40};
    std::byte* buffer = buffers.Next();
    benchmark::DoNotOptimize(
        probes.Write(probe, Target(n), kIdentity, {80, 81, 31000}, noise, buffer));
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations());
  state.SetLabel(std::string(matcher::kProbeNames[Index(probe)]));
}
BENCHMARK(BM_OsProbes_Write)
    ->Arg(static_cast<int>(ProbeId::kSeq1))
    ->Arg(static_cast<int>(ProbeId::kEcn))
    ->Arg(static_cast<int>(ProbeId::kIe1))
    ->Arg(static_cast<int>(ProbeId::kIe2))
    ->Arg(static_cast<int>(ProbeId::kU1));

// The sixteen probes of one host in their order, which are as many templates.
void BM_OsProbes_WholeRound(benchmark::State& state) {
  const OsProbes probes(kPath);
  Buffers buffers;
  uint32_t n = 0;
  for (auto _ : state) {
    ++n;
    for (const int i : {0, 1, 2, 3, 4, 5, 20, 21, 22, 12, 14, 15, 16, 17, 18, 19}) {
      benchmark::DoNotOptimize(probes.Write(static_cast<ProbeId>(i), Target(n), kIdentity,
                                            {80, 81, 31000}, {static_cast<uint16_t>(n), 40},
                                            buffers.Next()));
      benchmark::ClobberMemory();
    }
  }
  state.SetItemsProcessed(state.iterations() * 16);
}
BENCHMARK(BM_OsProbes_WholeRound);

void BM_DiscoveryProbes_Syn(benchmark::State& state) {
  const DiscoveryProbes probes(kPath);
  Buffers buffers;
  uint32_t n = 0;
  for (auto _ : state) {
    ++n;
    benchmark::DoNotOptimize(probes.WriteSyn(Target(n), 443, {.source_port = 65230, .seq = n},
                                             {static_cast<uint16_t>(n), 40}, buffers.Next()));
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_DiscoveryProbes_Syn);

struct Received {
  FrameBuffer frame{};
  size_t length = 0;
};
void ParseLoop(benchmark::State& state, const Received& received, wire::ChecksumPolicy policy) {
  const std::span<const std::byte> frame(received.frame.data(), received.length);
  wire::Reply reply;
  OSPREY_CHECK(wire::Parse(frame, io::LinkLayer::kNone, reply, policy) ==
               wire::ParseOutcome::kAccepted);
  for (auto _ : state) {
    benchmark::DoNotOptimize(wire::Parse(frame, io::LinkLayer::kNone, reply, policy));
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations());
}

constexpr wire::Ipv4Header kFromHost{
    .ttl = 64, .source = {0x0A000001}, .destination = {0xC0000201}};
constexpr std::array<uint8_t, 20> kLinuxOptions{2, 4, 5, 0xB4, 4, 2, 8, 10, 1, 2,
                                                3, 4, 5, 6,    7, 8, 1, 3,  3, 7};

void BM_Parse_SynAck(benchmark::State& state) {
  Received received;
  received.length = BuildTcp(
      kFromHost,
      {.source_port = 80, .destination_port = 40000, .flags = kTcpSyn | kTcpAck, .window = 65160},
      std::as_bytes(std::span(kLinuxOptions)), {}, received.frame);
  ParseLoop(state, received, static_cast<wire::ChecksumPolicy>(state.range(0)));
}
BENCHMARK(BM_Parse_SynAck)->ArgName("drop_bad_checksums")->Arg(0)->Arg(1);

void BM_Parse_PortUnreachable(benchmark::State& state) {
  FrameBuffer probe;
  const size_t probe_bytes =
      OsProbes({.layer = io::LinkLayer::kNone, .source = kPath.source})
          .Write(ProbeId::kU1, Target(1), kIdentity, {80, 81, 31000}, {}, probe.data())
          .length;
  Received received;
  received.length = BuildIcmp(kFromHost, {.type = wire::kIcmpUnreachable, .code = 3},
                              std::span(probe).first(probe_bytes), received.frame);
  ParseLoop(state, received, static_cast<wire::ChecksumPolicy>(state.range(0)));
}
BENCHMARK(BM_Parse_PortUnreachable)->ArgName("drop_bad_checksums")->Arg(0)->Arg(1);

void BM_TcpOptions_String(benchmark::State& state) {
  std::array<char, kMaxOptionString> text;
  for (auto _ : state) {
    benchmark::DoNotOptimize(OptionString(kLinuxOptions, text.data()));
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_TcpOptions_String);

}  // namespace
}  // namespace osprey::engine
