// SPDX-License-Identifier: Apache-2.0
#include "engine/target_import.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "engine/import_lines.h"
#include "engine/import_sink.h"

namespace osprey {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool IsWordIn(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string_view FirstWord(std::string_view line) {
  return line.substr(0, line.find_first_of(" \t"));
}

// "saddr,sport" or "ip": a list of targets would hardly have such a host name.
bool IsCsvHeader(std::string_view line) {
  const std::vector<std::string> names = SplitCsvHeader(line);
  return std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return IsWordIn(name, {"saddr", "ip"});
  });
}

// By the first line that says something; `line` is not empty and has no '#' in front.
ImportFormat DetectByLine(std::string_view line) {
  if (line.front() == '<') return ImportFormat::kXml;
  if (line.front() == '{' || line.front() == '[') return ImportFormat::kJson;
  if (line.starts_with("Host: ") || line.starts_with("Timestamp: ")) return ImportFormat::kGrepable;
  // Nmap's normal output: the reader of grepable output says what is wanted.
  if (line.starts_with("Nmap scan report for ")) return ImportFormat::kGrepable;
  const std::string_view first = FirstWord(line);
  if (first.size() < line.size() && IsWordIn(first, {"open", "closed", "banner"})) {
    const std::string_view second = FirstWord(line.substr(first.size() + 1));
    if (IsWordIn(second, {"tcp", "udp", "sctp", "icmp", "arp"})) return ImportFormat::kMasscanList;
  }
  return IsCsvHeader(line) ? ImportFormat::kCsv : ImportFormat::kTargetList;
}

// Hands out `first` before what `rest` has.
class Rejoined {
 public:
  Rejoined(std::string first, const ByteSource& rest) : first_(std::move(first)), rest_(rest) {}

  absl::StatusOr<size_t> operator()(char* buffer, size_t size) {
    if (taken_ == first_.size()) return rest_(buffer, size);
    const size_t n = std::min(size, first_.size() - taken_);
    std::memcpy(buffer, first_.data() + taken_, n);
    taken_ += n;
    return n;
  }

 private:
  std::string first_;
  size_t taken_ = 0;
  const ByteSource& rest_;
};

absl::StatusOr<std::string> ReadBeginning(const ByteSource& source) {
  std::string text(kImportPeekBytes, '\0');
  size_t held = 0;
  while (held < text.size()) {
    OSPREY_ASSIGN_OR_RETURN(const size_t got, source(text.data() + held, text.size() - held));
    if (got == 0) break;
    held += got;
  }
  text.resize(held);
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  return text;
}

absl::Status Read(ImportFormat format, const ByteSource& source, ImportSink& sink) {
  ImportLines lines(source);
  switch (format) {
    case ImportFormat::kMasscanList:
      return ImportMasscanList(lines, sink);
    case ImportFormat::kGrepable:
      return ImportGrepable(lines, sink);
    case ImportFormat::kCsv:
      return ImportCsv(lines, sink);
    case ImportFormat::kJson:
      return ImportJson(lines, sink);
    case ImportFormat::kXml:
      return ImportXml(source, sink);
    case ImportFormat::kTargetList:
      break;
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view ImportFormatName(ImportFormat format) {
  switch (format) {
    case ImportFormat::kTargetList:
      return "target list";
    case ImportFormat::kMasscanList:
      return "masscan list";
    case ImportFormat::kGrepable:
      return "grepable result";
    case ImportFormat::kCsv:
      return "CSV result";
    case ImportFormat::kJson:
      return "JSON result";
    case ImportFormat::kXml:
      return "XML result";
  }
  return "result";
}

ImportFormat DetectImportFormat(std::string_view beginning) {
  if (beginning.starts_with(kByteOrderMark)) beginning.remove_prefix(kByteOrderMark.size());
  bool masscan = false, grepable = false;
  while (!beginning.empty()) {
    std::string_view line = beginning.substr(0, beginning.find('\n'));
    beginning.remove_prefix(std::min(beginning.size(), line.size() + 1));
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(" \t\r")));
    while (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (line.front() != '#') return DetectByLine(line);
    masscan |= line.starts_with("#masscan");
    grepable |= line.starts_with("# Masscan ") || line.starts_with("# Nmap ");
  }
  // A result without hosts.
  if (masscan) return ImportFormat::kMasscanList;
  return grepable ? ImportFormat::kGrepable : ImportFormat::kTargetList;
}

bool ImportedHost::AddPort(std::string_view port, std::string_view state,
                           std::string_view protocol) {
  HostOrderPort number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size()) return false;
  if (number == 0 || protocol != "tcp") return true;
  if (state == "open" && (open == 0 || number < open)) open = number;
  if (state == "closed" && (closed == 0 || number < closed)) closed = number;
  return true;
}

void ImportSink::Malformed(uint64_t line, std::string_view what) {
  if (report_->malformed++ == 0) {
    report_->first_problem = absl::StrFormat("%s:%d: %s", name_, line, what);
  }
}

absl::Status ImportSink::Take(const ImportedHost& host) {
  if (host.down || host.address.find(':') != std::string::npos) return LeaveOut(), absl::OkStatus();
  const auto address = Ipv4Addr::Parse(host.address);
  if (!address.ok()) {
    Malformed(host.line, std::string(address.status().message()));
    return absl::OkStatus();
  }
  if (const absl::Status status = builder_->AddHost(*address); absl::IsInvalidArgument(status)) {
    Malformed(host.line, std::string(status.message()));
    return absl::OkStatus();
  } else if (!status.ok()) {
    return status;
  }
  ++report_->hosts;
  report_->open_ports += host.open != 0;
  report_->closed_ports += host.closed != 0;
  if (host.open != 0) OSPREY_RETURN_IF_ERROR(builder_->AddHint({*address, host.open, false}));
  if (host.closed != 0) OSPREY_RETURN_IF_ERROR(builder_->AddHint({*address, host.closed, true}));
  return absl::OkStatus();
}

absl::StatusOr<ImportReport> ImportTargets(const ByteSource& source, std::string_view name,
                                           TargetSetBuilder& builder) {
  OSPREY_ASSIGN_OR_RETURN(std::string beginning, ReadBeginning(source));
  ImportReport report;
  report.format = DetectImportFormat(beginning);
  const ByteSource whole = Rejoined(std::move(beginning), source);
  if (report.format == ImportFormat::kTargetList) {
    OSPREY_RETURN_IF_ERROR(builder.AddSource(whole, name));
    return report;
  }
  ImportSink sink(name, &builder, &report);
  if (const absl::Status status = Read(report.format, whole, sink); !status.ok()) {
    const std::string message(status.message());
    if (message.starts_with(name)) return status;
    return absl::Status(status.code(), absl::StrFormat("%s: %s", name, message));
  }
  if (report.hosts == 0 && report.malformed > 0) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s (read as %s; no host could be read from it)", report.first_problem,
                        ImportFormatName(report.format)));
  }
  return report;
}

absl::StatusOr<ImportReport> ImportTargetsFromFile(const std::string& path,
                                                   TargetSetBuilder& builder) {
  OSPREY_ASSIGN_OR_RETURN(const ByteSource source, OpenByteSource(path));
  return ImportTargets(source, ByteSourceName(path), builder);
}

}  // namespace osprey
