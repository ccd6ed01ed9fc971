// SPDX-License-Identifier: Apache-2.0
#include "io/writers/grepable_writer.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "io/writers/normal_writer.h"
#include "io/writers/text.h"

namespace osprey::io {
namespace {

std::string Clean(std::string_view text) {
  std::string buffer;
  return std::string(OneLine(text, buffer));
}

// A field inside "Ports:" must hold neither the field separator nor the list separator.
std::string PortField(std::string_view text) {
  std::string field = Clean(text);
  std::replace(field.begin(), field.end(), '/', '|');
  std::replace(field.begin(), field.end(), ',', ';');
  return field;
}

std::string PortsField(const Record& record) {
  std::vector<std::string> ports;
  for (const PortRecord& port : record.ports) {
    ports.push_back(absl::StrFormat("%d/%s/%s//%s///", port.port, PortField(port.state),
                                    PortField(port.protocol), PortField(port.service)));
  }
  return absl::StrCat("Ports: ", absl::StrJoin(ports, ", "));
}

std::string IgnoredField(const PortGroup& group) {
  return absl::StrFormat("Ignored State: %s (%d)", Clean(group.state), group.count);
}

// Perfect matches only.
std::string OsField(const OsRecord& os) {
  std::vector<std::string> names;
  for (const OsMatchRecord& match : os.matches) {
    if (match.accuracy == 1) names.push_back(Clean(match.name));
  }
  return names.empty() ? "" : absl::StrCat("OS: ", absl::StrJoin(names, "|"));
}

std::vector<std::string> Fields(const Record& record, int verbosity) {
  std::vector<std::string> fields;
  if (!record.ports.empty()) fields.push_back(PortsField(record));
  for (const PortGroup& group : record.ports_not_shown) fields.push_back(IgnoredField(group));
  if (std::string os = OsField(record.os); !os.empty()) fields.push_back(std::move(os));
  if (verbosity > 0 && record.tcp_sequence) {
    fields.push_back(absl::StrCat("Seq Index: ", record.tcp_sequence->index));
  }
  if (verbosity > 0 && record.ip_id_sequence) {
    fields.push_back(absl::StrCat("IP ID Seq: ", Clean(record.ip_id_sequence->klass)));
  }
  return fields;
}

// "TCP(2;80-81)".
std::string PortsScanned(std::string_view name, uint32_t count, std::string_view ports) {
  return absl::StrFormat("%s(%d;%s)", name, count, ports);
}

}  // namespace

absl::Status GrepableWriter::Begin(const ScanInfo& info) {
  verbosity_ = info.verbosity;
  std::string text = absl::StrFormat("# Osprey %s scan initiated %s as: %s\n", info.program_version,
                                     LocalTimeText(info.start_epoch_s), Clean(info.arguments));
  if (verbosity_ > 0) {
    absl::StrAppend(
        &text, "# Ports scanned: ", PortsScanned("TCP", info.tcp_port_count, info.tcp_ports), " ",
        PortsScanned("UDP", info.udp_port_count, info.udp_ports), " SCTP(0;) PROTOCOLS(0;)\n");
  }
  return sink_.Write(text);
}

absl::Status GrepableWriter::Write(const Record& record) {
  const std::string host =
      absl::StrCat("Host: ", Clean(record.address), " (", Clean(record.hostname), ")");
  const std::string state = record.state == "up" ? "Up" : "Down";
  std::string text = absl::StrCat(host, "\tStatus: ", state, "\n");
  const std::vector<std::string> fields = Fields(record, verbosity_);
  if (!fields.empty()) absl::StrAppend(&text, host, "\t", absl::StrJoin(fields, "\t"), "\n");
  return sink_.Write(text);
}

absl::Status GrepableWriter::Finish(const ScanSummary& summary) {
  OSPREY_RETURN_IF_ERROR(
      sink_.Write(absl::StrCat("# Osprey done at ", LocalTimeText(summary.end_epoch_s), " -- ",
                               SummaryText(summary), "\n")));
  return sink_.Flush();
}

}  // namespace osprey::io
