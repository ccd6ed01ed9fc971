// SPDX-License-Identifier: Apache-2.0
#include "tests/testing/random_subjects.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "absl/strings/str_format.h"
#include "db/value_expression.h"

namespace osprey::testing {
namespace {

bool Chance(double probability, Random& random) {
  return std::uniform_real_distribution<double>(0, 1)(random) < probability;
}

uint64_t Between(uint64_t low, uint64_t high, Random& random) {
  return std::uniform_int_distribution<uint64_t>(std::min(low, high), std::max(low, high))(random);
}

uint64_t Number(std::string_view hex, uint64_t otherwise) {
  uint64_t number = otherwise;
  std::from_chars(hex.data(), hex.data() + hex.size(), number, 16);
  return number;
}

std::string Hex(uint64_t number) { return absl::StrFormat("%X", number); }

std::string FillBrackets(std::string_view pattern, Random& random) {
  std::string out;
  for (;;) {
    const size_t open = pattern.find('[');
    const size_t close = open == std::string_view::npos ? open : pattern.find(']', open);
    if (close == std::string_view::npos) return out + std::string(pattern);
    out += pattern.substr(0, open);
    out += RandomValue(pattern.substr(open + 1, close - open - 1), false, random);
    pattern.remove_prefix(close + 1);
  }
}

std::string ValueOf(const db::Alternative& a, Random& random) {
  switch (a.kind) {
    case db::AlternativeKind::kText:
    case db::AlternativeKind::kHexText:
      return std::string(a.text);
    case db::AlternativeKind::kRange:
      return Hex(Between(Number(a.low, 0), Number(a.high, 0), random));
    case db::AlternativeKind::kGreater:
      return Hex(Number(a.low, 0) + Between(1, 1000, random));
    case db::AlternativeKind::kLess:
      return Hex(Between(0, std::max<uint64_t>(Number(a.high, 0), 1) - 1, random));
    case db::AlternativeKind::kBrackets:
      return FillBrackets(a.text, random);
    case db::AlternativeKind::kNever:
      return "";
  }
  return "";
}

std::string OddValue(Random& random) {
  static constexpr std::string_view kOdd[] = {
      "", "0", "U", "Z", "A+", "AS", "FFFF", "00A", "M5B4ST11NW8", "M578", "MZLL", "123456789AB"};
  if (Chance(0.5, random)) return Hex(Between(0, 0x200, random));
  return std::string(kOdd[Between(0, std::size(kOdd) - 1, random)]);
}

const db::ExpressionRecord* Expression(const db::Image& image, size_t reference,
                                       db::AttributeId attribute, const SubjectNoise& noise,
                                       Random& random) {
  const db::ExpressionRecord* own = image.Find(reference, attribute);
  if (own == nullptr || !Chance(noise.foreign, random)) return own;
  return image.Find(Between(0, image.reference_count() - 1, random), attribute);
}

void AddLine(const db::Image& image, size_t reference, db::LineId line, const SubjectNoise& noise,
             Random& random, db::Fingerprint& out) {
  const db::LineInfo& info = db::Info(line);
  out.AddLine(line);
  if (info.has_r && Chance(noise.no_reply, random)) {
    static_cast<void>(out.Set(info.first, "N"));
    return;
  }
  for (size_t i = info.first; i < info.first + size_t{info.count}; ++i) {
    const auto attribute = static_cast<db::AttributeId>(i);
    const auto* expression = Expression(image, reference, attribute, noise, random);
    if (expression == nullptr || Chance(noise.drop_attribute, random)) continue;
    std::string value =
        RandomValue(image.Text(expression->text), db::Info(attribute).is_options, random);
    if (Chance(noise.odd, random)) value = OddValue(random);
    static_cast<void>(out.Set(attribute, value));
  }
}

}  // namespace

std::string RandomValue(std::string_view expression, bool is_options, Random& random) {
  std::vector<db::Alternative> all;
  db::AlternativeReader reader(expression, is_options);
  for (db::Alternative a; reader.Next(a);) all.push_back(a);
  return ValueOf(all[Between(0, all.size() - 1, random)], random);
}

db::Fingerprint RandomSubject(const db::Image& image, size_t reference, const SubjectNoise& noise,
                              Random& random) {
  db::Fingerprint out;
  for (size_t i = 0; i < db::kLineCount; ++i) {
    if (image.lines(reference)[i] == db::kNone || Chance(noise.drop_line, random)) continue;
    AddLine(image, reference, static_cast<db::LineId>(i), noise, random, out);
  }
  return out;
}

}  // namespace osprey::testing
