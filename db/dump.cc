// SPDX-License-Identifier: Apache-2.0
#include "db/dump.h"

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "db/text_file.h"
#include "db/text_parser.h"

namespace osprey::db {
namespace {

// Appends lines and counts them.
class Writer {
 public:
  explicit Writer(const Image& image) : image_(image) {}

  std::string Run() {
    const ImageHeader& header = image_.header();
    const std::string sum = absl::BytesToHexString(absl::string_view(
        reinterpret_cast<const char*>(header.source_sha256.data()), header.source_sha256.size()));
    // What is not a record stands behind them where it would be in the way of their line numbers.
    const std::vector<std::string> points = Points();
    const bool points_first = points.size() < image_.db_line(0);
    if (points_first) Lines(points);
    for (size_t r = 0; r < image_.reference_count(); ++r) WriteReference(r);
    Line("");
    if (!points_first) {
      Lines(points);
      Line("");
    }
    if (!image_.version_notice().empty()) Line(image_.version_notice());
    Line(absl::StrFormat("# osprey-origin %s %d", sum, header.source_bytes));
    return std::move(out_);
  }

 private:
  void Line(std::string_view text) {
    out_ += text;
    out_ += '\n';
    ++lines_;
  }

  void Lines(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) Line(line);
  }

  std::vector<std::string> Points() const {
    std::vector<std::string> out = {"MatchPoints"};
    for (size_t i = 0; i < kLineCount; ++i) {
      const LineInfo& info = Info(static_cast<LineId>(i));
      std::string text;
      for (size_t a = info.first; a < info.first + size_t{info.count}; ++a) {
        const uint32_t points = image_.attributes()[a].points;
        if (points == 0) continue;
        absl::StrAppendFormat(&text, "%s%s=%d", text.empty() ? "" : "%",
                              Info(static_cast<AttributeId>(a)).name, points);
      }
      if (!text.empty()) out.push_back(absl::StrFormat("%s(%s)", info.name, text));
    }
    return out;
  }

  void WriteReference(size_t r) {
    if (lines_ + 1 < image_.db_line(r)) Line("");
    while (lines_ + 1 < image_.db_line(r) && lines_ < kMaxTextBytes) Line("#");
    Line(absl::StrFormat("Fingerprint %s", image_.name(r)));
    for (const ClassRecord& c : image_.classes(r)) {
      Line(ClassText(c));
      for (const TextRef& cpe : image_.cpes(c)) Line(absl::StrFormat("CPE %s", image_.Text(cpe)));
    }
    for (size_t i = 0; i < kLineCount; ++i) {
      if (image_.lines(r)[i] != kNone) Line(TestLineText(image_, r, static_cast<LineId>(i)));
    }
  }

  std::string ClassText(const ClassRecord& c) const {
    const std::string text =
        absl::StrFormat("Class %s | %s | %s | %s", image_.Text(c.vendor), image_.Text(c.family),
                        image_.Text(c.generation), image_.Text(c.type));
    if (text.size() <= kMaxLineBytes) return text;
    return absl::StrFormat("Class %s|%s|%s|%s", image_.Text(c.vendor), image_.Text(c.family),
                           image_.Text(c.generation), image_.Text(c.type));
  }

  const Image& image_;
  std::string out_;
  size_t lines_ = 0;
};

AttributeId AttributeOf(const Image& image, uint32_t expression) {
  const auto attributes = image.attributes();
  const auto behind =
      std::upper_bound(attributes.begin(), attributes.end(), expression,
                       [](uint32_t e, const AttributeRecord& a) { return e < a.first_expression; });
  return static_cast<AttributeId>(behind - attributes.begin() - 1);
}

}  // namespace

std::string TestLineText(const Image& image, size_t reference, LineId line) {
  const uint32_t index = image.lines(reference)[static_cast<size_t>(line)];
  if (index == kNone) return "";
  std::string pairs;
  for (const uint32_t part : image.parts(image.test_lines()[index])) {
    absl::StrAppendFormat(&pairs, "%s%s=%s", pairs.empty() ? "" : "%",
                          Info(AttributeOf(image, part)).name,
                          image.Text(image.expressions()[part].text));
  }
  // The R that is assumed anyway may be what makes a line too long.
  const bool is_long = Info(line).name.size() + pairs.size() + 2 > kMaxLineBytes;
  if (is_long && pairs.starts_with("R=Y%")) pairs.erase(0, 4);
  return absl::StrFormat("%s(%s)", Info(line).name, pairs);
}

std::string Dump(const Image& image) { return Writer(image).Run(); }

}  // namespace osprey::db
