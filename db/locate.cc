// SPDX-License-Identifier: Apache-2.0
#include "db/locate.h"

#include <unistd.h>

namespace osprey::db {

const std::vector<std::string>& InstalledPaths() {
  static const std::vector<std::string>& paths = *new std::vector<std::string>{
      "/usr/share/nmap/nmap-os-db", "/usr/local/share/nmap/nmap-os-db"};
  return paths;
}

DatabaseLocation Locate(const std::string& named, const std::vector<std::string>& installed) {
  if (named == kBuiltinKeyword) return {SourceKind::kBuiltin, ""};
  if (!named.empty()) return {SourceKind::kNamed, named};
  for (const std::string& path : installed) {
    if (::access(path.c_str(), R_OK) == 0) return {SourceKind::kInstalled, path};
  }
  return {SourceKind::kBuiltin, ""};
}

}  // namespace osprey::db
