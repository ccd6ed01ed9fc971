// SPDX-License-Identifier: Apache-2.0
#include "tools/osprey/xml_subjects.h"

#include <libxml/xmlreader.h>

#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace osprey::tools {
namespace {

constexpr std::string_view kWrapPrefix = "OS:";

class XmlSubjects final : public SubjectReader {
 public:
  explicit XmlSubjects(LineSource source) : source_(std::move(source)) {}
  ~XmlSubjects() override { xmlFreeTextReader(reader_); }
  XmlSubjects(const XmlSubjects&) = delete;
  XmlSubjects& operator=(const XmlSubjects&) = delete;

  absl::Status Start() {
    reader_ = xmlReaderForIO(&ReadBytes, nullptr, this, source_.name().c_str(), nullptr,
                             XML_PARSE_NONET | XML_PARSE_COMPACT);
    if (reader_ == nullptr) {
      return absl::ResourceExhaustedError(absl::StrCat(source_.name(), ": no memory for XML"));
    }
    xmlTextReaderSetStructuredErrorHandler(reader_, &NoteError, this);
    return absl::OkStatus();
  }

  absl::StatusOr<bool> Next(SubjectText& out) override {
    out.Clear();
    out.file = source_.name();
    while (xmlTextReaderRead(reader_) == 1) {
      if (xmlTextReaderNodeType(reader_) == XML_READER_TYPE_ELEMENT && TakeElement(out)) {
        return true;
      }
    }
    if (!read_status_.ok()) return read_status_;
    if (!error_.empty()) return absl::InvalidArgumentError(error_);
    return false;
  }

  bool Ready() override { return source_.Ready(); }

 private:
  static int ReadBytes(void* context, char* out, int max) {
    auto* self = static_cast<XmlSubjects*>(context);
    const auto count = self->source_.Read(out, static_cast<size_t>(max));
    if (count.ok()) return static_cast<int>(*count);
    self->read_status_ = count.status();
    return -1;
  }

  // The first error counts; libxml2's messages end with a newline.
  static void NoteError(void* context, xmlErrorPtr error) {
    auto* self = static_cast<XmlSubjects*>(context);
    if (!self->error_.empty() || error->level < XML_ERR_ERROR) return;
    std::string message = error->message == nullptr ? "broken XML" : error->message;
    message.erase(message.find_last_not_of('\n') + 1);
    self->error_ =
        absl::StrCat(self->source_.name(), ":", error->line, ":", error->int2, ": ", message);
  }

  bool TakeElement(SubjectText& out) {
    const char* name = Text(xmlTextReaderConstLocalName(reader_));
    if (name == nullptr || std::strcmp(name, "osfingerprint") != 0) return false;
    xmlChar* value =
        xmlTextReaderGetAttribute(reader_, reinterpret_cast<const xmlChar*>("fingerprint"));
    if (value == nullptr) return false;
    AddRows(Text(value), out);
    xmlFree(value);
    return true;
  }

  // Wrapped or not, the attribute holds rows. XML readers know the line of the element only.
  void AddRows(std::string_view value, SubjectText& out) {
    const auto line = static_cast<uint64_t>(xmlTextReaderGetParserLineNumber(reader_));
    while (!value.empty()) {
      std::string_view row = value.substr(0, value.find('\n'));
      value.remove_prefix(std::min(value.size(), row.size() + 1));
      if (row.substr(0, kWrapPrefix.size()) == kWrapPrefix) row.remove_prefix(kWrapPrefix.size());
      out.AddRow(row, line, 0);
    }
    if (out.rows.empty()) out.AddRow("", line, 0);
  }

  static const char* Text(const xmlChar* text) { return reinterpret_cast<const char*>(text); }

  LineSource source_;
  xmlTextReaderPtr reader_ = nullptr;
  absl::Status read_status_;
  std::string error_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SubjectReader>> MakeXmlSubjects(LineSource source) {
  auto subjects = std::make_unique<XmlSubjects>(std::move(source));
  if (absl::Status status = subjects->Start(); !status.ok()) return status;
  return subjects;
}

}  // namespace osprey::tools
