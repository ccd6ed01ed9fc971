// SPDX-License-Identifier: Apache-2.0
#include "tools/osprey/match_renderer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/os_text.h"
#include "io/writers/json.h"
#include "io/writers/normal_writer.h"
#include "io/writers/record_json.h"
#include "matcher/classes.h"

namespace osprey::tools {
namespace {

constexpr std::string_view kAccuracyKey = "\"accuracy\":";

// Six decimals, rounded.
void AppendAccuracy(double accuracy, std::string& out) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), accuracy,
                                 std::chars_format::fixed, 6);
  out.append(digits.data(), end.ptr);
}

void AppendNumber(uint64_t number, std::string& out) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), end.ptr);
}

// The texts that `osprey scan` would print for this list, with guesses: asking for a match is
// asking for them.
io::Record Describe(const db::Image& image, const matcher::MatchList& matches) {
  io::Record record;
  io::OsRecord& os = record.os;
  engine::ClassSummary summary =
      engine::SummarizeClasses(image, matcher::CollectClasses(image, matches), true);
  os.device_types = std::move(summary.device_types);
  os.running = std::move(summary.running);
  os.running_is_guess = summary.running_is_guess;
  os.cpe = std::move(summary.cpe);
  if (matches.result == matcher::MatchResult::kTooManyMatches) {
    os.verdict_lines = {"Too many fingerprints match this host to give specific OS details"};
  } else if (matches.count == 0) {
    os.verdict_lines = {"No OS matches for host."};
  } else if (matches.perfect > 0) {
    os.verdict_lines = {engine::DetailsLine(image, matches)};
  } else {
    os.verdict_lines = {engine::GuessesLine(image, matches), "No exact OS matches for host."};
  }
  return record;
}

}  // namespace

MatchRenderer::MatchRenderer(const db::Image& image, const RenderOptions& options)
    : image_(image), options_(options), fragments_(image.reference_count()) {}

void MatchRenderer::Result(uint64_t index, const SubjectText& text, const ParsedSubject& subject,
                           const matcher::MatchList& matches, std::string& out) {
  if (options_.json) {
    JsonResult(index, subject, matches, out);
  } else {
    HumanResult(text, subject, matches, out);
  }
}

void MatchRenderer::Failure(uint64_t index, std::string_view message, std::string& out) {
  if (!options_.json) {
    absl::StrAppendFormat(&out, "osprey: %s\n", message);
    return;
  }
  io::JsonLine json;
  json.BeginObject();
  json.Member("index", index);
  json.Member("error", message);
  json.EndObject();
  json.EndLine();
  out += json.view();
}

void MatchRenderer::JsonResult(uint64_t index, const ParsedSubject& subject,
                               const matcher::MatchList& matches, std::string& out) {
  out += "{\"index\":";
  AppendNumber(index, out);
  if (!subject.address.empty()) {
    io::JsonLine json;
    json.Value(subject.address);
    absl::StrAppend(&out, ",\"ip\":", std::string(json.view()));
  }
  if (!subject.measured) {
    out += ",\"result\":\"not_measured\",\"perfect\":0,\"matches\":[]}\n";
    return;
  }
  out += ",\"result\":\"";
  out += io::OsResultName(engine::ResultOf(matches.result));
  out += "\",\"perfect\":";
  AppendNumber(matches.perfect, out);
  out += ",\"matches\":[";
  const size_t count = std::min<size_t>(matches.count, options_.top);
  for (size_t i = 0; i < count; ++i) {
    const matcher::Match& match = matches.all[i];
    const Fragment& fragment = FragmentOf(match.reference);
    if (i > 0) out += ',';
    out += fragment.before;
    AppendAccuracy(match.accuracy, out);
    out += fragment.behind;
  }
  out += "]}\n";
}

const MatchRenderer::Fragment& MatchRenderer::FragmentOf(uint32_t reference) {
  Fragment& fragment = fragments_[reference];
  if (!fragment.before.empty()) return fragment;
  io::JsonLine json;
  const io::OsMatchRecord match =
      engine::MatchRecord(image_, {.reference = reference, .accuracy = 0});
  io::RenderMatch(match, io::ClassCpe::kOnlyInMatch, json);
  // Quotes inside strings are escaped, so the key occurs once.
  const std::string_view text = json.view();
  const size_t value = text.find(kAccuracyKey) + kAccuracyKey.size();
  fragment.before = text.substr(0, value);
  fragment.behind = text.substr(text.find(',', value));
  return fragment;
}

void MatchRenderer::HumanResult(const SubjectText& text, const ParsedSubject& subject,
                                const matcher::MatchList& matches, std::string& out) {
  std::string place = text.file;
  if (!text.rows.empty()) absl::StrAppend(&place, ":", text.rows[0].line);
  if (!subject.address.empty()) absl::StrAppend(&place, " (", subject.address, ")");
  absl::StrAppend(&out, "Osprey match report for ", place, "\n");
  if (!subject.measured) {
    out += "The host was not measured.\n\n";
    return;
  }
  io::AppendOsText(Describe(image_, matches), 0, out);
  if (subject.subject.repeated) {
    out += "Note: some tests stand there more than once; the last of each counts.\n";
  }
  const size_t listed = options_.verbosity > 0 ? std::min<size_t>(matches.count, options_.top) : 0;
  for (size_t i = 0; i < listed; ++i) {
    const matcher::Match& match = matches.all[i];
    absl::StrAppendFormat(&out, "  %8.4f %%  line %-7d %s\n", match.accuracy * 100,
                          image_.db_line(match.reference),
                          std::string(image_.name(match.reference)));
  }
  out += '\n';
}

}  // namespace osprey::tools
