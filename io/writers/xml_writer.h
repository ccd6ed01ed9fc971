// SPDX-License-Identifier: Apache-2.0
#pragma once
// Nmap's XML: valid against nmap.dtd, so that what reads Nmap's results reads Osprey's
// (docs/os-detection.md, 7.5). The DTD allows scanner="nmap" only; `args` begins with the program's
// own name, which tells the two apart.
//
// Written with libxml2's text writer, one host at a time: memory does not grow with the scan.

#include <memory>
#include <string>

#include "io/writers/result_writer.h"

namespace osprey::io {

class XmlDocument;

class XmlWriter final : public ResultWriter {
 public:
  explicit XmlWriter(OutputSink& sink);
  ~XmlWriter() override;
  XmlWriter(const XmlWriter&) = delete;
  XmlWriter& operator=(const XmlWriter&) = delete;

  [[nodiscard]] absl::Status Begin(const ScanInfo& info) override;
  [[nodiscard]] absl::Status Write(const Record& record) override;
  [[nodiscard]] absl::Status Finish(const ScanSummary& summary) override;

 private:
  // Hands what was rendered to the sink.
  absl::Status Drain();

  OutputSink& sink_;
  std::unique_ptr<XmlDocument> document_;
};

}  // namespace osprey::io
