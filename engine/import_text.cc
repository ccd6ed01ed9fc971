// SPDX-License-Identifier: Apache-2.0
// Results in lines: masscan's list, the grepable format, CSV.

#include <algorithm>
#include <optional>
#include <vector>

#include "base/status_macros.h"
#include "engine/import_sink.h"

namespace osprey {
namespace {

constexpr std::string_view kTooLong = "line of more than 4 MiB";

// Takes what stands before the first `separator` off `text`, and the separator.
std::string_view TakeUntil(std::string_view& text, std::string_view separator) {
  const size_t at = text.find(separator);
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + separator.size());
  return part;
}

std::string_view TakeWord(std::string_view& text) {
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(' ')));
  return TakeUntil(text, " ");
}

bool IsComment(std::string_view line) {
  const size_t at = line.find_first_not_of(" \t");
  return at == std::string_view::npos || line[at] == '#';
}

// Calls take(line) for each line that says something; `take` returns a Status.
absl::Status ForEachLine(ImportLines& lines, ImportSink& sink, auto take) {
  ImportLines::Line line;
  while (true) {
    OSPREY_ASSIGN_OR_RETURN(const bool more, lines.Next(line));
    if (!more) return absl::OkStatus();
    if (line.too_long) {
      sink.Malformed(line.number, kTooLong);
    } else if (!IsComment(line.text)) {
      OSPREY_RETURN_IF_ERROR(take(line));
    }
  }
}

// "80/open/tcp//http///, 443/closed/tcp//https///". A version may hold ", ": what does not begin
// with a number belongs to the port before.
void TakePorts(std::string_view text, ImportedHost& host) {
  while (!text.empty()) {
    std::string_view item = TakeUntil(text, ", ");
    const std::string_view port = TakeUntil(item, "/");
    const std::string_view state = TakeUntil(item, "/");
    host.AddPort(port, state, TakeUntil(item, "/"));
  }
}

absl::Status TakeGrepable(const ImportLines::Line& line, ImportSink& sink) {
  std::string_view text = line.text;
  if (text.starts_with("Timestamp: ")) TakeUntil(text, "\t");
  std::string_view first = TakeUntil(text, "\t");
  if (TakeUntil(first, " ") != "Host:") {
    sink.Malformed(line.number, "no line of grepable output (-oG): it begins with \"Host:\"");
    return absl::OkStatus();
  }
  ImportedHost host{.line = line.number, .address = std::string(TakeUntil(first, " "))};
  while (!text.empty()) {
    std::string_view field = TakeUntil(text, "\t");
    const std::string_view name = TakeUntil(field, ": ");
    if (name == "Status") host.down = field != "Up";
    if (name == "Ports") TakePorts(field, host);
  }
  return sink.Take(host);
}

absl::Status TakeMasscan(const ImportLines::Line& line, ImportSink& sink) {
  std::string_view text = line.text;
  const std::string_view state = TakeWord(text);
  const std::string_view protocol = TakeWord(text);
  const std::string_view port = TakeWord(text);
  ImportedHost host{.line = line.number, .address = std::string(TakeWord(text))};
  // A banner comes from an open port.
  const bool known = state == "open" || state == "closed" || state == "banner";
  if (!known || host.address.empty() ||
      !host.AddPort(port, state == "banner" ? "open" : state, protocol)) {
    sink.Malformed(line.number, "want a line such as \"open tcp 80 192.0.2.1 1700000000\"");
    return absl::OkStatus();
  }
  return sink.Take(host);
}

class CsvReader {
 public:
  explicit CsvReader(std::vector<std::string> header) {
    address_ = Find(header, {"saddr", "ip"});
    port_ = Find(header, {"sport", "port"});
    class_ = Find(header, {"classification"});
    success_ = Find(header, {"success"});
    columns_ = header.size();
  }

  absl::Status Take(const ImportLines::Line& line, ImportSink& sink) const {
    if (!address_) {
      sink.Malformed(line.number, "the header has no column saddr or ip");
      return absl::OkStatus();
    }
    const std::vector<std::string> row = SplitCsv(line.text);
    if (row.size() != columns_) {
      sink.Malformed(line.number, "another number of fields than the header has");
      return absl::OkStatus();
    }
    ImportedHost host{.line = line.number, .address = row[*address_]};
    if (port_ && !row[*port_].empty() && !host.AddPort(row[*port_], StateOf(row), "tcp")) {
      sink.Malformed(line.number, "the port is no port number");
      return absl::OkStatus();
    }
    return sink.Take(host);
  }

 private:
  static std::optional<size_t> Find(const std::vector<std::string>& header,
                                    std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) {
      const auto at = std::find(header.begin(), header.end(), name);
      if (at != header.end()) return static_cast<size_t>(at - header.begin());
    }
    return std::nullopt;
  }

  // ZMap writes successes only, unless its output filter says otherwise: then one of the two
  // columns tells. Other classes than its SYN scan's say nothing of a TCP port.
  std::string_view StateOf(const std::vector<std::string>& row) const {
    if (class_) {
      return row[*class_] == "synack" ? "open" : row[*class_] == "rst" ? "closed" : "";
    }
    if (success_) return row[*success_] == "1" ? "open" : "";
    return "open";
  }

  std::optional<size_t> address_, port_, class_, success_;
  size_t columns_ = 0;
};

}  // namespace

absl::Status ImportMasscanList(ImportLines& lines, ImportSink& sink) {
  return ForEachLine(lines, sink,
                     [&](const ImportLines::Line& line) { return TakeMasscan(line, sink); });
}

absl::Status ImportGrepable(ImportLines& lines, ImportSink& sink) {
  return ForEachLine(lines, sink,
                     [&](const ImportLines::Line& line) { return TakeGrepable(line, sink); });
}

absl::Status ImportCsv(ImportLines& lines, ImportSink& sink) {
  std::optional<CsvReader> reader;
  return ForEachLine(lines, sink, [&](const ImportLines::Line& line) {
    if (reader) return reader->Take(line, sink);
    reader.emplace(SplitCsvHeader(line.text));
    return absl::OkStatus();
  });
}

}  // namespace osprey
