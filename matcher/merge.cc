// SPDX-License-Identifier: Apache-2.0
#include "matcher/merge.h"

#include <algorithm>

namespace osprey::matcher {
namespace {

constexpr size_t kRowCharacters = 72;
constexpr std::string_view kRowPrefix = "OS:";

// <0, 0, >0: the order of two instances of one line.
int Compare(const db::Fingerprint& a, const db::Fingerprint& b, const db::LineInfo& line) {
  for (size_t i = line.first; i < line.first + size_t{line.count}; ++i) {
    const auto attribute = static_cast<db::AttributeId>(i);
    if (a.Has(attribute) != b.Has(attribute)) return a.Has(attribute) ? 1 : -1;
    if (!a.Has(attribute)) continue;
    if (const int order = a.Get(attribute).compare(b.Get(attribute)); order != 0) return order;
  }
  return 0;
}

void MergeLine(std::span<const db::Fingerprint> rounds, db::LineId id,
               std::vector<std::string>& out) {
  const db::LineInfo& info = db::Info(id);
  std::vector<const db::Fingerprint*> with_line;
  for (const db::Fingerprint& round : rounds) {
    if (round.HasLine(id)) with_line.push_back(&round);
  }
  std::stable_sort(with_line.begin(), with_line.end(),
                   [&info](const auto* a, const auto* b) { return Compare(*a, *b, info) < 0; });
  const auto end =
      std::unique(with_line.begin(), with_line.end(),
                  [&info](const auto* a, const auto* b) { return Compare(*a, *b, info) == 0; });
  for (auto it = with_line.begin(); it != end; ++it) out.push_back((*it)->LineText(id));
}

size_t PrintedSize(size_t characters, size_t lines, PrintedForm form) {
  if (form == PrintedForm::kPlain) return characters + lines;
  const size_t rows = (characters + kRowCharacters - 1) / kRowCharacters;
  return characters + rows * (kRowPrefix.size() + 1);
}

}  // namespace

std::vector<std::string> MergeLines(std::span<const db::Fingerprint> rounds) {
  std::vector<std::string> lines;
  for (size_t i = 0; i < db::kLineCount; ++i) MergeLine(rounds, static_cast<db::LineId>(i), lines);
  return lines;
}

std::string WrapRows(std::string_view joined) {
  std::string out;
  out.reserve(PrintedSize(joined.size(), 0, PrintedForm::kWrapped));
  for (; !joined.empty(); joined.remove_prefix(std::min(kRowCharacters, joined.size()))) {
    out += kRowPrefix;
    out += joined.substr(0, kRowCharacters);
    out += '\n';
  }
  return out;
}

std::string PrintedFingerprint(std::string_view scan_line, std::span<const db::Fingerprint> rounds,
                               PrintedForm form) {
  if (rounds.empty()) return "(None)";
  if (rounds.size() > kMaxMergedRounds) return "(Too many)";
  std::vector<std::string> lines = MergeLines(rounds);
  lines.insert(lines.begin(), std::string(scan_line));

  std::string text;
  size_t characters = 0;
  size_t count = 0;
  for (const std::string& line : lines) {
    if (PrintedSize(characters + line.size(), count + 1, form) > kMaxPrintedBytes) break;
    characters += line.size();
    ++count;
    text += line;
    if (form == PrintedForm::kPlain) text += '\n';
  }
  return form == PrintedForm::kPlain ? text : WrapRows(text);
}

}  // namespace osprey::matcher
