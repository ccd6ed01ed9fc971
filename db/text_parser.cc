// SPDX-License-Identifier: Apache-2.0
#include "db/text_parser.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "db/hex_order.h"
#include "db/line_scanner.h"

namespace osprey::db {

std::string Diagnostic::Text(std::string_view file_name) const {
  return absl::StrFormat("%s:%u:%u: %s: %s", file_name, line, column,
                         severity == Severity::kError ? "error" : "warning", message);
}

namespace {

constexpr std::string_view kBlanks = " \t\r";
constexpr std::string_view kFingerprint = "Fingerprint";
constexpr std::string_view kMatchPoints = "MatchPoints";
constexpr std::string_view kVersionNotice = "This nmap-os-db";
constexpr std::string_view kOrigin = "# osprey-origin ";  // see db/dump.h

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// Bytes beyond ASCII are letters of some language; those below the blank are not text.
constexpr bool IsControl(char c) { return static_cast<unsigned char>(c) < ' ' && c != '\t'; }

bool LooksBinary(std::string_view text) {
  const std::string_view head = text.substr(0, 4096);
  const auto odd = std::count_if(head.begin(), head.end(),
                                 [](char c) { return IsControl(c) && c != '\n' && c != '\r'; });
  return static_cast<size_t>(odd) * 50 > head.size();
}

// Tests of the first generation that the second does not have in this form.
bool IsFirstGeneration(std::string_view line) {
  return line.starts_with("TSeq(") || line.starts_with("PU(") ||
         (line.starts_with("T1(") && line.find("%Ops=") != std::string_view::npos);
}

class Parser {
 public:
  Parser(std::string_view text, std::string_view file_name) : text_(text) {
    ast_.file_name = std::string(file_name);
  }

  absl::StatusOr<Ast> Parse() {
    if (text_.empty()) return Fatal(0, "the file is empty");
    while (NextLine()) OSPREY_RETURN_IF_ERROR(ReadLine());
    if (!seen_points_) return Fatal(0, "there is no MatchPoints section");
    if (ast_.references.empty()) return Fatal(0, "there is no Fingerprint record");
    WarnIfCutShort();
    return std::move(ast_);
  }

 private:
  enum class Mode { kOutside, kPoints, kRecord, kGivenUp };

  // Sets line_ (without line end). Lines too long for the rest of the parser are cut there.
  bool NextLine() {
    if (position_ >= text_.size()) return false;
    size_t end = text_.find('\n', position_);
    ended_ = end != std::string_view::npos;
    if (!ended_) end = text_.size();
    line_ = text_.substr(position_, end - position_);
    while (line_.ends_with('\r')) line_.remove_suffix(1);
    position_ = end + 1;
    ++line_number_;
    return true;
  }

