// SPDX-License-Identifier: Apache-2.0
#include "matcher/scratch.h"

#include <algorithm>
#include <utility>

namespace osprey::matcher {
namespace {

constexpr size_t kSeenSlots = 1 << 16;
// A shortlist costs about as much as three matches without one. When it would take the place of
// another it has to be asked for more often.
constexpr uint32_t kWorthMaking = 2;
constexpr uint32_t kWorthReplacing = 12;
// After so many matches, all were asked for half as often.
constexpr uint64_t kSeenPeriod = uint64_t{1} << 18;

// The caches are left alone while fewer than one host in kLeastHits has a shortlist.
constexpr uint32_t kLeastHits = 16;
constexpr uint32_t kTrialMatches = 8192;
constexpr uint32_t kShortTrialMatches = 512;
constexpr uint32_t kMatchesPastCaches = 16'384;

// A share of the budget, as a number of entries.
size_t Slots(const ScratchOptions& options, size_t percent, size_t entry_bytes, size_t least,
             size_t most) {
  if (options.cache_bytes == 0) return 0;
  return std::clamp(options.cache_bytes / 100 * percent / entry_bytes, least, most);
}

size_t PlaneWords(const db::Image& image) {
  return image.block_count() * image.plane_count() * kBlockWords;
}

}  // namespace

Scratch::Scratch(db::Image image, const ScratchOptions& options)
    : resolver_(image, Slots(options, 7, SubjectResolver::kBytesPerText, 64, size_t{1} << 17),
                Slots(options, 3, SubjectResolver::kBytesPerLine, 1024, size_t{1} << 20)),
      text_index_(Slots(options, 13, sizeof(TextEntry), 16, size_t{1} << 17)),
      texts_(text_index_.slots()),
      shortlists_(Slots(options, 18, ShortlistStore::kBytesPerList, 8, size_t{1} << 17),
                  Slots(options, 54, ShortlistStore::kBytesPerChunk, ShortlistStore::kMaxChunks,
                        size_t{1} << 22)),
      seen_(options.cache_bytes == 0 ? 0 : kSeenSlots),
      scale_index_(Slots(options, 4, PlaneWords(image) * 8 + 4096, 8, 4096)),
      scales_(scale_index_.slots()),
      matched_(PlaneWords(image)),
      most_(PlaneWords(image)),
      reached_(kLevels * image.block_count() * kBlockWords),
      listings_(image.reference_count()),
      places_(image.reference_count()),
      buckets_(image.reference_count()),
      by_bucket_(image.reference_count()),
      marks_(image.reference_count()),
      views_(kMaxInputs) {
  trial_ = {.matches = kTrialMatches, .matches_left = kTrialMatches};
  if (options.cache_bytes > 0) {
    without_caches_ = std::make_unique<Scratch>(image, ScratchOptions{.cache_bytes = 0});
  }
  pair_keys_.reserve(kMaxPairKeys);
  pairs_.reserve(kMaxPairKeys);
  uncached_scale_.Reserve(image);
  for (Scale& scale : scales_) scale.Reserve(image);
  present_plan_.Reserve(image.plane_count());
}

void Scratch::Scale::Reserve(const db::Image& image) {
  attributes.reserve(db::kAttributeCount);
  all.Reserve(image.plane_count());
  rest.Reserve(image.plane_count());
  possible.resize(PlaneWords(image));
}

ScratchCounters Scratch::counters() const {
  ScratchCounters out = counters_;
  out.line_lookups = resolver_.lookups();
  out.line_hits = resolver_.hits();
  if (without_caches_ != nullptr) {
    const ScratchCounters past = without_caches_->counters();
    out.Add(past);
    out.past_caches = past.matches;
  }
  return out;
}

void ScratchCounters::Add(const ScratchCounters& other) {
  matches += other.matches;
  shortlist_results += other.shortlist_results;
  text_hits += other.text_hits;
  shortlist_hits += other.shortlist_hits;
  shortlists_made += other.shortlists_made;
  sorted += other.sorted;
  scale_misses += other.scale_misses;
  past_caches += other.past_caches;
  flushes += other.flushes;
  line_lookups += other.line_lookups;
  line_hits += other.line_hits;
}

Scratch& Scratch::ForNext(size_t subjects) {
  if (without_caches_ == nullptr) return *this;
  if (trial_.matches_left < subjects) {
    if (trial_.past_caches) {
      trial_.past_caches = false;
      trial_.matches = kShortTrialMatches;
    } else {
      const uint64_t hits = counters_.shortlist_hits - trial_.hits_before;
      trial_.past_caches = hits * kLeastHits < trial_.matches;
      trial_.matches = trial_.past_caches ? kMatchesPastCaches : kTrialMatches;
    }
    trial_.matches_left = trial_.matches;
    trial_.hits_before = counters_.shortlist_hits;
  }
  trial_.matches_left -= static_cast<uint32_t>(subjects);
  return trial_.past_caches ? *without_caches_ : *this;
}

void Scratch::Flush() {
  ++counters_.flushes;
  resolver_.Clear();
  text_index_.Clear();
  shortlists_.Clear();
}

bool Scratch::IsWorthKeeping(uint64_t hash) {
  const auto tag = static_cast<uint32_t>(hash >> 32) & ~0xFFu;
  uint32_t& slot = seen_[(hash & 0xFFFFFFFF) * seen_.size() >> 32];
  if ((slot & ~0xFFu) != tag) slot = tag;
  if (counters_.matches >= seen_until_) {
    seen_until_ = counters_.matches + kSeenPeriod;
    for (uint32_t& seen : seen_) seen = (seen & ~0xFFu) | (seen & 0xFF) / 2;
  }
  if ((slot & 0xFF) >= (shortlists_.HasRoom(hash) ? kWorthMaking : kWorthReplacing)) return true;
  ++slot;
  return false;
}

}  // namespace osprey::matcher
