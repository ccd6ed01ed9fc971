// SPDX-License-Identifier: Apache-2.0
#include "tools/osprey/revisions.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/status_macros.h"
#include "io/writers/record_json.h"
#include "tools/osprey/line_source.h"

namespace osprey::tools {
namespace {

// Whether the line says `"rev": 0`, as nearly all do: then its key need not be read.
bool IsFirstRevision(std::string_view line) {
  constexpr std::string_view kMember = "\"rev\":";
  const size_t member = line.find(kMember);
  if (member == std::string_view::npos) return false;
  const std::string_view rest = line.substr(member + kMember.size());
  const size_t digit = rest.find_first_not_of(' ');
  return digit != std::string_view::npos && rest.substr(digit, 2) == "0,";
}

bool IsRegularFile(const std::string& path) {
  struct stat status {};
  return path != "-" && ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

absl::Status Revisions::Read(const std::string& path) {
  if (!IsRegularFile(path)) return absl::OkStatus();
  OSPREY_ASSIGN_OR_RETURN(LineSource source, LineSource::Open(path));
  OSPREY_ASSIGN_OR_RETURN(const std::string_view start, source.Peek(1));
  if (start != "{") return absl::OkStatus();
  for (LineSource::Line line;;) {
    OSPREY_ASSIGN_OR_RETURN(const bool more, source.Next(line));
    if (!more) return absl::OkStatus();
    if (line.too_long || IsFirstRevision(line.text)) continue;
    const auto key = io::ParseRecordKey(line.text);
    if (!key.ok() || key->revision == 0) continue;
    uint32_t& highest = highest_[{key->scan, key->index}];
    highest = std::max(highest, key->revision);
  }
}

bool Revisions::IsOvertaken(std::string_view line) const {
  if (highest_.empty()) return false;
  const auto key = io::ParseRecordKey(line);
  if (!key.ok()) return false;
  const auto known = highest_.find(std::make_pair(key->scan, key->index));
  return known != highest_.end() && key->revision < known->second;
}

}  // namespace osprey::tools