  absl::Status ReadLine() {
    if (line_.starts_with('#')) return ReadComment();
    if (const auto bad = std::find_if(line_.begin(), line_.end(), IsControl); bad != line_.end()) {
      if (LooksBinary(text_)) return Fatal(0, "this is binary data, not an nmap-os-db text");
      return Fatal(static_cast<size_t>(bad - line_.begin()),
                   "a control character; is this an nmap-os-db text, and is it undamaged?");
    }
    if (!ended_) return Fatal(line_.size(), "the file ends within this line; is it truncated?");
    if (line_.empty()) {
      mode_ = Mode::kOutside;
      return absl::OkStatus();
    }
    if (line_.size() > kMaxLineBytes) {
      return BadLine(kMaxLineBytes, absl::StrFormat("line of %u bytes", line_.size()));
    }
    if (IsFirstGeneration(line_)) {
      return Fatal(0,
                   "this is a first-generation nmap-os-fingerprints file, which Nmap gave up in "
                   "2007; a second-generation nmap-os-db is needed");
    }
    if (IsKeyword(kFingerprint)) return BeginRecord();
    switch (mode_) {
      case Mode::kOutside:
        return ReadOutside();
      case Mode::kPoints:
        return ReadPoints();
      case Mode::kRecord:
        return ReadInRecord();
      case Mode::kGivenUp:
        return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  // A cut behind a whole line leaves nothing but a last record that lacks its last tests. Files
  // that people write may be so on purpose; collections end all their records with IE.
  void WarnIfCutShort() {
    constexpr size_t kCollection = 100;
    if (mode_ != Mode::kRecord || ast_.references.size() < kCollection) return;
    if (Record().lines.test(static_cast<size_t>(LineId::kIe))) return;
    Warn("the file ends within this record, before its IE line; is it truncated?");
  }

  absl::Status ReadComment() {
    if (!ended_) Warn("the file ends within this comment; is it truncated?");
    if (!line_.starts_with(kOrigin) || !ast_.origin_sha256.empty()) return absl::OkStatus();
    const std::string_view rest = line_.substr(kOrigin.size());
    const std::string_view sum = rest.substr(0, rest.find(' '));
    const bool is_sum = sum.size() == 64 && std::all_of(sum.begin(), sum.end(), IsHexDigit);
    const std::string_view bytes = rest.size() > 65 ? rest.substr(65) : std::string_view();
    uint64_t size = 0;
    const auto [end, error] = std::from_chars(bytes.data(), bytes.data() + bytes.size(), size);
    if (is_sum && error == std::errc() && end == bytes.data() + bytes.size()) {
      ast_.origin_sha256 = sum;
      ast_.origin_bytes = size;
    }
    return absl::OkStatus();
  }

  absl::Status ReadOutside() {
    if (IsKeyword(kMatchPoints)) {
      if (seen_points_) return Fatal(0, "a second MatchPoints section");
      seen_points_ = true;
      mode_ = Mode::kPoints;
      return absl::OkStatus();
    }
    if (line_.starts_with(kVersionNotice)) {
      ast_.version_notice = line_;
      return absl::OkStatus();
    }
    return Report(0, "expected Fingerprint, MatchPoints or a comment, found " + Quote(line_));
  }

  bool IsKeyword(std::string_view word) const {
    return line_.starts_with(word) &&
           (line_.size() == word.size() || line_[word.size()] == ' ' || line_[word.size()] == '\t');
  }

  // ---- MatchPoints

  absl::Status ReadPoints() {
    LineScanner scanner(line_);
    if (!scanner.NextGroup()) return Fatal(scanner.error());
    const std::optional<LineId> line = FindLine(scanner.group_name());
    if (!line) return Fatal(scanner.group_column(), UnknownLine(scanner));
    while (scanner.NextPair()) {
      const auto attribute = FindAttribute(*line, scanner.pair_name());
      if (!attribute) return Fatal(scanner.pair_column(), UnknownAttribute(scanner));
      const std::string_view value = scanner.pair_value();
      uint32_t points = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), points);
      if (error != std::errc() || end != value.data() + value.size() || points == 0 ||
          points > kMaxPoints) {
        return Fatal(scanner.value_column(),
                     absl::StrFormat("%s wants points from 1 to %u, found %s", scanner.pair_name(),
                                     kMaxPoints, Quote(value)));
      }
      ast_.points[*attribute] = points;
    }
    if (scanner.failed()) return Fatal(scanner.error());
    return absl::OkStatus();
  }

  // ---- records

  absl::Status BeginRecord() {
    std::string_view name = line_.substr(kFingerprint.size());
    name = Trim(name.substr(0, name.find('#')));
    if (name.empty()) return Fatal(kFingerprint.size(), "a Fingerprint line without a name");
    mode_ = Mode::kRecord;
    ReferenceText& reference = ast_.references.emplace_back();
    reference.name = name;
    reference.line = line_number_;
    return absl::OkStatus();
  }

  absl::Status ReadInRecord() {
    if (IsKeyword("Class")) return ReadClass(line_.substr(5));
    if (IsKeyword("CPE")) return ReadCpe(line_.substr(3));
    return ReadTest();
  }

  absl::Status ReadClass(std::string_view rest) {
    if (rest.find_first_not_of(" \t\r|") == std::string_view::npos) return absl::OkStatus();
    std::array<std::string_view, 4> fields;
    for (size_t i = 0; i < 3; ++i) {
      const size_t bar = rest.find('|');
      if (bar == std::string_view::npos) {
        return Fatal(line_.size(), "a Class line wants VENDOR | FAMILY | GENERATION | TYPE");
      }
      fields[i] = Trim(rest.substr(0, bar));
      rest.remove_prefix(bar + 1);
    }
    fields[3] = Trim(rest);
    Record().classes.push_back({fields[0], fields[1], fields[2], fields[3], {}});
    return absl::OkStatus();
  }

  absl::Status ReadCpe(std::string_view rest) {
    if (Record().classes.empty()) return Fatal(0, "a CPE line without a Class line before it");
    rest = Trim(rest);
    const std::string_view word = rest.substr(0, rest.find_first_of(kBlanks));
    if (word.empty()) return BadLine(line_.size(), "a CPE line without a name");
    Record().classes.back().cpes.push_back(word);
    return absl::OkStatus();
  }

