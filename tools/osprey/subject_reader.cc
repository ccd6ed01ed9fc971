// SPDX-License-Identifier: Apache-2.0
#include "tools/osprey/subject_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "io/writers/record_json.h"
#include "matcher/fingerprint_builder.h"
#include "matcher/observation_codec.h"
#include "tools/osprey/line_subjects.h"
#include "tools/osprey/xml_subjects.h"

namespace osprey::tools {
namespace {

// db::ParseSubject says "1:COLUMN: what" about the joined text.
absl::Status WithPlace(const SubjectText& text, const absl::Status& status) {
  const std::string message(status.message());
  size_t column = 1;
  size_t rest = 0;
  if (message.rfind("1:", 0) == 0) {
    const char* begin = message.data() + 2;
    const auto [end, error] = std::from_chars(begin, message.data() + message.size(), column);
    if (error == std::errc() && *end == ':') {
      rest = static_cast<size_t>(end - message.data()) + 2;
    }
  }
  const size_t offset = std::max<size_t>(column, 1) - 1;
  return absl::InvalidArgumentError(
      absl::StrCat(text.Place(offset), ": ", message.substr(std::min(rest, message.size()))));
}

absl::Status ParseRecordSubject(const SubjectText& text, ParsedSubject& out) {
  auto record = io::ParseRecord(text.text);
  if (!record.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(text.Place(0), ": ", std::string(record.status().message())));
  }
  out.address = std::move(record->address);
  if (!record->observation.empty()) {
    const auto stored = matcher::DecodeObservation(record->observation);
    if (!stored.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(text.Place(0), ": ", std::string(stored.status().message())));
    }
    matcher::BuildFingerprint(stored->round, stored->facts, out.subject.fingerprint);
    return absl::OkStatus();
  }
  if (record->os.result == io::OsResult::kNotMeasured) {
    out.measured = false;
    return absl::OkStatus();
  }
  if (record->os.fingerprint.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(text.Place(0), ": the record holds no measurement"));
  }
  const absl::Status status = db::ParseSubject(record->os.fingerprint, out.subject);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(
      absl::StrCat(text.Place(0), ": fingerprint: ", std::string(status.message())));
}

bool LooksLikeXml(std::string_view start) {
  if (start.substr(0, 3) == "\xEF\xBB\xBF") start.remove_prefix(3);
  const size_t first = start.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && start[first] == '<';
}

}  // namespace

void SubjectText::Clear() {
  form = Form::kGroups;
  text.clear();
  rows.clear();
}

void SubjectText::AddRow(std::string_view row, uint64_t line, uint64_t column) {
  rows.push_back({.offset = text.size(), .line = line, .column = column});
  text += row;
}

std::string SubjectText::Place(size_t offset) const {
  if (rows.empty()) return file;
  auto row = std::upper_bound(rows.begin(), rows.end(), offset,
                              [](size_t byte, const Row& r) { return byte < r.offset; });
  if (row != rows.begin()) --row;
  if (row->column == 0) return absl::StrCat(file, ":", row->line, ":1");
  return absl::StrCat(file, ":", row->line, ":", row->column + (offset - row->offset));
}

absl::Status Parse(const SubjectText& text, ParsedSubject& out) {
  out.address.clear();
  out.measured = true;
  switch (text.form) {
    case SubjectText::Form::kRecord:
      return ParseRecordSubject(text, out);
    case SubjectText::Form::kBroken:
      return absl::InvalidArgumentError(absl::StrCat(text.Place(0), ": ", text.text));
    case SubjectText::Form::kGroups:
      break;
  }
  const absl::Status status = db::ParseSubject(text.text, out.subject);
  return status.ok() ? status : WithPlace(text, status);
}

absl::StatusOr<std::unique_ptr<SubjectReader>> SubjectReader::Open(const std::string& path) {
  OSPREY_ASSIGN_OR_RETURN(LineSource source, LineSource::Open(path));
  OSPREY_ASSIGN_OR_RETURN(const std::string_view start, source.Peek(512));
  if (start.find('\0') != std::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(source.name(), ": this is binary data, not fingerprints"));
  }
  if (LooksLikeXml(start)) return MakeXmlSubjects(std::move(source));
  return MakeLineSubjects(std::move(source));
}

}  // namespace osprey::tools
