// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/scan_report.h"

#include <libxml/parser.h>
#include <libxml/tree.h>

#include <cstdlib>
#include <memory>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace osprey::testing {
namespace {

std::string Attribute(const xmlNode* node, const char* name) {
  xmlChar* value = xmlGetProp(node, reinterpret_cast<const xmlChar*>(name));
  if (value == nullptr) return "";
  std::string text = reinterpret_cast<const char*>(value);
  xmlFree(value);
  return text;
}

std::string_view NameOf(const xmlNode* node) { return reinterpret_cast<const char*>(node->name); }

// Child elements, in order; all of them, or those called `name`.
std::vector<const xmlNode*> Children(const xmlNode* node, std::string_view name = {}) {
  std::vector<const xmlNode*> found;
  for (const xmlNode* child = node->children; child != nullptr; child = child->next) {
    if (child->type != XML_ELEMENT_NODE) continue;
    if (name.empty() || NameOf(child) == name) found.push_back(child);
  }
  return found;
}

// "OS:..." rows become one text; an unwrapped fingerprint stays as it is.
std::string JoinRows(const std::string& text) {
  std::string joined;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view row = std::string_view(text).substr(at, end - at);
    if (row.starts_with("OS:")) row.remove_prefix(3);
    joined += row;
    at = end + 1;
  }
  return joined;
}

MatchReport ReadMatch(const xmlNode* node) {
  MatchReport match{.name = Attribute(node, "name"),
                    .accuracy = std::atoi(Attribute(node, "accuracy").c_str())};
  for (const xmlNode* os_class : Children(node, "osclass")) {
    match.classes.push_back(
        absl::StrCat(Attribute(os_class, "vendor"), "|", Attribute(os_class, "osfamily"), "|",
                     Attribute(os_class, "osgen"), "|", Attribute(os_class, "type")));
    for (const xmlNode* cpe : Children(os_class, "cpe")) {
      xmlChar* content = xmlNodeGetContent(cpe);
      match.cpe.emplace_back(reinterpret_cast<const char*>(content));
      xmlFree(content);
    }
  }
  return match;
}

absl::Status ReadOs(const xmlNode* os, ScanReport& report) {
  for (const xmlNode* used : Children(os, "portused")) {
    const std::string protocol = Attribute(used, "proto");
    report.ports_used.push_back(absl::StrCat(Attribute(used, "state"), " ", protocol,
                                             protocol == "udp" ? "" : " ",
                                             protocol == "udp" ? "" : Attribute(used, "portid")));
  }
  for (const xmlNode* match : Children(os, "osmatch")) report.matches.push_back(ReadMatch(match));
  for (const xmlNode* print : Children(os, "osfingerprint")) {
    db::Subject subject;
    OSPREY_RETURN_IF_ERROR(db::ParseSubject(JoinRows(Attribute(print, "fingerprint")), subject));
    report.subject = std::move(subject);
  }
  return absl::OkStatus();
}

void ReadPorts(const xmlNode* ports, ScanReport& report) {
  for (const xmlNode* port : Children(ports, "port")) {
    if (Attribute(port, "protocol") != "tcp") continue;
    for (const xmlNode* state : Children(port, "state")) {
      report.tcp[std::atoi(Attribute(port, "portid").c_str())] = {Attribute(state, "state"),
                                                                  Attribute(state, "reason")};
    }
  }
}

absl::Status ReadHost(const xmlNode* host, ScanReport& report) {
  for (const xmlNode* part : Children(host)) {
    const std::string_view name = NameOf(part);
    if (name == "status") report.host_state = Attribute(part, "state");
    if (name == "ports") ReadPorts(part, report);
    if (name == "distance") report.distance = std::atoi(Attribute(part, "value").c_str());
    if (name == "tcpsequence") report.difficulty = Attribute(part, "difficulty");
    if (name == "ipidsequence") report.ip_id_class = Attribute(part, "class");
    if (name == "tcptssequence") report.ts_class = Attribute(part, "class");
    if (name == "os") OSPREY_RETURN_IF_ERROR(ReadOs(part, report));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ScanReport> ReadScanReport(const std::string& xml_path) {
  const std::unique_ptr<xmlDoc, decltype(&xmlFreeDoc)> document(
      xmlReadFile(xml_path.c_str(), nullptr, XML_PARSE_NONET | XML_PARSE_NOERROR), &xmlFreeDoc);
  if (document == nullptr) {
    return absl::DataLossError(absl::StrCat(xml_path, ": not there, or no XML"));
  }
  const xmlNode* root = xmlDocGetRootElement(document.get());
  const auto hosts = Children(root, "host");
  if (hosts.empty()) return absl::NotFoundError(absl::StrCat(xml_path, ": reports no host"));
  ScanReport report;
  OSPREY_RETURN_IF_ERROR(ReadHost(hosts.front(), report));
  return report;
}

}  // namespace osprey::testing
