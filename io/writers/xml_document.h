// SPDX-License-Identifier: Apache-2.0
#pragma once
// An XML document under construction, piece by piece: libxml2's text writer over a memory buffer,
// with elements that end when they go out of scope. One line an element. One owner, one thread.
//
// Values may be any bytes: what XML cannot hold is replaced (io/writers/text.h).

#include <libxml/xmlwriter.h>

#include <concepts>
#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace osprey::io {

class XmlDocument {
 public:
  XmlDocument();
  ~XmlDocument();
  XmlDocument(const XmlDocument&) = delete;
  XmlDocument& operator=(const XmlDocument&) = delete;

  class Element {
   public:
    Element(XmlDocument& document, const char* name);
    ~Element();
    Element(const Element&) = delete;
    Element& operator=(const Element&) = delete;

    // Attributes must be set before anything is put inside.
    Element& Set(const char* name, std::string_view value);
    template <std::integral T>
    Element& Set(const char* name, T value) {
      return Set(name, std::string_view(absl::StrCat(value)));
    }
    // Line ends are written as &#xa;, as Nmap writes them.
    Element& SetLines(const char* name, std::string_view value);
    void Text(std::string_view value);

   private:
    XmlDocument& document_;
  };

  // The XML declaration and the document type `root`, then the root element, which stays open
  // until End. Call once.
  Element& Start(const char* root);
  void End();

  // A new element inside the innermost open one.
  Element Open(const char* name) { return Element(*this, name); }

  // Returns what was rendered since the last Take.
  std::string Take();

 private:
  xmlBufferPtr buffer_;
  xmlTextWriterPtr writer_;
  std::unique_ptr<Element> root_;
};

}  // namespace osprey::io
