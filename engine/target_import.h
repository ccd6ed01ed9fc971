// SPDX-License-Identifier: Apache-2.0
#pragma once
// Results of other scanners as targets: every host they found becomes a target, and the TCP ports
// they found open or closed become hints (target_set.h), so that the scan begins with a probe to a
// port that is known to answer.
//
// Formats, recognised by what the file begins with, never by its name:
//
//   masscan -oL       "open tcp 80 192.0.2.1 1700000000"
//   masscan -oJ       JSON objects with "ip" and "ports"; also ZMap's -O json ("saddr", "sport")
//                     and Osprey's own -oJ
//   masscan -oX, Nmap -oX, Osprey -oX        <nmaprun>
//   masscan -oG, Nmap -oG, Osprey -oG        "Host: 192.0.2.1 ()  Ports: 80/open/tcp//http///"
//   ZMap -O csv       with a header line that has "saddr" (also "ip") and, if given, "sport",
//                     "classification" and "success"
//   anything else     a list of targets (token_reader.h); ZMap's default, one address a line, too
//
// Hosts called down are left out, IPv6 addresses too. Of each entry the lowest open and the lowest
// closed TCP port are kept, which are those that OS detection uses. What one entry gets wrong
// costs that entry: it is counted, and the first such place is told. A list of targets stays
// strict: there, a mistake is an error.
//
// Streams: memory is bounded by one line, object or XML host, whatever the size of the file. Free
// functions; the builder's thread.

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/target_set.h"
#include "engine/token_reader.h"

namespace osprey {

enum class ImportFormat : uint8_t { kTargetList, kMasscanList, kGrepable, kCsv, kJson, kXml };

std::string_view ImportFormatName(ImportFormat format);

// What a file is that begins with `beginning` (kImportPeekBytes of it, or all).
inline constexpr size_t kImportPeekBytes = 4096;
ImportFormat DetectImportFormat(std::string_view beginning);

struct ImportReport {
  ImportFormat format = ImportFormat::kTargetList;
  uint64_t hosts = 0;         // entries taken; a host may have several
  uint64_t open_ports = 0;    // hints
  uint64_t closed_ports = 0;  // likewise
  uint64_t left_out = 0;      // hosts that are down, IPv6 addresses, entries about nothing
  uint64_t malformed = 0;
  std::string first_problem;  // "NAME:LINE: what"; empty if malformed is 0
};

// Adds what `source` holds to `builder`; `name` is what messages call it. All counts but `format`
// stay 0 for a list of targets. InvalidArgument if nothing of it could be read, with the first
// problem; else what the source or the builder said.
absl::StatusOr<ImportReport> ImportTargets(const ByteSource& source, std::string_view name,
                                           TargetSetBuilder& builder);
// The same from a file, or from stdin if `path` is "-".
absl::StatusOr<ImportReport> ImportTargetsFromFile(const std::string& path,
                                                   TargetSetBuilder& builder);

}  // namespace osprey
