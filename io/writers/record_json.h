// SPDX-License-Identifier: Apache-2.0
#pragma once
// The parts of the JSON form of a record that several programs share, and reading it back.

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "io/writers/json.h"
#include "io/writers/record.h"

namespace osprey::io {

// Member "v". Readers refuse other values; members may be added without changing it.
inline constexpr uint32_t kRecordVersion = 1;

// Whether each class carries its own "cpe" beside the list of the whole match.
enum class ClassCpe { kInClasses, kOnlyInMatch };

// {"name":..,"accuracy":..,"db_line":..,"classes":[..],"cpe":[..]}; the match's "cpe" holds those
// of its classes in order, each once.
void RenderMatch(const OsMatchRecord& match, ClassCpe class_cpe, JsonLine& json);

// Reads one line as written by NdjsonWriter (a newline at its end is allowed). InvalidArgument says
// what is wrong, and where (byte offset or member). Unknown members are ignored, missing ones other
// than the key and the address keep their defaults. Bounded in depth; a line of any bytes is safe.
absl::StatusOr<Record> ParseRecord(std::string_view line);

// Reads only the key: for rebuilding the set of finished targets, where the rest does not matter.
absl::StatusOr<RecordKey> ParseRecordKey(std::string_view line);

}  // namespace osprey::io
