// SPDX-License-Identifier: Apache-2.0
// What the engine's building blocks cost, each per element: order of hosts, target lookups, cookies
// and identities, pacing, timers, done-set. Results are checked once before the timing.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "engine/cookie.h"
#include "engine/done_set.h"
#include "engine/identity.h"
#include "engine/pacer.h"
#include "engine/permutation.h"
#include "engine/target_set.h"
#include "engine/timer_wheel.h"

namespace osprey {
namespace {

// Argument: size. 2^32 is the best case of cycle walking, 2^31 + 1 the worst.
void BM_Permutation_Forward(benchmark::State& state) {
  const auto size = static_cast<uint64_t>(state.range(0));
  const Permutation permutation(size, DeriveKey(1, "bench"));
  OSPREY_CHECK(permutation.Inverse(permutation.Forward(12345)) == 12345);
  uint64_t position = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(permutation.Forward(static_cast<uint32_t>(position)));
    if (++position == size) position = 0;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Permutation_Forward)
    ->Arg(1 << 22)
    ->Arg(3'702'258'432)
    ->Arg((int64_t{1} << 31) + 1)
    ->Arg(int64_t{1} << 32);

// What discovery does: 64 at a time. Argument: kernel, the best one first.
const HashKernel* KernelOf(benchmark::State& state) {
  const auto kernels = SupportedHashKernels();
  const auto which = static_cast<size_t>(state.range(0));
  if (which >= kernels.size()) {
    state.SkipWithError("this CPU has no such kernel");
    return nullptr;
  }
  state.SetLabel(std::string(kernels[which]->name));
  return kernels[which];
}

void BM_Permutation_ForwardAll(benchmark::State& state) {
  const HashKernel* const kernel = KernelOf(state);
  if (kernel == nullptr) return;
  const Permutation permutation(1 << 22, DeriveKey(1, "bench"), *kernel);
  std::vector<uint32_t> values(64);
  uint32_t position = 0;
  for (auto _ : state) {
    for (uint32_t& value : values) value = position++ & ((1 << 22) - 1);
    permutation.ForwardAll(values);
    benchmark::DoNotOptimize(values.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * 64);
}
BENCHMARK(BM_Permutation_ForwardAll)->DenseRange(0, 1);

void BM_SipHash_All(benchmark::State& state) {
  const HashKernel* const kernel = KernelOf(state);
  if (kernel == nullptr) return;
  const HashKey key = DeriveKey(1, "bench");
  std::vector<uint64_t> words(64);
  uint64_t next = 0;
  for (auto _ : state) {
    for (uint64_t& word : words) word = next++;
    kernel->siphash(key.data(), words.data(), words.size());
    benchmark::DoNotOptimize(words.data());
    benchmark::ClobberMemory();
  }
  OSPREY_CHECK(words[63] == KeyedHash(key, next - 1));
  state.SetItemsProcessed(state.iterations() * 64);
}
BENCHMARK(BM_SipHash_All)->DenseRange(0, 1);

void BM_Permutation_Inverse(benchmark::State& state) {
  const Permutation permutation(3'702'258'432, DeriveKey(1, "bench"));
  uint32_t element = 0;
  for (auto _ : state) benchmark::DoNotOptimize(permutation.Inverse(element++ & 0x7FFFFFFF));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Permutation_Inverse);

IntervalSet RandomAddresses(size_t count) {
  std::mt19937_64 random(1);
  IntervalCollector collector;
  for (size_t i = 0; i < count; ++i) {
    const auto addr = static_cast<uint32_t>(random());
    OSPREY_CHECK(collector.Add({addr, addr}).ok());
  }
  return IntervalSet(collector.Take());
}

// Argument: single addresses in the list. The access is random, as the permutation makes it.
void BM_TargetSet_At(benchmark::State& state) {
  const IntervalSet set = RandomAddresses(static_cast<size_t>(state.range(0)));
  OSPREY_CHECK(set.IndexOf(set.At(set.size() / 2)) == set.size() / 2);
  const Permutation permutation(set.size(), DeriveKey(1, "bench"));
  uint64_t position = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(set.At(permutation.Forward(static_cast<uint32_t>(position))));
    if (++position == set.size()) position = 0;
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["bytes/entry"] =
      static_cast<double>(set.memory_bytes()) / static_cast<double>(set.intervals().size());
}
BENCHMARK(BM_TargetSet_At)->Arg(1000)->Arg(1'000'000)->Arg(8'000'000);

void BM_ExclusionSet_Contains(benchmark::State& state) {
  const IntervalSet set = RandomAddresses(static_cast<size_t>(state.range(0)));
  std::mt19937 random(2);
  for (auto _ : state) {
    benchmark::DoNotOptimize(set.Contains(Ipv4Addr{static_cast<uint32_t>(random())}));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ExclusionSet_Contains)->Arg(20)->Arg(1000)->Arg(1'000'000);

// Reading a list of a million single addresses, the sorting included.
void BM_TargetSet_ReadMillionEntries(benchmark::State& state) {
  std::mt19937_64 random(1);
  std::string text;
  for (int i = 0; i < 1'000'000; ++i) {
    text += Ipv4Addr{0x20000000 + static_cast<uint32_t>(random() % 0x40000000)}.ToString() + "\n";
  }
  for (auto _ : state) {
    size_t at = 0;
    TargetSetBuilder builder;
    const absl::Status status = builder.AddSource(
        [&](char* buffer, size_t size) -> absl::StatusOr<size_t> {
          const size_t n = std::min(size, text.size() - at);
          std::memcpy(buffer, text.data() + at, n);
          at += n;
          return n;
        },
        "bench");
    OSPREY_CHECK(status.ok());
    const auto set = builder.Build({});
    OSPREY_CHECK(set.ok() && set->size() > 990'000);
  }
  state.SetItemsProcessed(state.iterations() * 1'000'000);
}
BENCHMARK(BM_TargetSet_ReadMillionEntries)->Unit(benchmark::kMillisecond);

void BM_Cookie_ForSyn(benchmark::State& state) {
  const CookieJar jar(1, PortPlan{});
  uint32_t host = 0;
  for (auto _ : state) benchmark::DoNotOptimize(jar.ForSyn(Ipv4Addr{host++}, 443, 0));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Cookie_ForSyn);

void BM_Cookie_CheckSynReply(benchmark::State& state) {
  const CookieJar jar(1, PortPlan{});
  const TcpCookie cookie = jar.ForSyn(Ipv4Addr{7}, 443, 3);
  OSPREY_CHECK(jar.CheckSynReply(Ipv4Addr{7}, 443, cookie.source_port, cookie.seq + 1));
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        jar.CheckSynReply(Ipv4Addr{7}, 443, cookie.source_port, cookie.seq + 1));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Cookie_CheckSynReply);

void BM_Identity_For(benchmark::State& state) {
  const IdentitySource source(1, PortPlan{});
  uint32_t host = 0;
  for (auto _ : state) benchmark::DoNotOptimize(source.For(Ipv4Addr{host++}, 1));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Identity_For);

void BM_Identity_NoiseFor(benchmark::State& state) {
  const IdentitySource source(1, PortPlan{});
  uint32_t host = 0;
  for (auto _ : state) benchmark::DoNotOptimize(source.NoiseFor(Ipv4Addr{host++}, 1, 2, 0));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Identity_NoiseFor);

// One decision and its booking; a lane does this per batch.
void BM_Pacer_AllowanceAndConsume(benchmark::State& state) {
  Pacer pacer({.packets_per_second = 1e6, .bits_per_second = 1e9}, kNsPerSecond);
  int64_t now = kNsPerSecond;
  for (auto _ : state) {
    const uint32_t n = pacer.Allowance(now, 64, 84);
    pacer.Consume(n, n * 84);
    now += 1000;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Pacer_AllowanceAndConsume);

// Argument: armed timers. Each fires after 25 to 1,000 ms and is armed again: what hosts in flight
// do. Time moves on by 10 us a call.
void BM_TimerWheel_FireAndRearm(benchmark::State& state) {
  const auto timers = static_cast<uint32_t>(state.range(0));
  std::mt19937_64 random(1);
  std::vector<int64_t> delays(65536);
  for (int64_t& delay : delays) {
    delay = 25 * kNsPerMs + static_cast<int64_t>(random() % (975 * kNsPerMs));
  }
  int64_t now = kNsPerSecond;
  TimerWheel wheel(timers, now);
  for (uint32_t id = 0; id < timers; ++id) wheel.Schedule(id, now + delays[id % delays.size()]);
  size_t fired = 0;
  for (auto _ : state) {
    now += 10'000;
    wheel.Advance(now,
                  [&](uint32_t id) { wheel.Schedule(id, now + delays[fired++ % delays.size()]); });
  }
  OSPREY_CHECK(wheel.armed_count() == timers);
  state.SetItemsProcessed(static_cast<int64_t>(fired));
}
BENCHMARK(BM_TimerWheel_FireAndRearm)->Arg(1000)->Arg(200'000)->Arg(1'000'000);

// A reply cancels, the next probe schedules.
void BM_TimerWheel_CancelAndSchedule(benchmark::State& state) {
  const auto timers = static_cast<uint32_t>(state.range(0));
  TimerWheel wheel(timers, kNsPerSecond);
  for (uint32_t id = 0; id < timers; ++id) wheel.Schedule(id, 2 * kNsPerSecond + id);
  std::mt19937 random(1);
  int64_t deadline = 2 * kNsPerSecond;
  for (auto _ : state) {
    const auto id = static_cast<uint32_t>(random() % timers);
    wheel.Cancel(id);
    wheel.Schedule(id, deadline += 100);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_TimerWheel_CancelAndSchedule)->Arg(1000)->Arg(200'000)->Arg(1'000'000);

void BM_DoneSet_TestAndSet(benchmark::State& state) {
  const uint64_t size = 1 << 26;
  const Permutation permutation(size, DeriveKey(1, "bench"));
  DoneSet done(size);
  uint32_t position = 0;
  for (auto _ : state) {
    const uint32_t index = permutation.Forward(position++ % size);
    if (!done.Test(index)) done.Set(index);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_DoneSet_TestAndSet);

}  // namespace
}  // namespace osprey