  absl::Status ReadTest() {
    LineScanner scanner(line_);
    if (!scanner.NextGroup()) return BadLine(scanner.error().column, scanner.error().message);
    const std::optional<LineId> line = FindLine(scanner.group_name());
    if (!line) return Fatal(scanner.group_column(), UnknownLine(scanner));
    found_.fill(std::nullopt);
    bool any = false;
    const bool has_r = Info(*line).has_r;
    while (scanner.NextPair()) {
      auto attribute = FindAttribute(*line, scanner.pair_name());
      if (!attribute && !has_r && scanner.pair_name() == "R") {
        if (scanner.pair_value() == "N") continue;  // SEQ(R=N): no attributes
      }
      if (!attribute) return BadLine(scanner.pair_column(), UnknownAttribute(scanner));
      auto& slot = found_[*attribute - Info(*line).first];
      if (slot) {
        return BadLine(scanner.pair_column(),
                       absl::StrFormat("%s a second time", scanner.pair_name()));
      }
      slot = {*attribute, line_number_, static_cast<uint32_t>(scanner.value_column() + 1),
              scanner.pair_value()};
      any = any || scanner.pair_name() != "R";
    }
    if (scanner.failed()) return BadLine(scanner.error().column, scanner.error().message);
    if (has_r) OSPREY_RETURN_IF_ERROR(CompleteR(*line, any));
    if (mode_ == Mode::kRecord) StoreTest(*line);
    return absl::OkStatus();
  }

  // Section 4.2. found_[0] is R.
  absl::Status CompleteR(LineId line, bool any) {
    auto& r = found_[0];
    if (!any) {
      if (r && r->text != "N") {
        return Fatal(r->column - 1, absl::StrFormat("%s(R=%s) without other attributes",
                                                    Info(line).name, r->text));
      }
      r = {Info(line).first, r ? r->line : 0, r ? r->column : 0, "N"};
    } else if (!r) {
      r = {Info(line).first, 0, 0, "Y"};
    } else if (r->text.find('Y') == std::string_view::npos) {
      return BadLine(r->column - 1, absl::StrFormat("R=%s beside other attributes of %s", r->text,
                                                    Info(line).name));
    }
    return absl::OkStatus();
  }

  // The same test twice: the later one replaces the earlier.
  void StoreTest(LineId line) {
    ReferenceText& reference = Record();
    auto& all = reference.expressions;
    if (reference.lines.test(static_cast<size_t>(line))) {
      std::erase_if(all, [line](const auto& e) { return Info(e.attribute).line == line; });
      Warn(absl::StrFormat("%s a second time; this one replaces the first", Info(line).name));
    }
    reference.lines.set(static_cast<size_t>(line));
    const auto behind = [line](const auto& e) { return Info(e.attribute).line > line; };
    auto position = std::find_if(all.begin(), all.end(), behind);
    for (auto& expression : found_) {
      if (!expression) continue;
      position = all.insert(position, *expression) + 1;
    }
  }

  ReferenceText& Record() { return ast_.references.back(); }

  // ---- errors

  static std::string UnknownLine(const LineScanner& scanner) {
    return absl::StrFormat("there is no test %s", scanner.group_name());
  }
  static std::string UnknownAttribute(const LineScanner& scanner) {
    return absl::StrFormat("%s has no attribute %s", scanner.group_name(), scanner.pair_name());
  }

  absl::Status Fatal(size_t column, std::string_view message) const {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s:%u:%u: %s", ast_.file_name, std::max(line_number_, 1u), column + 1, message));
  }
  absl::Status Fatal(const ScanError& error) const {
    return Fatal(error.column, error.message.empty() ? "expected a test" : error.message);
  }

  // The rest of the record is given up.
  absl::Status BadLine(size_t column, std::string message) {
    if (mode_ == Mode::kRecord || mode_ == Mode::kPoints) {
      mode_ = Mode::kGivenUp;
      message += "; the rest of this record is left out";
    }
    return Report(column, std::move(message));
  }

  absl::Status Report(size_t column, std::string message) {
    if (errors_ == kMaxErrors) {
      return Fatal(column, absl::StrFormat("more than %u errors; is this an nmap-os-db file? "
                                           "The first was at line %u: %s",
                                           kMaxErrors, first_error_.line, first_error_.message));
    }
    Diagnostic diagnostic{Severity::kError, line_number_, static_cast<uint32_t>(column + 1),
                          std::move(message)};
    if (errors_++ == 0) first_error_ = diagnostic;
    ast_.diagnostics.push_back(std::move(diagnostic));
    return absl::OkStatus();
  }

  void Warn(std::string message) {
    if (warnings_++ >= kMaxErrors) return;
    ast_.diagnostics.push_back({Severity::kWarning, line_number_, 1, std::move(message)});
  }

  std::string_view text_;
  size_t position_ = 0;
  std::string_view line_;
  bool ended_ = false;
  uint32_t line_number_ = 0;
  Mode mode_ = Mode::kOutside;
  bool seen_points_ = false;
  size_t errors_ = 0;
  size_t warnings_ = 0;
  Diagnostic first_error_{};
  std::array<std::optional<ExpressionText>, 11> found_;
  Ast ast_;
};

}  // namespace

absl::StatusOr<Ast> ParseReferences(std::string_view text, std::string_view file_name) {
  return Parser(text, file_name).Parse();
}

}  // namespace osprey::db
