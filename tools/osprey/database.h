// SPDX-License-Identifier: Apache-2.0
#pragma once
// What several commands say about the database that they opened (db/database.h).

#include <string>

#include "db/database.h"

namespace osprey::tools {

// One line on standard error if records had to be left out.
void WarnAboutDiagnostics(const db::Database& database);

// "/usr/share/nmap/nmap-os-db (installed text, from the cache; changed 2022-09-01)"
std::string DescribeSource(const db::Database& database);

}  // namespace osprey::tools
