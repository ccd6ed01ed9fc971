// SPDX-License-Identifier: Apache-2.0
#include "io/writers/normal_writer.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "io/writers/text.h"

namespace osprey::io {
namespace {

// A line of text that came from elsewhere.
void AppendLine(std::string_view line, std::string& out) {
  std::string buffer;
  out += OneLine(line, buffer);
  out += '\n';
}

void AppendHeading(const Record& record, std::string& out) {
  std::string line = "Osprey scan report for ";
  if (record.hostname.empty()) {
    line += record.address;
  } else {
    absl::StrAppend(&line, record.hostname, " (", record.address, ")");
  }
  AppendLine(line, out);
  if (record.state != "up") {
    AppendLine(absl::StrCat("Host is ", record.state, "."), out);
  } else if (record.rtt) {
    const double seconds = static_cast<double>(record.rtt->srtt_us) / 1e6;
    absl::StrAppendFormat(&out, "Host is up (%.*fs latency).\n", seconds < 0.01 ? 6 : 3, seconds);
  } else {
    out += "Host is up.\n";
  }
}

void AppendNotShown(const Record& record, std::string& out) {
  std::vector<std::string> groups;
  for (const PortGroup& group : record.ports_not_shown) {
    std::string text = absl::StrFormat("%d %s %s %s", group.count, group.state, group.protocol,
                                       group.count == 1 ? "port" : "ports");
    if (!group.reason.empty()) absl::StrAppend(&text, " (", group.reason, ")");
    groups.push_back(std::move(text));
  }
  if (groups.empty()) {
    out += '\n';
  } else {
    AppendLine(absl::StrCat("Not shown: ", absl::StrJoin(groups, ", ")), out);
  }
}

// Three columns, each as wide as its widest entry; the third only if any port has a name.
void AppendPorts(const Record& record, std::string& out) {
  if (record.ports.empty() && record.ports_not_shown.empty()) return;
  AppendNotShown(record, out);
  if (record.ports.empty()) return;
  size_t port_width = 4;
  size_t state_width = 5;
  bool any_service = false;
  std::vector<std::string> names;
  for (const PortRecord& port : record.ports) {
    names.push_back(absl::StrCat(port.port, "/", port.protocol));
    port_width = std::max(port_width, names.back().size());
    state_width = std::max(state_width, port.state.size());
    any_service |= !port.service.empty();
  }
  const auto row = [&](std::string_view port, std::string_view state, std::string_view service) {
    std::string line = absl::StrFormat("%-*s %-*s %s", static_cast<int>(port_width), port,
                                       static_cast<int>(state_width), state, service);
    line.erase(line.find_last_not_of(' ') + 1);
    AppendLine(line, out);
  };
  row("PORT", "STATE", any_service ? "SERVICE" : "");
  for (size_t i = 0; i < record.ports.size(); ++i) {
    row(names[i], record.ports[i].state, record.ports[i].service);
  }
}

void AppendClasses(const OsRecord& os, std::string& out) {
  if (!os.device_types.empty()) {
    AppendLine(absl::StrCat("Device type: ", absl::StrJoin(os.device_types, "|")), out);
  }
  if (!os.running.empty()) {
    AppendLine(absl::StrCat(os.running_is_guess ? "Running (JUST GUESSING): " : "Running: ",
                            absl::StrJoin(os.running, ", ")),
               out);
  }
  if (!os.cpe.empty()) AppendLine(absl::StrCat("OS CPE: ", absl::StrJoin(os.cpe, " ")), out);
}

void AppendFingerprint(const OsRecord& os, std::string& out) {
  if (os.fingerprint_block.empty()) return;
  absl::StrAppend(&out, "TCP/IP fingerprint:\n", os.fingerprint_block, "\n");
}

void AppendSequences(const Record& record, int verbosity, std::string& out) {
  if (verbosity > 0 && record.uptime) {
    absl::StrAppendFormat(&out, "Uptime guess: %.3f days (since %s)\n",
                          static_cast<double>(record.uptime->seconds) / 86400,
                          LocalTimeText(record.uptime->boot_epoch_s));
  }
  if (record.distance) {
    absl::StrAppendFormat(&out, "Network Distance: %d %s\n", record.distance->hops,
                          record.distance->hops == 1 ? "hop" : "hops");
  }
  if (verbosity > 0 && record.tcp_sequence) {
    AppendLine(absl::StrFormat("TCP Sequence Prediction: Difficulty=%d (%s)",
                               record.tcp_sequence->index, record.tcp_sequence->difficulty),
               out);
  }
  if (verbosity > 0 && record.ip_id_sequence) {
    AppendLine(absl::StrCat("IP ID Sequence Generation: ", record.ip_id_sequence->klass), out);
  }
}

}  // namespace

void AppendOsText(const Record& record, int verbosity, std::string& out) {
  if (!record.os.unreliable.empty()) AppendLine(record.os.unreliable, out);
  AppendClasses(record.os, out);
  for (const std::string& line : record.os.verdict_lines) AppendLine(line, out);
  AppendFingerprint(record.os, out);
  AppendSequences(record, verbosity, out);
}

std::string SummaryText(const ScanSummary& summary) {
  return absl::StrFormat("%d IP address%s (%d host%s up) scanned in %.2f seconds",
                         summary.hosts_total, summary.hosts_total == 1 ? "" : "es",
                         summary.hosts_up, summary.hosts_up == 1 ? "" : "s", summary.elapsed_s);
}

absl::Status NormalWriter::Begin(const ScanInfo& info) {
  info_ = info;
  std::string line;
  if (style_ == NormalStyle::kTerminal) {
    line = absl::StrFormat("Starting Osprey %s at %s", info.program_version,
                           StartTimeText(info.start_epoch_s));
  } else {
    line = absl::StrFormat("# Osprey %s scan initiated %s as: %s", info.program_version,
                           LocalTimeText(info.start_epoch_s), info.arguments);
  }
  text_.clear();
  AppendLine(line, text_);
  OSPREY_RETURN_IF_ERROR(sink_.Write(text_));
  return sink_.Flush();
}

absl::Status NormalWriter::Write(const Record& record) {
  text_.clear();
  AppendHeading(record, text_);
  AppendPorts(record, text_);
  if (!record.mac.empty()) AppendLine(absl::StrCat("MAC Address: ", record.mac), text_);
  AppendOsText(record, info_.verbosity, text_);
  for (const std::string& warning : record.warnings) AppendLine(warning, text_);
  text_ += '\n';
  OSPREY_RETURN_IF_ERROR(sink_.Write(text_));
  return style_ == NormalStyle::kTerminal ? sink_.Flush() : absl::OkStatus();
}

absl::Status NormalWriter::Finish(const ScanSummary& summary) {
  text_.clear();
  if (summary.os_detection && summary.hosts_up > 0) text_ += "OS detection performed.\n";
  if (!summary.error.empty()) AppendLine(absl::StrCat("Scan ended early: ", summary.error), text_);
  if (style_ == NormalStyle::kTerminal) {
    absl::StrAppend(&text_, "Osprey done: ", SummaryText(summary), "\n");
  } else {
    absl::StrAppend(&text_, "# Osprey done at ", LocalTimeText(summary.end_epoch_s), " -- ",
                    SummaryText(summary), "\n");
  }
  OSPREY_RETURN_IF_ERROR(sink_.Write(text_));
  return sink_.Flush();
}

}  // namespace osprey::io
