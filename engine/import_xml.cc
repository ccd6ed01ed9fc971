// SPDX-License-Identifier: Apache-2.0
// Results in Nmap's XML, which masscan and Osprey write too. A file that ends early (a scan that
// was interrupted) or breaks gives what stood before, and one malformed entry.

#include <libxml/xmlreader.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/status_macros.h"
#include "engine/import_sink.h"

namespace osprey {
namespace {

class XmlResult {
 public:
  XmlResult(const ByteSource& source, ImportSink* sink) : source_(source), sink_(sink) {}
  ~XmlResult() { xmlFreeTextReader(reader_); }
  XmlResult(const XmlResult&) = delete;
  XmlResult& operator=(const XmlResult&) = delete;

  absl::Status Run() {
    reader_ = xmlReaderForIO(&ReadBytes, nullptr, this, nullptr, nullptr,
                             XML_PARSE_NONET | XML_PARSE_COMPACT);
    if (reader_ == nullptr) return absl::ResourceExhaustedError("no memory for reading XML");
    xmlTextReaderSetStructuredErrorHandler(reader_, &NoteError, this);
    while (xmlTextReaderRead(reader_) == 1) {
      OSPREY_RETURN_IF_ERROR(TakeNode());
    }
    OSPREY_RETURN_IF_ERROR(read_status_);
    if (!error_.empty()) sink_->Malformed(error_line_, error_);
    return absl::OkStatus();
  }

 private:
  static int ReadBytes(void* context, char* out, int max) {
    auto* self = static_cast<XmlResult*>(context);
    const auto count = self->source_(out, static_cast<size_t>(max));
    if (count.ok()) return static_cast<int>(*count);
    self->read_status_ = count.status();
    return -1;
  }

  // The first error counts; libxml2's messages end with a newline.
  static void NoteError(void* context, xmlErrorPtr error) {
    auto* self = static_cast<XmlResult*>(context);
    if (!self->error_.empty() || error->level < XML_ERR_ERROR) return;
    self->error_ = error->message == nullptr ? "broken XML" : error->message;
    self->error_.erase(self->error_.find_last_not_of('\n') + 1);
    self->error_line_ = static_cast<uint64_t>(std::max(error->line, 0));
  }

  absl::Status TakeNode() {
    const int type = xmlTextReaderNodeType(reader_);
    const bool begins = type == XML_READER_TYPE_ELEMENT;
    if (!begins && type != XML_READER_TYPE_END_ELEMENT) return absl::OkStatus();
    const std::string_view name = View(xmlTextReaderConstLocalName(reader_));
    if (name == "host") {
      const bool empty = begins && xmlTextReaderIsEmptyElement(reader_) == 1;
      if (begins) BeginHost();
      return !begins || empty ? EndHost() : absl::OkStatus();
    }
    if (begins && in_host_) TakeElement(name);
    return absl::OkStatus();
  }

  void BeginHost() {
    host_ = {};
    host_.line = static_cast<uint64_t>(std::max(xmlTextReaderGetParserLineNumber(reader_), 0));
    in_host_ = true;
    bad_port_ = false;
  }

  absl::Status EndHost() {
    in_host_ = false;
    if (host_.address.empty()) return sink_->LeaveOut(), absl::OkStatus();
    if (bad_port_) sink_->Malformed(host_.line, "a port that is no port number");
    return sink_->Take(host_);
  }

  void TakeElement(std::string_view name) {
    if (name == "status") {
      host_.down = Attribute("state") == "down";
    } else if (name == "address") {
      if (host_.address.empty() && Attribute("addrtype") != "mac")
        host_.address = Attribute("addr");
    } else if (name == "port") {
      port_ = Attribute("portid");
      protocol_ = Attribute("protocol");
    } else if (name == "state") {
      bad_port_ |= !host_.AddPort(port_, Attribute("state"), protocol_);
    }
  }

  std::string Attribute(const char* name) {
    const std::unique_ptr<xmlChar, decltype(xmlFree)> value(
        xmlTextReaderGetAttribute(reader_, reinterpret_cast<const xmlChar*>(name)), xmlFree);
    return std::string(View(value.get()));
  }
  static std::string_view View(const xmlChar* text) {
    return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
  }

  const ByteSource& source_;
  ImportSink* sink_;
  xmlTextReaderPtr reader_ = nullptr;
  absl::Status read_status_;
  std::string error_;
  uint64_t error_line_ = 0;
  ImportedHost host_;
  bool in_host_ = false;
  bool bad_port_ = false;
  std::string port_, protocol_;
};

}  // namespace

absl::Status ImportXml(const ByteSource& source, ImportSink& sink) {
  return XmlResult(source, &sink).Run();
}

}  // namespace osprey
