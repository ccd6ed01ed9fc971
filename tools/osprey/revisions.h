// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which records of an earlier scan were overtaken: a host that was measured again has a record of a
// higher revision further on, and only the highest one counts.
//
// Files are read once before the matching, for the records of revision 1 and more: memory grows
// with the hosts that were measured again, not with the file. What can be read only once (a pipe,
// standard input) is not looked at: then every record is matched, as if it were the last.
//
// Filled by one thread; afterwards any thread may ask.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"

namespace osprey::tools {

class Revisions {
 public:
  // Notes the records of a file. Anything that is not a record is passed over: reading it again
  // says what is wrong with it.
  absl::Status Read(const std::string& path);

  bool empty() const { return highest_.empty(); }
  // Whether the record in `line` has a later one.
  bool IsOvertaken(std::string_view line) const;

 private:
  absl::flat_hash_map<std::pair<std::string, uint64_t>, uint32_t> highest_;  // by scan and target
};

}  // namespace osprey::tools
