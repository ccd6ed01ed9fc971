// SPDX-License-Identifier: Apache-2.0
// The database and the matcher: parse, compile, open, resolve, score with each kernel, and whole
// matches, cold and warm. One thread.
//
//   matcher_bench --benchmark_filter=Match     (OSPREY_BENCH_DB: another database than Nmap's)
//
// Subjects: "distinct" has no two equal ones and much noise, so that caches of whole verdicts never
// hit; "mixture" is the traffic of tests/testing/traffic.h after a million other hosts of it. No
// subject is timed twice. Times are those of the subject's fingerprint value in, list out.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <span>

#include "bench/larger_database.h"
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

// A subject has just been measured when it is matched: its value is near. So each iteration copies
// some subjects to the same place and times only their matches.
class FreshSubjects {
 public:
  static constexpr size_t kCount = 64;

  // `next` gives the subjects; `match` is called for all of them.
  template <typename Next, typename Match>
  void Run(benchmark::State& state, Next& next, const Match& match) {
    for (db::Fingerprint& subject : subjects_) subject = next();
    const auto start = std::chrono::steady_clock::now();
    match(std::span<const db::Fingerprint>(subjects_));
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    state.SetIterationTime(time.count());
  }

 private:
  std::vector<db::Fingerprint> subjects_ = std::vector<db::Fingerprint>(kCount);
};

// How many hosts were matched before those that are timed, in scans that went on for a while.
constexpr size_t kWarmUp = 1'000'000;
// Given beforehand, or the library would warm up several times to find out.
constexpr int64_t kIterations = 8'000;

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

// The image as a file, for as long as the object lives.
class ImageFile {
 public:
  ImageFile() : ok_(db::ReplaceFile(path_, TheImage().bytes()).ok()) {}
  ~ImageFile() { std::filesystem::remove(path_); }
  ImageFile(const ImageFile&) = delete;
  ImageFile& operator=(const ImageFile&) = delete;

  bool ok() const { return ok_; }
  const std::string& path() const { return path_; }
  // Makes the kernel forget its content, so that the next reader waits for the disk.
  bool Forget() const {
    const int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const bool done = fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0;
    close(fd);
    return done;
  }

 private:
  std::string path_ =
      (std::filesystem::temp_directory_path() / "osprey-matcher-bench.ospreydb").string();
  bool ok_;
};

void BM_Database_Open(benchmark::State& state) {
  const ImageFile file;
  if (!file.ok()) return state.SkipWithError("cannot write");
  for (auto _ : state) benchmark::DoNotOptimize(db::Image::Open(file.path()));
}
BENCHMARK(BM_Database_Open)->Unit(benchmark::kMicrosecond);

// What the disk of this machine takes is in it.
void BM_Database_OpenFromDisk(benchmark::State& state) {
  const ImageFile file;
  if (!file.ok()) return state.SkipWithError("cannot write");
  for (auto _ : state) {
    if (!file.Forget()) return state.SkipWithError("cannot be forgotten");
    const auto start = std::chrono::steady_clock::now();
    benchmark::DoNotOptimize(db::Image::Open(file.path()));
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    state.SetIterationTime(time.count());
  }
}
BENCHMARK(BM_Database_OpenFromDisk)->Unit(benchmark::kMicrosecond)->UseManualTime();

void BM_Subject_Parse(benchmark::State& state) {
  std::vector<std::string> texts;
  testing::Traffic traffic(TheImage(), 11);
  for (size_t i = 0; i < 1000; ++i) texts.push_back(traffic.Next().Text(""));
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

constexpr size_t kBatch = 32;
static_assert(FreshSubjects::kCount % kBatch == 0);

struct Setting {
  const db::Image& image;
  const Kernel* kernel = nullptr;
  size_t cache_bytes = 0;
  size_t warm_up = 0;
  bool batch = false;  // Matcher::MatchBatch with 32 at a time, as match shards do
};

// `next` gives subject after subject, none of them twice.
template <typename Next>
void RunMatches(benchmark::State& state, const Setting& setting, Next next) {
  const Matcher matcher(setting.image, setting.kernel);
  Scratch scratch(setting.image, {.cache_bytes = setting.cache_bytes});
  std::vector<MatchList> lists(kBatch);
  const auto match = [&](std::span<const db::Fingerprint> subjects) {
    for (; setting.batch && !subjects.empty(); subjects = subjects.subspan(kBatch)) {
      matcher.MatchBatch(subjects.first(kBatch), scratch, lists);
      benchmark::DoNotOptimize(lists.data());
    }
    for (const db::Fingerprint& subject : subjects) {
      matcher.Match(subject, scratch, lists[0]);
      benchmark::DoNotOptimize(lists[0].count);
    }
  };
  for (size_t i = 0; i < setting.warm_up; ++i) matcher.Match(next(), scratch, lists[0]);
  FreshSubjects fresh;
  const matcher::ScratchCounters start = scratch.counters();
  for (auto _ : state) fresh.Run(state, next, match);
  const matcher::ScratchCounters end = scratch.counters();
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(FreshSubjects::kCount));
  const auto share = [&](uint64_t matcher::ScratchCounters::*part) {
    return static_cast<double>(end.*part - start.*part) /
           static_cast<double>(end.matches - start.matches);
  };
  using Counters = matcher::ScratchCounters;
  state.counters["shortlist_results"] = share(&Counters::shortlist_results);
  state.counters["text_hits"] = share(&Counters::text_hits);
  state.counters["shortlist_hits"] = share(&Counters::shortlist_hits);
  state.counters["made"] = share(&Counters::shortlists_made);
  state.counters["scale_misses"] = share(&Counters::scale_misses);
  state.counters["sorted"] = share(&Counters::sorted);
}

