// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where the readers of target_import.h put what they read: one host with its ports at a time.
// Internal to the import. Belongs to one thread.

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "engine/import_lines.h"
#include "engine/target_import.h"

namespace osprey {

// One host of a result. Ports that are neither open nor closed, or not TCP, are not of use.
struct ImportedHost {
  uint64_t line = 0;
  std::string address;  // as written
  bool down = false;
  HostOrderPort open = 0;    // the lowest one; 0: none
  HostOrderPort closed = 0;  // likewise

  // `state` is "open" or "closed"; other states and protocols than "tcp" change nothing. False if
  // `port` is no port number.
  bool AddPort(std::string_view port, std::string_view state, std::string_view protocol);
};

class ImportSink {
 public:
  ImportSink(std::string_view name, TargetSetBuilder* builder, ImportReport* report)
      : name_(name), builder_(builder), report_(report) {}

  // Fails only if the builder has no more room.
  absl::Status Take(const ImportedHost& host);
  // Counts an entry that cannot be read.
  void Malformed(uint64_t line, std::string_view what);
  // Counts an entry that holds no host.
  void LeaveOut() { ++report_->left_out; }
  std::string_view name() const { return name_; }

 private:
  std::string_view name_;
  TargetSetBuilder* builder_;
  ImportReport* report_;
};

// One reader a format. They fail if the source or the sink does.
absl::Status ImportMasscanList(ImportLines& lines, ImportSink& sink);
absl::Status ImportGrepable(ImportLines& lines, ImportSink& sink);
absl::Status ImportCsv(ImportLines& lines, ImportSink& sink);
absl::Status ImportJson(ImportLines& lines, ImportSink& sink);
absl::Status ImportXml(const ByteSource& source, ImportSink& sink);

}  // namespace osprey
