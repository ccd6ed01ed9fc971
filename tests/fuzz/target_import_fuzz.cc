// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes of another scanner's result, reading it either fails with a message that names
// the file or gives targets that can be hosts and hints that belong to them; and it gives the same
// whatever the size of the chunks. The first byte chooses that size.

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/check.h"
#include "engine/target_import.h"

namespace osprey {
namespace {

ByteSource Chunks(std::string_view text, size_t step) {
  return [text, step](char* buffer, size_t size) mutable -> absl::StatusOr<size_t> {
    const size_t n = std::min({step, size, text.size()});
    std::memcpy(buffer, text.data(), n);
    text.remove_prefix(n);
    return n;
  };
}

struct Outcome {
  bool ok = false;
  uint64_t hosts = 0, malformed = 0, hints = 0, size = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome Import(std::string_view text, size_t step) {
  TargetPolicy policy;
  policy.max_intervals = 20'000;
  policy.max_hints = 20'000;
  TargetSetBuilder builder(NoResolver(), policy);
  const auto report = ImportTargets(Chunks(text, step), "list", builder);
  Outcome outcome{.ok = report.ok()};
  if (!report.ok()) {
    OSPREY_CHECK(report.status().message().substr(0, 5) == "list:");
    return outcome;
  }
  OSPREY_CHECK((report->malformed == 0) == report->first_problem.empty());
  outcome.hosts = report->hosts;
  outcome.malformed = report->malformed;
  const auto set = builder.Build({});
  if (!set.ok()) return outcome;
  outcome.size = set->size();
  outcome.hints = set->hints().size();
  for (const PortHint& hint : set->hints()) {
    OSPREY_CHECK(hint.port != 0 && set->Contains(hint.addr));
  }
  return outcome;
}

}  // namespace
}  // namespace osprey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = osprey::Import(text, text.size() + 1);
  OSPREY_CHECK(osprey::Import(text, size_t{data[0]} % 64 + 1) == whole);
  return 0;
}
