// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which database a program uses when nothing is said: the installed one of Nmap, else the one that
// is built in.

#include <string>
#include <string_view>
#include <vector>

namespace osprey::db {

enum class SourceKind : uint8_t { kNamed, kInstalled, kBuiltin };

struct DatabaseLocation {
  SourceKind kind;
  std::string path;  // empty for the built-in one
};

// Names the built-in database where a path is expected. A file called so is "./builtin".
inline constexpr std::string_view kBuiltinKeyword = "builtin";

// Where installed databases are looked for, best first.
const std::vector<std::string>& InstalledPaths();

// `named`: what the user asked for: a path, kBuiltinKeyword, or empty for the best there is. Does
// not look into any file.
DatabaseLocation Locate(const std::string& named,
                        const std::vector<std::string>& installed = InstalledPaths());

// The text of db/builtin/osprey-os-db.
std::string_view BuiltinText();
inline constexpr std::string_view kBuiltinName = "built-in osprey-os-db";

}  // namespace osprey::db
