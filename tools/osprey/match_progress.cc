// SPDX-License-Identifier: Apache-2.0
#include "tools/osprey/match_progress.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_format.h"

namespace osprey::tools {
namespace {

void Print(const std::string& text) { std::fputs(text.c_str(), stderr); }

double Rate(uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

double Percent(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

double MatchProgress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void MatchProgress::Update(uint64_t subjects) {
  if (!wanted_ || Clock::now() < next_) return;
  next_ = Clock::now() + std::chrono::milliseconds(500);
  shown_ = true;
  Print(absl::StrFormat("\r\033[K%d subjects, %.0f a second", subjects, Rate(subjects, seconds())));
}

void MatchProgress::Clear() {
  if (shown_) Print("\r\033[K");
  shown_ = false;
}

void QueueDepth::Add(uint64_t depth, uint64_t slots) {
  ++samples;
  sum += depth;
  most = std::max(most, depth);
  if (depth == slots) ++full;
}

void PrintMatchMetrics(uint64_t subjects, double seconds, const QueueDepth& queue,
                       const matcher::ScratchCounters& counters) {
  Print(absl::StrFormat("osprey: %d subjects in %.2f s, %.0f a second\n", subjects, seconds,
                        Rate(subjects, seconds)));
  Print(absl::StrFormat(
      "osprey: queue: %.1f batches deep on average, at most %d, full %.1f %% of the time\n",
      queue.samples == 0 ? 0 : static_cast<double>(queue.sum) / static_cast<double>(queue.samples),
      queue.most, Percent(queue.full, queue.samples)));
  Print(absl::StrFormat(
      "osprey: caches: %.1f %% of %d matches by shortlist, %.1f %% found one made before, "
      "%.1f %% of lines\n",
      Percent(counters.shortlist_results, counters.matches), counters.matches,
      Percent(counters.shortlist_hits, counters.matches),
      Percent(counters.line_hits, counters.line_lookups)));
}

}  // namespace osprey::tools
