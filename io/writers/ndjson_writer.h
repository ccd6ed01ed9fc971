// SPDX-License-Identifier: Apache-2.0
#pragma once
// One JSON object a line, one line a host: docs/output.md describes every member, and
// docs/record.schema.json is the same as a JSON schema. This is the journal's format too: only
// complete lines are ever written, and nothing but records, so that a file can be cut and
// continued.
//
// Accuracies have six decimals. That loses nothing that is ever printed: an accuracy is a fraction
// whose denominator is a sum of match points, at most some thousands, so no rounding in the sixth
// decimal can carry it over a whole percentage.

#include <string>

#include "io/writers/json.h"
#include "io/writers/result_writer.h"

namespace osprey::io {

class NdjsonWriter final : public ResultWriter {
 public:
  explicit NdjsonWriter(OutputSink& sink) : sink_(sink) {}

  [[nodiscard]] absl::Status Begin(const ScanInfo& info) override;
  [[nodiscard]] absl::Status Write(const Record& record) override;
  [[nodiscard]] absl::Status Finish(const ScanSummary& summary) override;

 private:
  OutputSink& sink_;
  JsonLine line_;
};

// Renders one record into `line`, newline included. What was in `line` is lost.
void RenderRecord(const Record& record, JsonLine& line);

}  // namespace osprey::io
