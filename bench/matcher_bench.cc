// SPDX-License-Identifier: Apache-2.0
// The database and the matcher: parse, compile, open, resolve, score with each kernel, and whole
// matches, cold and warm. One thread.
//
//   matcher_bench --benchmark_filter=Match     (OSPREY_BENCH_DB: another database than Nmap's)
//
// Subjects: "distinct" has no two equal ones and much noise, so that caches of whole verdicts never
// hit; "mixture" is the traffic of tests/testing/traffic.h, measured
// after as many other subjects of that traffic.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <memory>

#include "db/compile.h"
#include "db/dump.h"
#include "db/locate.h"
#include "db/subject.h"
#include "db/text_file.h"
#include "db/text_parser.h"
#include "matcher/matcher.h"
#include "tests/testing/traffic.h"

namespace osprey {
namespace {

using matcher::Kernel;
using matcher::Matcher;
using matcher::MatchList;
using matcher::Scratch;

const std::string& DatabaseText() {
  static const std::string& text = *new std::string([] {
    const char* named = std::getenv("OSPREY_BENCH_DB");
    const db::DatabaseLocation where = db::Locate(named != nullptr ? named : "");
    if (where.kind == db::SourceKind::kBuiltin) return std::string(db::BuiltinText());
    return db::ReadTextFile(where.path).value();
  }());
  return text;
}

const db::Image& TheImage() {
  static const db::Image& image =
      *new db::Image(db::ImageFromText(DatabaseText(), "benchmark database").value());
  return image;
}

const std::vector<db::Fingerprint>& Distinct() {
  static const auto& subjects =
      *new std::vector<db::Fingerprint>(testing::AllDistinct(TheImage(), 50'000, 7));
  return subjects;
}

const std::vector<db::Fingerprint>& Mixture() {
  static const auto& subjects =
      *new std::vector<db::Fingerprint>(testing::Traffic(TheImage(), 11).Take(200'000));
  return subjects;
}

// Other hosts of the same world, to fill the caches as a scan does.
void WarmUp(const Matcher& matcher, Scratch& scratch) {
  static const auto& subjects =
      *new std::vector<db::Fingerprint>(testing::Traffic(TheImage(), 12).Take(200'000));
  MatchList list;
  for (const db::Fingerprint& subject : subjects) matcher.Match(subject, scratch, list);
}

void BM_Database_Parse(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(db::ParseReferences(DatabaseText(), "db"));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(DatabaseText().size()));
}
BENCHMARK(BM_Database_Parse)->Unit(benchmark::kMillisecond);

void BM_Database_Compile(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(db::CompileText(DatabaseText(), "db"));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(DatabaseText().size()));
}
BENCHMARK(BM_Database_Compile)->Unit(benchmark::kMillisecond);

void BM_Database_Open(benchmark::State& state) {
  const std::string path =
      (std::filesystem::temp_directory_path() / "osprey-matcher-bench.ospreydb").string();
  if (!db::ReplaceFile(path, TheImage().bytes()).ok()) return state.SkipWithError("cannot write");
  for (auto _ : state) benchmark::DoNotOptimize(db::Image::Open(path));
  std::filesystem::remove(path);
}
BENCHMARK(BM_Database_Open)->Unit(benchmark::kMicrosecond);

void BM_Subject_Parse(benchmark::State& state) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < 1000; ++i) texts.push_back(Mixture()[i].Text(""));
  db::Subject subject;
  size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(db::ParseSubject(texts[i++ % 1000], subject));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Subject_Parse);

// One subject's values, each resolved by the image's tables.
void BM_Matcher_Resolve(benchmark::State& state) {
  const auto& subjects = Distinct();
  matcher::DynamicSets dynamic(TheImage(), 1024);
  size_t i = 0;
  int64_t values = 0;
  for (auto _ : state) {
    const db::Fingerprint& subject = subjects[i++ % subjects.size()];
    for (size_t a = 0; a < db::kAttributeCount; ++a) {
      const auto attribute = static_cast<db::AttributeId>(a);
      if (!subject.Has(attribute)) continue;
      auto set = matcher::Resolve(TheImage(), attribute, subject.Get(attribute), dynamic);
      if (!set) dynamic.Clear();
      benchmark::DoNotOptimize(set);
      ++values;
    }
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["values/s"] =
      benchmark::Counter(static_cast<double>(values), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_Matcher_Resolve);

void RunMatches(benchmark::State& state, const Kernel* kernel,
                const matcher::ScratchOptions& options,
                const std::vector<db::Fingerprint>& subjects, bool warm) {
  const Matcher matcher(TheImage(), kernel);
  Scratch scratch(TheImage(), options);
  if (warm) WarmUp(matcher, scratch);
  const matcher::ScratchCounters start = scratch.counters();
  MatchList list;
  size_t i = 0;
  for (auto _ : state) {
    matcher.Match(subjects[i], scratch, list);
    benchmark::DoNotOptimize(list.count);
    if (++i == subjects.size()) i = 0;
  }
  state.SetItemsProcessed(state.iterations());
  const matcher::ScratchCounters end = scratch.counters();
  const auto share = [&](uint64_t matcher::ScratchCounters::*part,
                         uint64_t matcher::ScratchCounters::*whole) {
    const uint64_t all = end.*whole - start.*whole;
    return all == 0 ? 0.0 : static_cast<double>(end.*part - start.*part) / static_cast<double>(all);
  };
  using Counters = matcher::ScratchCounters;
  state.counters["verdict_hits"] = share(&Counters::verdict_hits, &Counters::matches);
  state.counters["line_hits"] = share(&Counters::line_hits, &Counters::line_lookups);
  state.counters["text_hits"] = share(&Counters::text_hits, &Counters::matches);
  state.counters["shortlist_hits"] = share(&Counters::shortlist_hits, &Counters::matches);
  state.counters["scale_misses"] = share(&Counters::scale_misses, &Counters::matches);
}

// Points of all references, nothing cached but the possible ones: the kernels' own speed.
void BM_Matcher_Cold(benchmark::State& state, const Kernel* kernel) {
  RunMatches(state, kernel, {.cache_bytes = 0}, Distinct(), false);
}

void BM_Matcher_Distinct(benchmark::State& state, const Kernel* kernel) {
  RunMatches(state, kernel, {}, Distinct(), false);
}

// The argument is Scratch's cache in MiB.
void BM_Matcher_Mixture(benchmark::State& state, const Kernel* kernel) {
  RunMatches(state, kernel, {.cache_bytes = static_cast<size_t>(state.range(0)) << 20}, Mixture(),
             true);
}

void BM_Matcher_MixtureFromText(benchmark::State& state) {
  const Matcher matcher(TheImage());
  Scratch scratch(TheImage());
  WarmUp(matcher, scratch);
  std::vector<std::string> texts;
  for (const db::Fingerprint& subject : Mixture()) texts.push_back(subject.Text(""));
  db::Subject subject;
  MatchList list;
  size_t i = 0;
  for (auto _ : state) {
    if (!db::ParseSubject(texts[i], subject).ok()) return state.SkipWithError("does not parse");
    matcher.Match(subject.fingerprint, scratch, list);
    benchmark::DoNotOptimize(list.count);
    if (++i == texts.size()) i = 0;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Matcher_MixtureFromText);

const bool kRegistered = [] {
  for (const Kernel* kernel : matcher::SupportedKernels()) {
    const std::string name(kernel->name);
    benchmark::RegisterBenchmark(("BM_Matcher_Cold/" + name).c_str(), BM_Matcher_Cold, kernel);
    benchmark::RegisterBenchmark(("BM_Matcher_Distinct/" + name).c_str(), BM_Matcher_Distinct,
                                 kernel);
    benchmark::RegisterBenchmark(("BM_Matcher_Mixture/" + name).c_str(), BM_Matcher_Mixture, kernel)
        ->Arg(32)
        ->Arg(256);
  }
  return true;
}();

}  // namespace
}  // namespace osprey
