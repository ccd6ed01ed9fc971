// SPDX-License-Identifier: Apache-2.0
// Subjects are read in order by the main thread, in batches; workers parse, match and render them;
// the main thread writes the results in the order of the input. Memory is bounded by the batches
// under way, whatever the size of the input.
#include "tools/osprey/match_command.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "io/writers/output_sink.h"
#include "matcher/matcher.h"
#include "tools/osprey/batch_ring.h"
#include "tools/osprey/database.h"
#include "tools/osprey/exit_codes.h"
#include "tools/osprey/match_progress.h"
#include "tools/osprey/match_renderer.h"
#include "tools/osprey/revisions.h"
#include "tools/osprey/subject_reader.h"

namespace osprey::tools {
namespace {

constexpr size_t kBatchSubjects = 256;
constexpr size_t kBatchesPerWorker = 3;
constexpr int kMaxThreads = 256;

struct MatchOptions {
  std::vector<std::string> inputs;
  std::string database;
  RenderOptions render;
  int threads = 0;  // 0: one a processor
  bool progress = false;
};

struct Batch {
  uint64_t first_index = 0;
  size_t count = 0;
  std::vector<SubjectText> subjects{kBatchSubjects};  // the first `count` are in use
  std::string output;
  std::string errors;  // for standard error
  uint64_t failed = 0;
};

// What one thread needs to match.
struct Worker {
  Worker(const db::Image& image, const RenderOptions& options)
      : scratch(image), renderer(image, options) {}

  matcher::Scratch scratch;
  MatchRenderer renderer;
  ParsedSubject subject;
  matcher::MatchList matches;
};

class MatchRun {
 public:
  MatchRun(const MatchOptions& options, const db::Image& image, io::OutputSink& sink)
      : options_(options),
        matcher_(image),
        sink_(sink),
        progress_(options.progress || ::isatty(STDERR_FILENO) != 0) {
    for (size_t i = 0; i < ThreadCount(options); ++i) {
      workers_.push_back(std::make_unique<Worker>(image, options.render));
    }
    ring_ = std::make_unique<BatchRing<Batch>>(
        workers_.size(), workers_.size() * kBatchesPerWorker,
        [this](Batch& batch, size_t worker) { Match(batch, *workers_[worker]); },
        [this](Batch& batch) { Write(batch); });
  }

  int Run() {
    bool unreadable = false;
    for (const std::string& input : options_.inputs) {
      // What cannot be read is reported when it is read for its subjects.
      if (!revisions_.Read(input).ok()) continue;
    }
    for (const std::string& input : options_.inputs) {
      if (const absl::Status status = ReadAll(input); !status.ok()) {
        PrintError(status);
        unreadable = true;
      }
      if (!output_status_.ok()) break;
    }
    ring_->Drain();
    output_status_.Update(sink_.Flush());
    progress_.Clear();
    if (options_.render.verbosity > 1) PrintMetrics();
    return Conclude(unreadable);
  }

 private:
  static size_t ThreadCount(const MatchOptions& options) {
    if (options.threads > 0) return static_cast<size_t>(options.threads);
    return std::clamp(std::thread::hardware_concurrency(), 1u, unsigned{kMaxThreads});
  }

  absl::Status ReadAll(const std::string& input) {
    OSPREY_ASSIGN_OR_RETURN(const auto reader, SubjectReader::Open(input));
    absl::Status status;
    for (bool more = true; more && output_status_.ok();) {
      Batch& batch = ring_->Next();
      batch.first_index = next_index_;
      batch.count = 0;
      while (batch.count < kBatchSubjects) {
        const auto next = reader->Next(batch.subjects[batch.count]);
        status = next.status();
        more = next.ok() && *next;
        if (!more) break;
        if (!IsOvertaken(batch.subjects[batch.count])) ++batch.count;
        // A slow input gets its answers at once, not when a batch is full.
        if (!reader->Ready()) break;
      }
      next_index_ += batch.count;
      if (batch.count == 0) continue;
      queue_.Add(ring_->depth(), ring_->slots());
      ring_->Submit();
      progress_.Update(next_index_);
      if (more && !reader->Ready()) DeliverAll();
    }
    return status;
  }

  bool IsOvertaken(const SubjectText& subject) const {
    return subject.form == SubjectText::Form::kRecord && revisions_.IsOvertaken(subject.text);
  }

