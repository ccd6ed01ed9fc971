// SPDX-License-Identifier: Apache-2.0
#pragma once
// One tab-separated line a host, in the shape of Nmap's grepable output with the additions of
// docs/os-detection.md, 7.3.

#include <string>

#include "io/writers/result_writer.h"

namespace osprey::io {

class GrepableWriter final : public ResultWriter {
 public:
  explicit GrepableWriter(OutputSink& sink) : sink_(sink) {}

  [[nodiscard]] absl::Status Begin(const ScanInfo& info) override;
  [[nodiscard]] absl::Status Write(const Record& record) override;
  [[nodiscard]] absl::Status Finish(const ScanSummary& summary) override;

 private:
  OutputSink& sink_;
  int verbosity_ = 0;
};

}  // namespace osprey::io
