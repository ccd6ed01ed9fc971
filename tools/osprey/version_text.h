// SPDX-License-Identifier: Apache-2.0
#pragma once
// osprey --version: the program, and the database it would use.

namespace osprey::tools {

// Prints to standard output; gives the exit status. A database that cannot be used does not keep
// the program's version from being printed.
int PrintVersion();

}  // namespace osprey::tools
