// SPDX-License-Identifier: Apache-2.0
// Time for one host: from its replies to an observation, from the observation to its fingerprint
// and to its journal form and back, and from its result to the record and the line of NDJSON. One
// thread; inputs are a Linux-like host and a silent one.
//
//   fingerprint_bench                          (OSPREY_BENCH_DB: another database than Nmap's)

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/check.h"
#include "bench/allocation_count.h"
#include "benchmark/benchmark.h"
#include "db/database.h"
#include "engine/report.h"
#include "io/writers/ndjson_writer.h"
#include "matcher/fingerprint_builder.h"
#include "matcher/matcher.h"
#include "matcher/observation_codec.h"
#include "matcher/probe_id.h"

namespace osprey::matcher {
namespace {

constexpr std::array<uint8_t, 20> kOptions = {2,    4,    5,    0xB4, 4,    2,    8, 10, 0x12, 0x34,
                                              0x56, 0x78, 0xFF, 0xFF, 0xFF, 0xFF, 1, 3,  3,    10};

TcpAnswer Answer(size_t offset) {
  TcpAnswer answer;
  answer.seq = 0x9E3779B9U * static_cast<uint32_t>(offset + 1);
  answer.ack = 1001;
  answer.ttl = 61;
  answer.df = true;
  const bool open = offset <= Index(ProbeId::kT1);
  answer.window = open ? 0xFE88 : 0;
  answer.flags = open ? kTcpSyn | kTcpAck : kTcpRst | kTcpAck;
  if (open) {
    answer.options_length = kOptions.size();
    std::copy(kOptions.begin(), kOptions.end(), answer.options.begin());
    answer.options[11] = static_cast<uint8_t>(100 * offset);
  }
  return answer;
}

// Everything one round does to an observation.
void Record(Observation& round) {
  round.Begin({.seq0 = 1000, .ack0 = 2000, .u1_udp_checksum = 7, .u1_ttl = 60});
  for (int n = 0; n < 6; ++n) {
    round.NoteSeqSent(n, n * 100'000'000, 1'700'000'000'000'000'000);
    round.RecordTcp(static_cast<size_t>(n), Answer(static_cast<size_t>(n)));
  }
  for (size_t offset = Index(ProbeId::kEcn); offset < kTcpProbeCount; ++offset) {
    if (offset == Index(ProbeId::kT2) || offset == Index(ProbeId::kT3)) continue;
    round.RecordTcp(offset, Answer(offset));
  }
  round.RecordEcho(0, {.ip_id = 20, .ttl = 61, .code = 9}, true);
  round.RecordEcho(1, {.ip_id = 21, .ttl = 61, .code = 0}, true);
  UnreachableAnswer u1;
  u1.total_length = 356;
  u1.quoted_total_length = 328;
  u1.quoted_ip_id = 0x1042;
  u1.quoted_udp_checksum = 7;
  u1.quoted_ttl = 57;
  u1.quoted_ip_checksum = QuotedChecksum::kGood;
  round.RecordUnreachable(u1);
}

HostFacts Facts() {
  HostFacts facts;
  facts.open_tcp_port = 80;
  facts.closed_tcp_port = 81;
  return facts;
}

void CountAllocations(benchmark::State& state, size_t before) {
  const size_t count = bench::AllocationCount() - before;
  state.SetItemsProcessed(state.iterations());
  state.counters["allocations"] =
      benchmark::Counter(static_cast<double>(count), benchmark::Counter::kAvgIterations);
}

void BM_Observation_Record(benchmark::State& state) {
  Observation round;
  const size_t before = bench::AllocationCount();
  for (auto _ : state) {
    Record(round);
    benchmark::DoNotOptimize(round);
  }
  CountAllocations(state, before);
}
BENCHMARK(BM_Observation_Record);

void Build(benchmark::State& state, const Observation& round) {
  const HostFacts facts = Facts();
  db::Fingerprint fingerprint;
  SequenceFacts sequence;
  const size_t before = bench::AllocationCount();
  for (auto _ : state) {
    BuildFingerprint(round, facts, fingerprint, &sequence);
    benchmark::DoNotOptimize(fingerprint);
  }
  CountAllocations(state, before);
}

void BM_Fingerprint_Build(benchmark::State& state) {
  Observation round;
  Record(round);
  db::Fingerprint fingerprint;
  BuildFingerprint(round, Facts(), fingerprint);
  OSPREY_CHECK(fingerprint.LineText(db::LineId::kEcn) ==
               "ECN(R=Y%DF=Y%T=40%W=FE88%O=M5B4ST11NWA%CC=N%Q=)");
  Build(state, round);
}
BENCHMARK(BM_Fingerprint_Build);

void BM_Fingerprint_BuildSilent(benchmark::State& state) {
  Observation round;
  round.Begin({});
  Build(state, round);
}
BENCHMARK(BM_Fingerprint_BuildSilent);

void BM_Observation_Encode(benchmark::State& state) {
  Observation round;
  Record(round);
  const HostFacts facts = Facts();
  size_t bytes = 0;
  for (auto _ : state) {
    const std::string text = EncodeObservation(round, facts);
    bytes = text.size();
    benchmark::DoNotOptimize(text.data());
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["characters"] = static_cast<double>(bytes);
}
BENCHMARK(BM_Observation_Encode);

void BM_Observation_Decode(benchmark::State& state) {
  Observation round;
  Record(round);
  const std::string text = EncodeObservation(round, Facts());
  for (auto _ : state) {
    auto stored = DecodeObservation(text);
    OSPREY_CHECK(stored.ok());
    benchmark::DoNotOptimize(stored);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Observation_Decode);

const db::Image& TheImage() {
  static const db::Image& image = *new db::Image([] {
    const char* named = std::getenv("OSPREY_BENCH_DB");
    return db::OpenDatabase({.path = named != nullptr ? named : ""}).value().image;
  }());
  return image;
}

engine::HostResult FinishedHost() {
  engine::HostResult result;
  result.address = Ipv4Addr{0x0A400001};
  result.target_index = 123'456;
  result.facts = Facts();
  result.srtt_us = 1234;
  result.started_realtime_ns = 1'700'000'000'000'000'000;
  result.finished_realtime_ns = 1'700'000'001'000'000'000;
  result.ports.Note({.port = 80, .state = engine::PortState::kOpen});
  result.ports.Note({.port = 81, .state = engine::PortState::kClosed});
  Record(result.rounds.emplace_back());
  const Matcher matcher(TheImage());
  Scratch scratch(TheImage());
  db::Fingerprint fingerprint;
  BuildFingerprint(result.rounds[0], result.facts, fingerprint);
  matcher.Match(fingerprint, scratch, result.matches);
  OSPREY_CHECK(result.matches.count > 0);
  return result;
}

void BM_Record_Make(benchmark::State& state) {
  const engine::HostResult result = FinishedHost();
  const engine::ReportOptions options;
  const size_t before = bench::AllocationCount();
  for (auto _ : state) {
    benchmark::DoNotOptimize(engine::MakeRecord(result, TheImage(), options));
  }
  CountAllocations(state, before);
}
BENCHMARK(BM_Record_Make);

void BM_Record_Render(benchmark::State& state) {
  const io::Record record = engine::MakeRecord(FinishedHost(), TheImage(), {});
  io::JsonLine line;
  const size_t before = bench::AllocationCount();
  for (auto _ : state) {
    io::RenderRecord(record, line);
    benchmark::DoNotOptimize(line.view().data());
  }
  CountAllocations(state, before);
  state.counters["characters"] = static_cast<double>(line.view().size());
}
BENCHMARK(BM_Record_Render);

}  // namespace
}  // namespace osprey::matcher
