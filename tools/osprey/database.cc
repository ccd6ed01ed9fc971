// SPDX-License-Identifier: Apache-2.0
#include "tools/osprey/database.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "tools/osprey/command.h"

namespace osprey::tools {
namespace {

// The date alone, in UTC, so that it is the same on every machine.
std::string DateText(int64_t time_s) {
  const auto when = static_cast<std::time_t>(time_s);
  std::tm parts{};
  if (gmtime_r(&when, &parts) == nullptr) return "?";
  std::array<char, 32> text{};
  return std::string(text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts));
}

const char* KindText(const db::Database& database) {
  const bool image = database.from == db::OpenedFrom::kImage;
  switch (database.kind) {
    case db::SourceKind::kNamed:
      return image ? "compiled image" : "text";
    case db::SourceKind::kInstalled:
      return image ? "installed image" : "installed text";
    case db::SourceKind::kBuiltin:
      break;
  }
  return "part of this program";
}

}  // namespace

void WarnAboutDiagnostics(const db::Database& database) {
  const auto errors =
      std::count_if(database.diagnostics.begin(), database.diagnostics.end(),
                    [](const db::Diagnostic& d) { return d.severity == db::Severity::kError; });
  if (errors == 0) return;
  PrintError(absl::StrCat(database.source, ": parts of the database were left out (", errors,
                          errors == 1 ? " error" : " errors", "); see: osprey db check ",
                          database.source));
}

std::string DescribeSource(const db::Database& database) {
  std::string text = absl::StrCat(database.source, " (", KindText(database));
  if (database.from == db::OpenedFrom::kCache) text += ", from the cache";
  if (database.time_s != 0) absl::StrAppend(&text, "; changed ", DateText(database.time_s));
  return text + ")";
}

}  // namespace osprey::tools