auto NextDistinct() {
  return [i = size_t{0}]() mutable -> const db::Fingerprint& {
    return Distinct()[i++ % Distinct().size()];
  };
}

auto NextOf(testing::Traffic& traffic) {
  return [&traffic] { return traffic.Next(); };
}

// Nothing is kept from one match to the next: points of all references are added up each time.
void BM_Matcher_Cold(benchmark::State& state, const Kernel* kernel) {
  RunMatches(state, {.image = TheImage(), .kernel = kernel}, NextDistinct());
}

// The same with caches that do not help.
void BM_Matcher_Distinct(benchmark::State& state, const Kernel* kernel) {
  RunMatches(state, {.image = TheImage(), .kernel = kernel, .cache_bytes = size_t{32} << 20},
             NextDistinct());
}

// The argument is Scratch's cache in MiB.
void BM_Matcher_Mixture(benchmark::State& state, const Kernel* kernel, bool batch) {
  testing::Traffic traffic(TheImage(), 11);
  RunMatches(state,
             {.image = TheImage(),
              .kernel = kernel,
              .cache_bytes = static_cast<size_t>(state.range(0)) << 20,
              .warm_up = kWarmUp,
              .batch = batch},
             NextOf(traffic));
}

// From text to the list. Texts are made beforehand and lie in memory one behind the other, as in a
// file that was just read.
void BM_Matcher_MixtureFromText(benchmark::State& state) {
  const Matcher matcher(TheImage());
  Scratch scratch(TheImage(), {.cache_bytes = static_cast<size_t>(state.range(0)) << 20});
  testing::Traffic traffic(TheImage(), 11);
  MatchList list;
  for (size_t i = 0; i < kWarmUp; ++i) matcher.Match(traffic.Next(), scratch, list);
  std::vector<std::string> texts(FreshSubjects::kCount);
  db::Subject subject;
  for (auto _ : state) {
    for (std::string& text : texts) text = traffic.Next().Text("");
    const auto start = std::chrono::steady_clock::now();
    for (const std::string& text : texts) {
      if (!db::ParseSubject(text, subject).ok()) return state.SkipWithError("does not parse");
      matcher.Match(subject.fingerprint, scratch, list);
      benchmark::DoNotOptimize(list.count);
    }
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    state.SetIterationTime(time.count());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(texts.size()));
}
BENCHMARK(BM_Matcher_MixtureFromText)->Arg(32)->Iterations(kIterations)->UseManualTime();

// The same hosts against a database of several times the size (bench/larger_database.h).
const db::Image& LargerImage(int64_t factor) {
  static auto& images = *new std::map<int64_t, db::Image>;
  const auto known = images.find(factor);
  if (known != images.end()) return known->second;
  const std::string text = bench::LargerDatabase(TheImage(), static_cast<size_t>(factor), 5);
  return images.emplace(factor, db::ImageFromText(text, "larger database").value()).first->second;
}

void BM_Size_Cold(benchmark::State& state) {
  RunMatches(state, {.image = LargerImage(state.range(0))}, NextDistinct());
}
BENCHMARK(BM_Size_Cold)->Arg(1)->Arg(2)->Arg(4)->Arg(16)->UseManualTime();

void BM_Size_Warm(benchmark::State& state) {
  testing::Traffic traffic(TheImage(), 11);
  RunMatches(state,
             {.image = LargerImage(state.range(0)),
              .cache_bytes = size_t{128} << 20,
              .warm_up = kWarmUp / 2},
             NextOf(traffic));
}
BENCHMARK(BM_Size_Warm)->Arg(1)->Arg(2)->Arg(4)->Arg(16)->Iterations(kIterations)->UseManualTime();

const bool kRegistered = [] {
  for (const Kernel* kernel : matcher::SupportedKernels()) {
    const std::string name(kernel->name);
    benchmark::RegisterBenchmark(("BM_Matcher_Cold/" + name).c_str(), BM_Matcher_Cold, kernel)
        ->UseManualTime();
    benchmark::RegisterBenchmark(("BM_Matcher_Distinct/" + name).c_str(), BM_Matcher_Distinct,
                                 kernel)
        ->UseManualTime();
    for (const bool batch : {false, true}) {
      const std::string form = batch ? "BM_Matcher_MixtureBatch/" : "BM_Matcher_Mixture/";
      benchmark::RegisterBenchmark((form + name).c_str(), BM_Matcher_Mixture, kernel, batch)
          ->Arg(32)
          ->Arg(64)
          ->Arg(128)
          ->Iterations(kIterations)
          ->UseManualTime();
    }
  }
  return true;
}();

}  // namespace
}  // namespace osprey
