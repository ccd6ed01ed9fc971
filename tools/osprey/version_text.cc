// SPDX-License-Identifier: Apache-2.0
#include "tools/osprey/version_text.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "db/info.h"
#include "tools/osprey/command.h"
#include "tools/osprey/database.h"
#include "tools/osprey/exit_codes.h"
#include "tools/osprey/version.h"

namespace osprey::tools {

int PrintVersion() {
  std::printf("Osprey version %s ( %s )\n", kVersion, kPlatform);
  const auto database = db::OpenDatabase();
  if (!database.ok()) {
    PrintError(database.status());
    return kExitCannotStart;
  }
  const db::DatabaseInfo info = db::InfoOf(database->image);
  std::string text = absl::StrCat("Database: ", DescribeSource(*database), "\n");
  absl::StrAppend(&text, "Entries: ", info.references, "\n");
  if (!info.version_notice.empty()) absl::StrAppend(&text, "Notice: ", info.version_notice, "\n");
  absl::StrAppend(&text, "SHA-256 of its text: ", info.source_sha256, "\n");
  std::fputs(text.c_str(), stdout);
  WarnAboutDiagnostics(*database);
  return std::fflush(stdout) == 0 ? kExitOk : kExitOutputFailed;
}

}  // namespace osprey::tools
