// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/results.h"

#include <libxml/xmlreader.h>
#include <rapidjson/document.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace osprey::lab {
namespace {

using Json = rapidjson::Value;

std::string_view TextOf(const Json& object, const char* key) {
  const auto it = object.FindMember(key);
  if (it == object.MemberEnd() || !it->value.IsString()) return {};
  return {it->value.GetString(), it->value.GetStringLength()};
}

const Json* ArrayOf(const Json& object, const char* key) {
  const auto it = object.FindMember(key);
  return it == object.MemberEnd() || !it->value.IsArray() ? nullptr : &it->value;
}

ListedMatch MatchOf(const Json& value) {
  constexpr double kPerfect = 1 - 1e-9;
  ListedMatch match;
  if (!value.IsObject()) return match;
  match.name = TextOf(value, "name");
  const auto accuracy = value.FindMember("accuracy");
  match.perfect = accuracy != value.MemberEnd() && accuracy->value.IsNumber() &&
                  accuracy->value.GetDouble() >= kPerfect;
  if (const Json* classes = ArrayOf(value, "classes")) {
    for (const Json& c : classes->GetArray()) {
      if (!c.IsObject()) continue;
      match.families.push_back(absl::StrFormat("%s|%s", TextOf(c, "vendor"), TextOf(c, "family")));
    }
  }
  return match;
}

absl::Status ReadNdjson(const std::string& path, std::istream& in,
                        absl::FunctionRef<void(const HostResult&)> each) {
  std::string line;
  HostResult result;
  for (uint64_t number = 1; std::getline(in, line); ++number) {
    if (line.empty()) continue;
    if (absl::Status status = ParseResultLine(line, result); !status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s:%d: %s", path, number, std::string(status.message())));
    }
    each(result);
  }
  return in.bad() ? absl::ErrnoToStatus(errno, path) : absl::OkStatus();
}

// Nmap's XML, element by element.
class XmlResults {
 public:
  explicit XmlResults(const std::string& path)
      : reader_(xmlReaderForFile(path.c_str(), nullptr,
                                 XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING)) {}
  ~XmlResults() {
    if (reader_ != nullptr) xmlFreeTextReader(reader_);
  }
  XmlResults(const XmlResults&) = delete;
  XmlResults& operator=(const XmlResults&) = delete;

  absl::Status Read(const std::string& path, absl::FunctionRef<void(const HostResult&)> each) {
    if (reader_ == nullptr) return absl::InvalidArgumentError(path + ": cannot be read as XML");
    int state = 0;
    while ((state = xmlTextReaderRead(reader_)) == 1) TakeNode(each);
    if (state == 0) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrFormat("%s:%d: broken XML", path, xmlTextReaderGetParserLineNumber(reader_)));
  }

 private:
  void TakeNode(absl::FunctionRef<void(const HostResult&)> each) {
    const std::string_view name = Text(xmlTextReaderConstLocalName(reader_));
    const int type = xmlTextReaderNodeType(reader_);
    if (type == XML_READER_TYPE_END_ELEMENT && name == "host") {
      if (has_address_) each(host_);
      has_address_ = false;
    }
    if (type != XML_READER_TYPE_ELEMENT) return;
    if (name == "host") host_ = {}, has_address_ = false;
    if (name == "status") host_.up = Attribute("state") == "up";
    if (name == "address" && Attribute("addrtype") == "ipv4") TakeAddress();
    if (name == "osmatch") {
      host_.matches.push_back({Attribute("name"), Attribute("accuracy") == "100", {}});
    }
    if (name == "osclass" && !host_.matches.empty()) {
      host_.matches.back().families.push_back(Attribute("vendor") + "|" + Attribute("osfamily"));
    }
  }

  void TakeAddress() {
    const absl::StatusOr<Ipv4Addr> address = Ipv4Addr::Parse(Attribute("addr"));
    has_address_ = address.ok();
    if (has_address_) host_.address = *address;
  }

  std::string Attribute(const char* name) {
    xmlChar* value = xmlTextReaderGetAttribute(reader_, reinterpret_cast<const xmlChar*>(name));
    if (value == nullptr) return "";
    std::string text(Text(value));
    xmlFree(value);
    return text;
  }

  static std::string_view Text(const xmlChar* text) {
    return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
  }

  xmlTextReaderPtr reader_;
  HostResult host_;
  bool has_address_ = false;
};

}  // namespace

absl::Status ParseResultLine(std::string_view line, HostResult& out) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(line.data(), line.size());
  if (document.HasParseError() || !document.IsObject()) {
    return absl::InvalidArgumentError("no JSON object");
  }
  const absl::StatusOr<Ipv4Addr> address = Ipv4Addr::Parse(TextOf(document, "ip"));
  if (!address.ok()) return absl::InvalidArgumentError("no \"ip\" with an address");
  out = {.address = *address, .up = TextOf(document, "state") == "up", .matches = {}};
  const Json& record = document;
  const auto os = record.FindMember("os");
  if (os == record.MemberEnd() || !os->value.IsObject()) return absl::OkStatus();
  out.too_many = TextOf(os->value, "result") == "too_many_matches";
  if (const Json* matches = ArrayOf(os->value, "matches")) {
    for (const Json& match : matches->GetArray()) out.matches.push_back(MatchOf(match));
  }
  return absl::OkStatus();
}

absl::Status ReadResults(const std::string& path, absl::FunctionRef<void(const HostResult&)> each) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::ErrnoToStatus(errno, path);
  in >> std::ws;
  if (in.peek() == '<') return XmlResults(path).Read(path, each);
  return ReadNdjson(path, in, each);
}

}  // namespace osprey::lab
