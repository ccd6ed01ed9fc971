// SPDX-License-Identifier: Apache-2.0
#include "io/writers/xml_writer.h"

#include <span>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "io/writers/normal_writer.h"
#include "io/writers/text.h"
#include "io/writers/xml_document.h"

namespace osprey::io {

namespace {

std::string HexList(const std::vector<uint32_t>& values) {
  return absl::StrJoin(values, ",", [](std::string* out, uint32_t value) {
    absl::StrAppendFormat(out, "%X", value);
  });
}

void ScanInfoElement(XmlDocument& doc, const char* protocol, const char* type, uint32_t count,
                     std::string_view ports) {
  if (count == 0) return;
  doc.Open("scaninfo")
      .Set("type", type)
      .Set("protocol", protocol)
      .Set("numservices", count)
      .Set("services", ports);
}

void AddressElements(XmlDocument& doc, const Record& record) {
  doc.Open("status")
      .Set("state", record.state)
      .Set("reason", record.reason.empty() ? "unknown-response" : record.reason)
      .Set("reason_ttl", record.reason_ttl);
  doc.Open("address").Set("addr", record.address).Set("addrtype", "ipv4");
  if (!record.mac.empty()) doc.Open("address").Set("addr", record.mac).Set("addrtype", "mac");
  auto hostnames = doc.Open("hostnames");
  if (record.hostname.empty()) return;
  doc.Open("hostname").Set("name", record.hostname).Set("type", record.user_name ? "user" : "PTR");
}

void PortElement(XmlDocument& doc, const PortRecord& port) {
  auto element = doc.Open("port");
  element.Set("protocol", port.protocol).Set("portid", port.port);
  doc.Open("state")
      .Set("state", port.state)
      .Set("reason", port.reason.empty() ? "unknown-response" : port.reason)
      .Set("reason_ttl", port.reason_ttl);
  if (port.service.empty()) return;
  doc.Open("service").Set("name", port.service).Set("method", "table").Set("conf", 3);
}

// Behind the groups that have the state of the first.
size_t EndOfState(const std::vector<PortGroup>& groups, size_t first) {
  size_t end = first + 1;
  while (end < groups.size() && groups[end].state == groups[first].state) ++end;
  return end;
}

// Groups of one state, which differ in their reasons.
void ExtraPorts(XmlDocument& doc, std::span<const PortGroup> groups) {
  uint32_t count = 0;
  for (const PortGroup& group : groups) count += group.count;
  auto extra = doc.Open("extraports");
  extra.Set("state", groups.front().state).Set("count", count);
  for (const PortGroup& group : groups) {
    if (group.reason.empty()) continue;
    doc.Open("extrareasons")
        .Set("reason", group.reason)
        .Set("count", group.count)
        .Set("proto", group.protocol);
  }
}

void PortElements(XmlDocument& doc, const Record& record) {
  if (record.ports.empty() && record.ports_not_shown.empty()) return;
  auto ports = doc.Open("ports");
  const auto& groups = record.ports_not_shown;
  for (size_t first = 0; first < groups.size();) {
    const size_t end = EndOfState(groups, first);
    ExtraPorts(doc, std::span(groups).subspan(first, end - first));
    first = end;
  }
  for (const PortRecord& port : record.ports) PortElement(doc, port);
}

void MatchElement(XmlDocument& doc, const OsMatchRecord& match) {
  const int percent = Percent(match.accuracy);
  auto element = doc.Open("osmatch");
  element.Set("name", match.name).Set("accuracy", percent).Set("line", match.db_line);
  for (const OsClassRecord& os_class : match.classes) {
    auto inner = doc.Open("osclass");
    inner.Set("type", os_class.type)
        .Set("vendor", os_class.vendor)
        .Set("osfamily", os_class.family);
    if (!os_class.generation.empty()) inner.Set("osgen", os_class.generation);
    inner.Set("accuracy", percent);
    for (const std::string& cpe : os_class.cpe) doc.Open("cpe").Text(cpe);
  }
}

void OsElement(XmlDocument& doc, const OsRecord& os) {
  if (os.result == OsResult::kNotMeasured) return;
  auto element = doc.Open("os");
  for (const UsedPort& port : os.ports_used) {
    doc.Open("portused")
        .Set("state", port.state)
        .Set("proto", port.protocol)
        .Set("portid", port.port);
  }
  for (const OsMatchRecord& match : os.matches) MatchElement(doc, match);
  if (!os.fingerprint_block.empty()) {
    doc.Open("osfingerprint").SetLines("fingerprint", os.fingerprint_block);
  }
}

void ClassSequenceElement(XmlDocument& doc, const char* name,
                          const std::optional<ClassSequenceRecord>& sequence, bool always_values) {
  if (!sequence) return;
  auto element = doc.Open(name);
  element.Set("class", sequence->klass);
  if (always_values || !sequence->values.empty()) element.Set("values", HexList(sequence->values));
}

void MeasureElements(XmlDocument& doc, const Record& record) {
  if (record.uptime) {
    doc.Open("uptime")
        .Set("seconds", record.uptime->seconds)
        .Set("lastboot", LocalTimeText(record.uptime->boot_epoch_s));
  }
  if (record.distance) doc.Open("distance").Set("value", record.distance->hops);
  if (record.tcp_sequence) {
    doc.Open("tcpsequence")
        .Set("index", record.tcp_sequence->index)
        .Set("difficulty", record.tcp_sequence->difficulty)
        .Set("values", HexList(record.tcp_sequence->values));
  }
  ClassSequenceElement(doc, "ipidsequence", record.ip_id_sequence, true);
  ClassSequenceElement(doc, "tcptssequence", record.tcp_ts_sequence, false);
  if (record.rtt) {
    doc.Open("times")
        .Set("srtt", record.rtt->srtt_us)
        .Set("rttvar", record.rtt->variance_us)
        .Set("to", record.rtt->timeout_us);
  }
}

}  // namespace

XmlWriter::XmlWriter(OutputSink& sink) : sink_(sink), document_(std::make_unique<XmlDocument>()) {}
XmlWriter::~XmlWriter() = default;

absl::Status XmlWriter::Begin(const ScanInfo& info) {
  document_->Start("nmaprun")
      .Set("scanner", "nmap")
      .Set("args", info.arguments)
      .Set("start", info.start_epoch_s)
      .Set("startstr", LocalTimeText(info.start_epoch_s))
      .Set("version", info.program_version)
      .Set("xmloutputversion", "1.05");
  ScanInfoElement(*document_, "tcp", "syn", info.tcp_port_count, info.tcp_ports);
  ScanInfoElement(*document_, "udp", "udp", info.udp_port_count, info.udp_ports);
  document_->Open("verbose").Set("level", info.verbosity);
  document_->Open("debugging").Set("level", info.debugging);
  return Drain();
}

absl::Status XmlWriter::Write(const Record& record) {
  {
    auto host = document_->Open("host");
    host.Set("starttime", record.start_ms / 1000).Set("endtime", record.end_ms / 1000);
    AddressElements(*document_, record);
    PortElements(*document_, record);
    OsElement(*document_, record.os);
    MeasureElements(*document_, record);
  }
  return Drain();
}

absl::Status XmlWriter::Finish(const ScanSummary& summary) {
  const std::string end = LocalTimeText(summary.end_epoch_s);
  {
    auto stats = document_->Open("runstats");
    {
      auto finished = document_->Open("finished");
      finished.Set("time", summary.end_epoch_s)
          .Set("timestr", end)
          .Set("summary", absl::StrCat("Osprey done at ", end, "; ", SummaryText(summary)))
          .Set("elapsed", absl::StrFormat("%.2f", summary.elapsed_s))
          .Set("exit", summary.error.empty() ? "success" : "error");
      if (!summary.error.empty()) finished.Set("errormsg", summary.error);
    }
    document_->Open("hosts")
        .Set("up", summary.hosts_up)
        .Set("down", summary.hosts_total - summary.hosts_up)
        .Set("total", summary.hosts_total);
  }
  document_->End();
  OSPREY_RETURN_IF_ERROR(Drain());
  return sink_.Flush();
}

absl::Status XmlWriter::Drain() { return sink_.Write(document_->Take()); }

}  // namespace osprey::io
