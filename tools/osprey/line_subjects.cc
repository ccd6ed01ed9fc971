// SPDX-License-Identifier: Apache-2.0
#include "tools/osprey/line_subjects.h"

#include <array>
#include <utility>

#include "base/status_macros.h"

namespace osprey::tools {
namespace {

constexpr std::string_view kWrapPrefix = "OS:";

// First lines by which normal output is known. From such a line on, everything but fingerprints is
// skipped.
constexpr std::array<std::string_view, 8> kOutputLines = {
    "Starting Nmap ",   "# Nmap ",   "Nmap scan report for ",   "Nmap done",
    "Starting Osprey ", "# Osprey ", "Osprey scan report for ", "TCP/IP fingerprint:"};

bool StartsWith(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

bool IsOutputLine(std::string_view line) {
  for (const std::string_view start : kOutputLines) {
    if (StartsWith(line, start)) return true;
  }
  return false;
}

std::string_view Trimmed(std::string_view line) {
  const size_t first = line.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(" \t") + 1 - first);
}

// "NAME(...)" and nothing behind it.
bool IsOneGroup(std::string_view line) {
  const size_t open = line.find('(');
  return open != std::string_view::npos && line.find('(', open + 1) == std::string_view::npos &&
         line.back() == ')';
}

class LineSubjects final : public SubjectReader {
 public:
  explicit LineSubjects(LineSource source) : source_(std::move(source)) {}

  absl::StatusOr<bool> Next(SubjectText& out) override;
  bool Ready() override { return again_ || source_.Ready(); }

 private:
  // What a line did to the subject under way.
  enum class Step { kMore, kComplete, kCompleteBefore };

  Step Take(const LineSource::Line& line, SubjectText& out);
  Step StartSubject(const LineSource::Line& line, std::string_view text, SubjectText& out);
  static uint64_t Column(const LineSource::Line& line, std::string_view text) {
    return static_cast<uint64_t>(text.data() - line.text.data()) + 1;
  }

  enum class Under { kNothing, kWrapped, kUnwrapped };

  LineSource source_;
  LineSource::Line line_;
  bool again_ = false;      // line_ has not been used yet
  bool in_output_ = false;  // only fingerprints count
  bool block_follows_ = false;
  Under under_ = Under::kNothing;
};

absl::StatusOr<bool> LineSubjects::Next(SubjectText& out) {
  out.Clear();
  out.file = source_.name();
  under_ = Under::kNothing;
  while (true) {
    if (!again_) {
      OSPREY_ASSIGN_OR_RETURN(const bool more, source_.Next(line_));
      if (!more) return !out.rows.empty();
    }
    again_ = false;
    const Step step = Take(line_, out);
    again_ = step == Step::kCompleteBefore;
    if (step != Step::kMore) return true;
  }
}

// One line: it continues the subject under way, ends it, or starts one.
LineSubjects::Step LineSubjects::Take(const LineSource::Line& line, SubjectText& out) {
  const std::string_view text = Trimmed(line.text);
  if (under_ == Under::kWrapped) {
    if (!StartsWith(text, kWrapPrefix)) return Step::kCompleteBefore;
  } else if (under_ == Under::kUnwrapped) {
    if (text.empty()) return Step::kComplete;
    if (!IsOneGroup(text) || StartsWith(text, "SCAN(")) return Step::kCompleteBefore;
  }
  if (out.text.size() > db::kMaxSubjectBytes) return Step::kMore;  // refused by the parser
  if (under_ == Under::kUnwrapped) {
    out.AddRow(text, line.number, Column(line, text));
    return Step::kMore;
  }
  return StartSubject(line, text, out);
}

LineSubjects::Step LineSubjects::StartSubject(const LineSource::Line& line, std::string_view text,
                                              SubjectText& out) {
  if (StartsWith(text, kWrapPrefix)) {
    text.remove_prefix(kWrapPrefix.size());
    out.AddRow(text, line.number, Column(line, text));
    under_ = Under::kWrapped;
    return Step::kMore;
  }
  if (IsOutputLine(text)) in_output_ = true;
  const bool header = text == "TCP/IP fingerprint:";
  const bool after_header = std::exchange(block_follows_, header);
  if (text.empty() || header || text[0] == '#' || (in_output_ && !after_header)) return Step::kMore;
  out.AddRow(text, line.number, Column(line, text));
  if (line.too_long) {
    out.form = SubjectText::Form::kBroken;
    out.text = "the line is longer than a subject can be";
    return Step::kComplete;
  }
  if (text[0] == '{') {
    out.form = SubjectText::Form::kRecord;
    return Step::kComplete;
  }
  if (!after_header && !(StartsWith(text, "SCAN(") && IsOneGroup(text))) return Step::kComplete;
  under_ = Under::kUnwrapped;
  return Step::kMore;
}

}  // namespace

std::unique_ptr<SubjectReader> MakeLineSubjects(LineSource source) {
  return std::make_unique<LineSubjects>(std::move(source));
}

}  // namespace osprey::tools
