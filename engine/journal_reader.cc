// SPDX-License-Identifier: Apache-2.0
#include "engine/journal_reader.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "io/writers/record_json.h"

namespace osprey::engine {
namespace {

constexpr size_t kChunkBytes = size_t{1} << 20;

// Which record of a host counts.
struct Latest {
  uint32_t revision = 0;
  uint64_t offset = 0;
};
using LatestMap = absl::flat_hash_map<std::pair<std::string, uint64_t>, Latest>;

absl::StatusOr<LatestMap> FindLatest(JournalFile& file, JournalCounts& counts) {
  LatestMap latest;
  const auto note = [&](const JournalLine& line) -> absl::Status {
    ++counts.lines;
    auto key = io::ParseRecordKey(line.text);
    if (!key.ok()) {
      ++counts.malformed;
      return absl::OkStatus();
    }
    const auto [entry, fresh] =
        latest.try_emplace({std::move(key->scan), key->index}, Latest{key->revision, line.offset});
    if (fresh) return absl::OkStatus();
    ++counts.superseded;
    if (key->revision > entry->second.revision) entry->second = {key->revision, line.offset};
    return absl::OkStatus();
  };
  OSPREY_RETURN_IF_ERROR(ForEachLine(file, file.length(), note));
  return latest;
}

}  // namespace

absl::Status ForEachLine(JournalFile& file, uint64_t length,
                         absl::FunctionRef<absl::Status(const JournalLine&)> visit) {
  std::vector<char> buffer(kChunkBytes);
  size_t held = 0;        // bytes in the buffer
  uint64_t position = 0;  // in the file, of the buffer's first byte
  uint64_t number = 0;
  while (position + held < length) {
    if (held == buffer.size()) {
      if (held >= kMaxJournalLineBytes) {
        return absl::DataLossError(absl::StrCat(file.name(), ":", number + 1, ": longer than ",
                                                kMaxJournalLineBytes, " bytes"));
      }
      buffer.resize(buffer.size() * 2);
    }
    const size_t room =
        static_cast<size_t>(std::min<uint64_t>(buffer.size() - held, length - position - held));
    OSPREY_ASSIGN_OR_RETURN(const size_t count,
                            file.Read(position + held, std::span(buffer.data() + held, room)));
    if (count == 0) break;
    const size_t searched = held;
    held += count;
    size_t start = 0;
    size_t from = searched;
    while (const void* found = std::memchr(buffer.data() + from, '\n', held - from)) {
      const size_t end = static_cast<size_t>(static_cast<const char*>(found) - buffer.data());
      OSPREY_RETURN_IF_ERROR(visit({.text = {buffer.data() + start, end - start},
                                    .offset = position + start,
                                    .number = ++number}));
      start = from = end + 1;
    }
    std::memmove(buffer.data(), buffer.data() + start, held - start);
    held -= start;
    position += start;
  }
  return absl::OkStatus();
}

absl::StatusOr<JournalCounts> ForEachLatest(
    JournalFile& file, absl::FunctionRef<absl::Status(const io::Record&)> visit) {
  JournalCounts counts;
  OSPREY_ASSIGN_OR_RETURN(const LatestMap latest, FindLatest(file, counts));
  const auto show = [&](const JournalLine& line) -> absl::Status {
    const auto key = io::ParseRecordKey(line.text);
    if (!key.ok()) return absl::OkStatus();
    const auto found = latest.find({key->scan, key->index});
    if (found == latest.end() || found->second.offset != line.offset) return absl::OkStatus();
    const auto record = io::ParseRecord(line.text);
    if (record.ok()) return visit(*record);
    ++counts.malformed;
    return absl::OkStatus();
  };
  OSPREY_RETURN_IF_ERROR(ForEachLine(file, file.length(), show));
  return counts;
}

}  // namespace osprey::engine
