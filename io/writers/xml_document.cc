// SPDX-License-Identifier: Apache-2.0
#include "io/writers/xml_document.h"

#include "absl/strings/str_replace.h"
#include "base/check.h"
#include "io/writers/text.h"

namespace osprey::io {
namespace {

const xmlChar* Xml(const char* text) { return reinterpret_cast<const xmlChar*>(text); }

// NUL-terminated, as libxml2 wants it.
std::string Valid(std::string_view value) {
  std::string buffer;
  return std::string(ValidXml(value, buffer));
}

}  // namespace

XmlDocument::Element::Element(XmlDocument& document, const char* name) : document_(document) {
  xmlTextWriterStartElement(document.writer_, Xml(name));
}

XmlDocument::Element::~Element() { xmlTextWriterEndElement(document_.writer_); }

XmlDocument::Element& XmlDocument::Element::Set(const char* name, std::string_view value) {
  xmlTextWriterWriteAttribute(document_.writer_, Xml(name), Xml(Valid(value).c_str()));
  return *this;
}

XmlDocument::Element& XmlDocument::Element::SetLines(const char* name, std::string_view value) {
  const std::string text = absl::StrReplaceAll(Valid(value), {{"&", "&amp;"},
                                                              {"<", "&lt;"},
                                                              {">", "&gt;"},
                                                              {"\"", "&quot;"},
                                                              {"\t", "&#x9;"},
                                                              {"\r", "&#xd;"},
                                                              {"\n", "&#xa;"}});
  xmlTextWriterStartAttribute(document_.writer_, Xml(name));
  xmlTextWriterWriteRaw(document_.writer_, Xml(text.c_str()));
  xmlTextWriterEndAttribute(document_.writer_);
  return *this;
}

void XmlDocument::Element::Text(std::string_view value) {
  xmlTextWriterWriteString(document_.writer_, Xml(Valid(value).c_str()));
}

XmlDocument::XmlDocument()
    : buffer_(xmlBufferCreate()), writer_(xmlNewTextWriterMemory(buffer_, 0)) {
  OSPREY_CHECK(buffer_ != nullptr && writer_ != nullptr);
  xmlTextWriterSetIndent(writer_, 1);
  xmlTextWriterSetIndentString(writer_, Xml(""));
}

XmlDocument::~XmlDocument() {
  root_.reset();
  xmlFreeTextWriter(writer_);
  xmlBufferFree(buffer_);
}

XmlDocument::Element& XmlDocument::Start(const char* root) {
  xmlTextWriterStartDocument(writer_, nullptr, "UTF-8", nullptr);
  xmlTextWriterWriteDTD(writer_, Xml(root), nullptr, nullptr, nullptr);
  root_ = std::make_unique<Element>(*this, root);
  return *root_;
}

void XmlDocument::End() {
  root_.reset();
  xmlTextWriterEndDocument(writer_);
}

std::string XmlDocument::Take() {
  xmlTextWriterFlush(writer_);
  const auto* bytes = reinterpret_cast<const char*>(xmlBufferContent(buffer_));
  std::string text(bytes, static_cast<size_t>(xmlBufferLength(buffer_)));
  xmlBufferEmpty(buffer_);
  return text;
}

}  // namespace osprey::io
