// SPDX-License-Identifier: Apache-2.0
#pragma once
// One output format. A writer renders records to a sink that it does not own and that must outlive
// it. Order of calls: Begin once, Write for each host, Finish once. One thread.
//
// Errors are the sink's (full disk, closed pipe); a writer whose sink failed stays failed, and the
// caller decides whether the scan goes on without it.

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "io/writers/output_sink.h"
#include "io/writers/record.h"

namespace osprey::io {

// What is known when the scan starts.
struct ScanInfo {
  std::string program_version;  // "0.1.0"
  std::string arguments;        // the command line
  std::string scan_id;
  int64_t start_epoch_s = 0;
  std::string tcp_ports;  // as "22,80,443,8000-8100", ascending; empty: none
  uint32_t tcp_port_count = 0;
  std::string udp_ports;
  uint32_t udp_port_count = 0;
  int verbosity = 0;  // -v
  int debugging = 0;  // -d
};

// What is known when it ends.
struct ScanSummary {
  int64_t end_epoch_s = 0;
  double elapsed_s = 0;
  uint64_t hosts_total = 0;
  uint64_t hosts_up = 0;
  bool os_detection = true;  // at least one host was measured
  std::string error;         // why the scan ended early; empty: it did not
};

class ResultWriter {
 public:
  virtual ~ResultWriter() = default;
  [[nodiscard]] virtual absl::Status Begin(const ScanInfo& info) = 0;
  [[nodiscard]] virtual absl::Status Write(const Record& record) = 0;
  // Ends the document and flushes the sink.
  [[nodiscard]] virtual absl::Status Finish(const ScanSummary& summary) = 0;
};

}  // namespace osprey::io
