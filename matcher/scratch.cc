// SPDX-License-Identifier: Apache-2.0
#include "matcher/scratch.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace osprey::matcher {
namespace {

constexpr size_t kDynamicSets = 1024;

// A share of the budget, as a number of entries.
size_t Slots(const ScratchOptions& options, size_t percent, size_t entry_bytes, size_t least,
             size_t most) {
  if (options.cache_bytes == 0) return 0;
  return std::clamp(options.cache_bytes / 100 * percent / entry_bytes, least, most);
}

size_t PlaneWords(const db::Image& image) {
  return image.block_count() * image.plane_count() * kBlockWords;
}

size_t ScaleBytes(const db::Image& image) {
  return PlaneWords(image) * sizeof(uint64_t) + image.block_count() * kBlockBits * sizeof(uint16_t);
}

}  // namespace

Scratch::Scratch(db::Image image, const ScratchOptions& options)
    : image_(std::move(image)),
      dynamic_(image_, kDynamicSets),
      line_index_(Slots(options, 15, sizeof(LineEntry), 64, size_t{1} << 16)),
      line_entries_(line_index_.slots()),
      max_lines_(std::max<size_t>(
          Slots(options, 15, sizeof(ResolvedLine) + 8, 1024, size_t{1} << 20), 1024)),
      line_table_(std::bit_ceil(max_lines_ * 2)),
      verdict_index_(Slots(options, 40, sizeof(VerdictEntry), 64, size_t{1} << 18)),
      verdict_entries_(verdict_index_.slots()),
      sum_index_(Slots(options, 15, PlaneWords(image_) * 8, 8, 4096)),
      sum_entries_(sum_index_.slots()),
      sum_planes_(sum_index_.slots() * PlaneWords(image_)),
      scale_index_(Slots(options, 15, ScaleBytes(image_), 8, 1024)),
      scales_(scale_index_.slots()),
      plane_words_(PlaneWords(image_)),
      sums_(plane_words_),
      candidates_(image_.block_count() * kBlockWords),
      views_(kMaxInputs) {
  lines_.reserve(max_lines_);
  lines_.push_back({});
}

void Scratch::Flush() {
  ++counters_.flushes;
  dynamic_.Clear();
  line_index_.Clear();
  verdict_index_.Clear();
  sum_index_.Clear();
  lines_.resize(1);
  std::fill(line_table_.begin(), line_table_.end(), 0);
}

std::optional<uint32_t> Scratch::InternLine(const ResolvedLine& line) {
  const size_t mask = line_table_.size() - 1;
  size_t i = static_cast<size_t>(XXH3_64bits(&line, sizeof(line))) & mask;
  for (; line_table_[i] != 0; i = (i + 1) & mask) {
    if (lines_[line_table_[i]] == line) return line_table_[i];
  }
  if (lines_.size() == max_lines_) return std::nullopt;
  const auto id = static_cast<uint32_t>(lines_.size());
  lines_.push_back(line);
  line_table_[i] = id;
  return id;
}

}  // namespace osprey::matcher