  void PrintMetrics() const {
    matcher::ScratchCounters counters;
    for (const auto& worker : workers_) counters.Add(worker->scratch.counters());
    PrintMatchMetrics(next_index_, progress_.seconds(), queue_, counters);
  }

  void DeliverAll() {
    ring_->Drain();
    output_status_.Update(sink_.Flush());
  }

  void Match(Batch& batch, Worker& worker) const {
    for (size_t i = 0; i < batch.count; ++i) {
      const uint64_t index = batch.first_index + i;
      const SubjectText& text = batch.subjects[i];
      const absl::Status status = Parse(text, worker.subject);
      if (!status.ok()) {
        ++batch.failed;
        worker.renderer.Failure(index, std::string(status.message()),
                                options_.render.json ? batch.output : batch.errors);
        continue;
      }
      if (worker.subject.measured) {
        matcher_.Match(worker.subject.subject.fingerprint, worker.scratch, worker.matches);
      }
      worker.renderer.Result(index, text, worker.subject, worker.matches, batch.output);
    }
  }

  void Write(Batch& batch) {
    if (output_status_.ok()) output_status_ = sink_.Write(batch.output);
    if (!batch.errors.empty()) progress_.Clear();
    std::fputs(batch.errors.c_str(), stderr);
    failed_ += batch.failed;
    batch.failed = 0;
    batch.output.clear();
    batch.errors.clear();
  }

  int Conclude(bool unreadable) const {
    if (!output_status_.ok()) {
      PrintError(output_status_);
      return kExitOutputFailed;
    }
    if (failed_ > 0) {
      PrintError(absl::StrCat(failed_, " of ", next_index_, " subjects could not be read"));
    }
    if (unreadable) return kExitCannotStart;
    if (failed_ == 0 && next_index_ == 0) {
      PrintError("there is no fingerprint in the input");
      return kExitSomeFailed;
    }
    return failed_ > 0 ? kExitSomeFailed : kExitOk;
  }

  const MatchOptions& options_;
  matcher::Matcher matcher_;
  io::OutputSink& sink_;
  absl::Status output_status_;
  uint64_t next_index_ = 0;
  uint64_t failed_ = 0;
  MatchProgress progress_;
  QueueDepth queue_;
  Revisions revisions_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<BatchRing<Batch>> ring_;  // last: its threads use all of the above
};

int RunMatch(MatchOptions& options) {
  db::OpenOptions open;
  open.path = options.database;
  const auto database = db::OpenDatabase(open);
  if (!database.ok()) {
    PrintError(database.status());
    return kExitCannotStart;
  }
  WarnAboutDiagnostics(*database);
  if (options.inputs.empty()) options.inputs.push_back("-");
  auto sink = io::FdSink::Open("-");
  return MatchRun(options, database->image, **sink).Run();
}

}  // namespace

void RegisterMatchCommand(CLI::App& app, CommandList& commands) {
  const auto options = std::make_shared<MatchOptions>();
  CLI::App* match = app.add_subcommand(
      "match", "Name the operating systems behind measured fingerprints; sends nothing");
  match->footer(
      "FILE holds fingerprints: one a line, Nmap's wrapped OS: blocks (also inside Nmap's normal\n"
      "output), Nmap's XML, or Osprey's NDJSON. \"-\" or nothing is standard input.");
  match->add_option("file", options->inputs, "Files with fingerprints")->type_name("FILE");
  match
      ->add_option("--db", options->database,
                   "Database: nmap-os-db text, compiled image, or \"builtin\"")
      ->type_name("FILE");
  match->add_flag("--json", options->render.json, "One JSON object a subject");
  match->add_option("--top", options->render.top, "List at most N matches of a subject")
      ->type_name("N")
      ->check(CLI::Range(size_t{1}, matcher::kMaxMatches));
  match->add_option("--threads", options->threads, "Threads that match (default: processors)")
      ->type_name("N")
      ->check(CLI::Range(1, kMaxThreads));
  match->add_flag("-v,--verbose", options->render.verbosity,
                  "List all matches with their accuracy and line in the database;\n"
                  "twice: also the depth of the queue and the hits of the caches");
  match->add_flag("--progress", options->progress,
                  "Say how far it is, even if standard error is no terminal");
  commands.push_back({match, [options] { return RunMatch(*options); }});
}

}  // namespace osprey::tools
