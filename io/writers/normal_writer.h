// SPDX-License-Identifier: Apache-2.0
#pragma once
// Output for people, in the shape that users of Nmap know, in the order of docs/os-detection.md,
// section 7. Control characters in names and texts become "?": nothing a host or a database says
// can drive the reader's terminal.

#include <cstdint>
#include <string>

#include "io/writers/result_writer.h"

namespace osprey::io {

enum class NormalStyle {
  kTerminal,  // "Starting Osprey ..." and "Osprey done: ..."
  kFile,      // the same as comments: "# Osprey ... scan initiated ..."
};

class NormalWriter final : public ResultWriter {
 public:
  NormalWriter(OutputSink& sink, NormalStyle style) : sink_(sink), style_(style) {}

  [[nodiscard]] absl::Status Begin(const ScanInfo& info) override;
  // On a terminal each host is shown at once.
  [[nodiscard]] absl::Status Write(const Record& record) override;
  [[nodiscard]] absl::Status Finish(const ScanSummary& summary) override;

 private:
  OutputSink& sink_;
  NormalStyle style_;
  ScanInfo info_;
  std::string text_;
};

// Appends the lines from the unreliability warning to the IP ID sequence (section 7), as
// NormalWriter prints them for one host. `verbosity` as -v.
void AppendOsText(const Record& record, int verbosity, std::string& out);

// "1 IP address (1 host up) scanned in 11.40 seconds", as all formats for people say it.
std::string SummaryText(const ScanSummary& summary);

}  // namespace osprey::io
