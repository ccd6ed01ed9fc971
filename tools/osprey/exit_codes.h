// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the program's exit status says. The man page has the same list; scripts rely on it.

namespace osprey::tools {

inline constexpr int kExitOk = 0;
// The run went to its end, but some of what was asked for could not be done: a subject that does
// not parse, a host name that does not resolve, problems found by `db check`.
inline constexpr int kExitSomeFailed = 1;
// The command line or a target list is wrong; nothing was begun.
inline constexpr int kExitUsage = 2;
// It cannot start: no privilege, no such interface, an input or a database that cannot be used.
inline constexpr int kExitCannotStart = 3;
// An output failed (full disk, closed pipe): what was found before is written.
inline constexpr int kExitOutputFailed = 4;
// Interrupted by a signal: what was found is written, and the scan can be resumed.
inline constexpr int kExitInterrupted = 5;

}  // namespace osprey::tools
