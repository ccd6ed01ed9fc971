// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a scanner says about hosts, read from Osprey's NDJSON or Nmap's XML (whatever wrote it).

#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "base/address.h"

namespace osprey::lab {

struct ListedMatch {
  std::string name;
  bool perfect = false;
  std::vector<std::string> families;  // "VENDOR|FAMILY" of its classes
};

struct HostResult {
  Ipv4Addr address;
  bool up = false;
  bool too_many = false;             // more perfect matches than the scanner lists
  std::vector<ListedMatch> matches;  // best first
};

// Calls `each` for every host in the file; for NDJSON, of several records of a host the caller
// must keep the last. The format is told by the first character. Errors name file and line; what
// was read before them has been handed out.
absl::Status ReadResults(const std::string& path, absl::FunctionRef<void(const HostResult&)> each);

// One line of NDJSON. InvalidArgument says what is wrong with it.
absl::Status ParseResultLine(std::string_view line, HostResult& out);

}  // namespace osprey::lab
