// SPDX-License-Identifier: Apache-2.0
#include "db/subject.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "db/line_scanner.h"

namespace osprey::db {
namespace {

// Hex digits, letters and '+' are all that a measurement can hold.
constexpr bool IsValueCharacter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '+';
}

bool IsValue(std::string_view value) {
  return std::all_of(value.begin(), value.end(), IsValueCharacter);
}

template <typename Number>
bool ReadNumber(std::string_view text, int base, std::optional<Number>& out) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  out = number;
  return true;
}

// A port, or nothing where none is known.
bool ReadPort(std::string_view text, std::optional<uint16_t>& out) {
  return text.empty() || ReadNumber(text, 10, out);
}

bool ReadFlag(std::string_view text, std::optional<bool>& out) {
  if (text != "Y" && text != "N") return false;
  out = text == "Y";
  return true;
}

bool ReadMethod(std::string_view text, char& out) {
  if (text.size() != 1 || std::string_view("LDIT").find(text[0]) == std::string_view::npos) {
    return false;
  }
  out = text[0];
  return true;
}

// False if `value` does not fit `name`; unknown names are accepted, as newer versions may add some.
bool SetScanField(std::string_view name, std::string_view value, ScanLine& scan) {
  if (name == "V") return scan.version = value, true;
  if (name == "E") return scan.engine = value, true;
  if (name == "D") return scan.date = value, true;
  if (name == "P") return scan.platform = value, true;
  if (name == "M") return scan.mac_prefix = value, true;
  if (name == "OT") return ReadPort(value, scan.open_tcp);
  if (name == "CT") return ReadPort(value, scan.closed_tcp);
  if (name == "CU") return ReadPort(value, scan.closed_udp);
  if (name == "PV") return ReadFlag(value, scan.private_target);
  if (name == "G") return ReadFlag(value, scan.good);
  if (name == "DS") return ReadNumber(value, 10, scan.distance);
  if (name == "DC") return ReadMethod(value, scan.distance_method);
  if (name == "TM") return ReadNumber(value, 16, scan.time);
  return true;
}

class SubjectParser {
 public:
  SubjectParser(std::string_view text, Subject& out) : text_(text), scanner_(text), out_(out) {}

  absl::Status Parse() {
    if (text_.size() > kMaxSubjectBytes) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "1:1: a fingerprint of %u bytes; the limit is %u", text_.size(), kMaxSubjectBytes));
    }
    out_.fingerprint.Clear();
    out_.scan.reset();
    out_.repeated = false;
    bool any = false;
    while (scanner_.NextGroup()) {
      any = true;
      if (!(scanner_.group_name() == "SCAN" ? ReadScan() : ReadTest())) break;
    }
    if (scanner_.failed()) return Error(scanner_.error());
    if (!any) return Error({0, "there is no fingerprint here"});
    return absl::OkStatus();
  }

 private:
  bool ReadScan() {
    ScanLine& scan = out_.scan.emplace();
    while (scanner_.NextPair()) {
      if (!SetScanField(scanner_.pair_name(), scanner_.pair_value(), scan)) {
        return scanner_.Fail(scanner_.value_column(),
                             absl::StrFormat("SCAN: %s cannot be %s", scanner_.pair_name(),
                                             Quote(scanner_.pair_value())));
      }
    }
    return !scanner_.failed();
  }

  bool ReadTest() {
    const std::optional<LineId> line = NextLineId();
    if (!line) {
      return scanner_.Fail(scanner_.group_column(),
                           absl::StrFormat("there is no test %s", scanner_.group_name()));
    }
    next_line_ = static_cast<size_t>(*line) + 1;
    Fingerprint& fingerprint = out_.fingerprint;
    if (fingerprint.HasLine(*line)) {
      out_.repeated = true;
      fingerprint.RemoveLine(*line);
    }
    fingerprint.AddLine(*line);
    next_attribute_ = Info(*line).first;
    while (scanner_.NextPair()) {
      if (!ReadPair(*line)) return false;
    }
    return !scanner_.failed();
  }

  // Tests mostly come in the order of the table: the next ones are tried first.
  std::optional<LineId> NextLineId() const {
    for (size_t i = next_line_; i < kLineCount && i < next_line_ + 3; ++i) {
      const auto line = static_cast<LineId>(i);
      if (Info(line).name == scanner_.group_name()) return line;
    }
    return FindLine(scanner_.group_name());
  }

  std::optional<AttributeId> NextAttribute(LineId line) const {
    const size_t end = size_t{Info(line).first} + Info(line).count;
    for (size_t i = next_attribute_; i < end; ++i) {
      const auto attribute = static_cast<AttributeId>(i);
      if (Info(attribute).name == scanner_.pair_name()) return attribute;
    }
    return FindAttribute(line, scanner_.pair_name());
  }

  bool ReadPair(LineId line) {
    const std::string_view name = scanner_.pair_name();
    const std::string_view value = scanner_.pair_value();
    const std::optional<AttributeId> attribute = NextAttribute(line);
    if (!attribute) {
      if (!Info(line).has_r && name == "R" && value == "N") return true;  // SEQ(R=N): none
      return scanner_.Fail(scanner_.pair_column(),
                           absl::StrFormat("%s has no attribute %s", Info(line).name, name));
    }
    next_attribute_ = size_t{*attribute} + 1;
    if (out_.fingerprint.Has(*attribute)) {
      return scanner_.Fail(scanner_.pair_column(),
                           absl::StrFormat("%s.%s a second time", Info(line).name, name));
    }
    if (!IsValue(value)) {
      return scanner_.Fail(scanner_.value_column(),
                           absl::StrFormat("%s.%s cannot be %s: a measured value has letters, "
                                           "digits and \"+\" only",
                                           Info(line).name, name, Quote(value)));
    }
    if (!out_.fingerprint.Set(*attribute, value)) {
      return scanner_.Fail(scanner_.value_column(),
                           absl::StrFormat("%s.%s has a value too long to have been measured",
                                           Info(line).name, name));
    }
    return true;
  }

  absl::Status Error(const ScanError& error) const {
    const std::string_view before = text_.substr(0, error.column);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
    return absl::InvalidArgumentError(
        absl::StrFormat("%d:%u: %s", line, error.column - start + 1, error.message));
  }

  std::string_view text_;
  LineScanner scanner_;
  Subject& out_;
  size_t next_line_ = 0;
  size_t next_attribute_ = 0;
};

}  // namespace

absl::Status ParseSubject(std::string_view text, Subject& out) {
  return SubjectParser(text, out).Parse();
}

absl::StatusOr<Fingerprint> ParseSubject(std::string_view text) {
  Subject subject;
  OSPREY_RETURN_IF_ERROR(ParseSubject(text, subject));
  return subject.fingerprint;
}

}  // namespace osprey::db
