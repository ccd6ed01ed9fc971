// SPDX-License-Identifier: Apache-2.0
// What is said about a host, against what Nmap printed for the same packets.
#include "engine/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "db/compile.h"
#include "db/text_file.h"
#include "engine/os_text.h"
#include "io/writers/normal_writer.h"
#include "matcher/fingerprint_builder.h"
#include "matcher/matcher.h"
#include "tests/testing/capture.h"
#include "tests/testing/capture_replay.h"
#include "tests/testing/golden.h"

namespace osprey::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Text;

constexpr const char* kInstalled = "/usr/share/nmap/nmap-os-db";
constexpr const char* kInstalledSha256 =
    "4c1442e8dfe9891401d47e1aa24ef6d4ca10ad36bbc4260b95dad39cabef1951";

// A database whose records matter for their names and classes only.
db::Image ImageOf(const std::string& records) {
  auto image = db::ImageFromText("MatchPoints\nT1(R=10)\n\n" + records, "test");
  EXPECT_TRUE(image.ok()) << image.status();
  return *std::move(image);
}

struct Entry {
  std::string name;
  std::vector<std::string> classes;  // "VENDOR | FAMILY | GEN | TYPE", or a CPE behind its class
};

db::Image ImageOf(const std::vector<Entry>& entries) {
  std::string text;
  for (const Entry& entry : entries) {
    absl::StrAppend(&text, "Fingerprint ", entry.name, "\n");
    for (const std::string& line : entry.classes) {
      absl::StrAppend(&text, line.rfind("cpe:", 0) == 0 ? "CPE " : "Class ", line, "\n");
    }
    text += "T1(R=N)\n\n";
  }
  return ImageOf(text);
}

// References 0, 1, 2, ... with these accuracies, best first.
matcher::MatchList ListOf(const std::vector<double>& accuracies) {
  matcher::MatchList list;
  for (const double accuracy : accuracies) {
    list.all[list.count] = {.reference = list.count, .accuracy = accuracy};
    ++list.count;
    list.perfect += accuracy == 1;
  }
  list.result = list.count == 0 ? matcher::MatchResult::kNoMatches : matcher::MatchResult::kSuccess;
  return list;
}

ClassSummary Summarize(const db::Image& image, const std::vector<double>& accuracies, bool guess) {
  return SummarizeClasses(image, matcher::CollectClasses(image, ListOf(accuracies)), guess);
}

TEST(SummarizeClasses, AppendsGenerationsOfOneFamily) {
  const db::Image image = ImageOf({{"a", {"Linux | Linux | 2.6.X | WAP", "cpe:/o:l:2.6"}},
                                   {"b", {"Linux | Linux | 3.X | WAP", "cpe:/o:l:3"}},
                                   {"c", {"Linux | Linux | 2.6.X | router"}},
                                   {"d", {"Example | BoxOS || router"}}});
  const ClassSummary summary = Summarize(image, {1, 1, 1, 1}, false);
  EXPECT_THAT(summary.device_types, ElementsAre("WAP", "router"));
  EXPECT_THAT(summary.running, ElementsAre("Linux 2.6.X|3.X", "Example BoxOS"));
  EXPECT_THAT(summary.cpe, ElementsAre("cpe:/o:l:2.6", "cpe:/o:l:3"));
  EXPECT_FALSE(summary.running_is_guess);
}

// "X" is contained in "10.X": the text is looked at, not the list of generations.
TEST(SummarizeClasses, LeavesOutAGenerationThatIsASubstring) {
  const db::Image image =
      ImageOf({{"a", {"V | F | 10.X | t"}}, {"b", {"V | F | 0.X | t"}}, {"c", {"V | F || t"}}});
  EXPECT_THAT(Summarize(image, {1, 1, 1}, false).running, ElementsAre("V F 10.X"));
}

TEST(SummarizeClasses, GuessesHaveCutPercentagesAndStopTenPointsBelow) {
  const db::Image image =
      ImageOf({{"a", {"A | A | 1 | t"}}, {"b", {"B | B | 1 | t"}}, {"c", {"C | C | 1 | t"}}});
  const ClassSummary summary = Summarize(image, {0.9699, 0.95, 0.8699}, true);
  EXPECT_TRUE(summary.running_is_guess);
  EXPECT_THAT(summary.running, ElementsAre("A 1 (96%)", "B 1 (95%)"));
}

TEST(SummarizeClasses, SaysNothingWithoutPerfectClassUnlessGuessing) {
  const db::Image image = ImageOf({{"a", {"A | A | 1 | t"}}});
  EXPECT_THAT(Summarize(image, {0.97}, false).running, IsEmpty());
}

TEST(SummarizeClasses, ANinthTypeHidesAllLines) {
  std::vector<Entry> entries;
  std::vector<double> accuracies;
  for (int i = 0; i < 9; ++i) {
    entries.push_back({absl::StrCat("n", i), {absl::StrCat("V | F | 1 | type", i)}});
    accuracies.push_back(1);
  }
  EXPECT_THAT(Summarize(ImageOf(entries), accuracies, false).device_types, IsEmpty());
  entries.pop_back();
  accuracies.pop_back();
  EXPECT_EQ(Summarize(ImageOf(entries), accuracies, false).device_types.size(), 8u);
}

TEST(ListedCount, TakesAllPerfectOnesOrTenCloseGuesses) {
  EXPECT_EQ(ListedCount(ListOf({1, 1, 1, 0.99})), 3u);
  EXPECT_EQ(ListedCount(ListOf(std::vector<double>(20, 1.0))), 20u);
  EXPECT_EQ(ListedCount(ListOf(std::vector<double>(20, 0.95))), 10u);
  EXPECT_EQ(ListedCount(ListOf({0.97, 0.88, 0.86})), 2u);
  EXPECT_EQ(ListedCount(ListOf({})), 0u);
  matcher::MatchList many = ListOf({1, 1});
  many.result = matcher::MatchResult::kTooManyMatches;
  EXPECT_EQ(ListedCount(many), 0u);
}

TEST(Lines, DetailsAndGuesses) {
  const db::Image image = ImageOf({{"Alpha", {}}, {"Beta", {}}});
  EXPECT_EQ(DetailsLine(image, ListOf({1, 1})), "OS details: Alpha, Beta");
  EXPECT_EQ(GuessesLine(image, ListOf({0.29 + 0.7, 0.96})),
            "Aggressive OS guesses: Alpha (99%), Beta (96%)");
}

TEST(MatchRecord, HasClassesWithTheirCpes) {
  const db::Image image =
      ImageOf({{"Alpha", {"V | F | 1 | t", "cpe:/o:1", "cpe:/h:2", "W | G || u"}}});
  const io::OsMatchRecord record = MatchRecord(image, {.reference = 0, .accuracy = 0.9});
  EXPECT_EQ(record.db_line, 4u);
  ASSERT_EQ(record.classes.size(), 2u);
  EXPECT_THAT(record.classes[0].cpe, ElementsAre("cpe:/o:1", "cpe:/h:2"));
  EXPECT_EQ(record.classes[1].vendor, "W");
  EXPECT_EQ(record.classes[1].generation, "");
}

// --- The golden captures.

const db::Image* Installed() {
  static const std::unique_ptr<db::Image> image = []() -> std::unique_ptr<db::Image> {
    const auto text = db::ReadTextFile(kInstalled);
    if (!text.ok()) return nullptr;
    auto opened = db::ImageFromText(*text, kInstalled);
    return opened.ok() ? std::make_unique<db::Image>(*std::move(opened)) : nullptr;
  }();
  return image.get();
}

// The captures were answered with this very text.
bool IsTheDatabaseOfTheCaptures() {
  std::string hex;
  for (const uint8_t byte : Installed()->header().source_sha256) {
    absl::StrAppendFormat(&hex, "%02x", byte);
  }
  return hex == kInstalledSha256;
}

std::string Field(std::string_view scan, const std::string& name) {
  const size_t at = scan.find(name + "=");
  if (at == std::string_view::npos) return "";
  const size_t begin = at + name.size() + 1;
  return std::string(scan.substr(begin, scan.find_first_of("%)", begin) - begin));
}

class ReportTest : public ::testing::TestWithParam<std::filesystem::path> {
 protected:
  void SetUp() override {
    if (Installed() == nullptr) GTEST_SKIP() << kInstalled << " is not installed";
    capture_ = testing::ReadCapture(GetParam());
    scan_ = Text(capture_.expected()["scan_line"]);
    testing::Replayer replayer(capture_);
    const int64_t time_s = testing::HexNumber(Field(scan_, "TM"));
    replayer.Run(time_s);
    result_.address = capture_.target;
    result_.facts = replayer.facts();
    result_.rounds = {replayer.round()};
    result_.finished_realtime_ns = time_s * 1'000'000'000;
    Match();
  }

  void Match() {
    db::Fingerprint fingerprint;
    matcher::BuildFingerprint(result_.rounds[0], result_.facts, fingerprint);
    const matcher::Matcher matcher(*Installed());
    matcher::Scratch scratch(*Installed());
    matcher.Match(fingerprint, scratch, result_.matches);
  }

  // As the files were made: with one -d.
  io::Record Report() const {
    ReportOptions options;
    options.version = Field(scan_, "V");
    options.platform = Field(scan_, "P");
    options.verbosity = 1;
    options.debugging = 1;
    return MakeRecord(result_, *Installed(), options);
  }

  // Nmap and we went by the same rules and the same database.
  bool Comparable() const {
    return Text(capture_.json["engine"]) != "Nmap 7.93" && !capture_.baseline_differs &&
           IsTheDatabaseOfTheCaptures();
  }

  testing::Capture capture_;
  std::string scan_;
  HostResult result_;
};

// Nmap's lines in our words; nothing for what is not part of a host's report.
std::string Translate(const std::string& line) {
  for (const char* lead : {"No exact OS matches for host", "No OS matches for host"}) {
    if (line.rfind(absl::StrCat(lead, " (If you know"), 0) == 0) return absl::StrCat(lead, ".");
  }
  if (line.rfind("WARNING: RST", 0) == 0) return "";  // on standard error, at once
  if (line.rfind("Uptime guess", 0) == 0) return "";  // depends on the time of printing
  if (line.rfind("Ignoring claimed", 0) == 0) return "";
  return line;
}

bool DependsOnTheDatabase(const std::string& line) {
  for (const char* lead :
       {"Device type", "Running", "OS CPE", "OS details", "Aggressive OS", "No exact OS",
        "No OS matches", "Too many", "OS fingerprint not ideal", "Warning: OSScan"}) {
    if (line.rfind(lead, 0) == 0) return true;
  }
  return false;
}

std::vector<std::string> PrintedLines(const io::Record& record) {
  std::string text;
  io::AppendOsText(record, 1, text);
  std::vector<std::string> lines;
  bool in_block = false;
  for (const auto piece : absl::StrSplit(text, '\n')) {
    const std::string line(piece);
    if (line == "TCP/IP fingerprint:") in_block = true;
    if (!in_block && !Translate(line).empty()) lines.push_back(line);
    if (line.empty()) in_block = false;
  }
  return lines;
}

// With the engine whose rules are ours every line must be the same; with the older one, those that
// do not depend on its rules of matching.
TEST_P(ReportTest, SaysWhatNmapSaid) {
  const bool all = Comparable();
  std::vector<std::string> expected;
  for (const std::string& line : testing::Strings(capture_.expected()["messages"])) {
    const std::string ours = Translate(line);
    if (!ours.empty() && (all || !DependsOnTheDatabase(ours))) expected.push_back(ours);
  }
  std::vector<std::string> printed = PrintedLines(Report());
  if (!all) std::erase_if(printed, DependsOnTheDatabase);
  EXPECT_THAT(printed, ElementsAreArray(expected));
}

TEST_P(ReportTest, HasThePortsAndMeasuresOfTheXml) {
  const io::Record record = Report();
  const rapidjson::Value& xml = capture_.expected()["xml"];
  std::vector<std::string> expected;
  for (const auto& port : xml["portused"].GetArray()) {
    expected.push_back(absl::StrCat(port["state"].GetString(), " ", port["proto"].GetString(), " ",
                                    port["portid"].GetString()));
  }
  std::vector<std::string> used;
  for (const io::UsedPort& port : record.os.ports_used) {
    used.push_back(absl::StrCat(port.state, " ", port.protocol, " ", port.port));
  }
  EXPECT_EQ(used, expected);
  EXPECT_EQ(record.uptime.has_value(), xml.HasMember("uptime"));
  EXPECT_EQ(record.distance.has_value(), xml.HasMember("distance"));
  EXPECT_EQ(record.tcp_sequence.has_value(), xml.HasMember("tcpsequence"));
  EXPECT_EQ(record.ip_id_sequence.has_value(), xml.HasMember("ipidsequence"));
  EXPECT_EQ(record.tcp_ts_sequence.has_value(), xml.HasMember("tcptssequence"));
  if (record.tcp_ts_sequence) {
    EXPECT_EQ(!record.tcp_ts_sequence->values.empty(), xml["tcptssequence"].HasMember("values"));
  }
}

TEST_P(ReportTest, ListsTheMatchesOfTheXml) {
  if (!Comparable()) return;
  const io::Record record = Report();
  std::vector<std::string> expected;
  for (const auto& match : capture_.expected()["xml"]["osmatch"].GetArray()) {
    expected.push_back(absl::StrCat(match["name"].GetString(), " ", match["accuracy"].GetInt()));
  }
  std::vector<std::string> listed;
  for (const io::OsMatchRecord& match : record.os.matches) {
    listed.push_back(absl::StrCat(match.name, " ", io::Percent(match.accuracy)));
  }
  EXPECT_EQ(listed, expected);
}

TEST_P(ReportTest, PrintsTheBlockOfTheXml) {
  if (capture_.baseline_differs || capture_.id == "linux-localhost") return;  // PV of 7.93
  const std::string block = Report().os.fingerprint_block;
  // The older rules can find another kind of result, and with it another form.
  if (!Comparable() && block.size() != Text(capture_.expected()["printed_fingerprint"]).size()) {
    return;
  }
  EXPECT_EQ(block, Text(capture_.expected()["printed_fingerprint"]));
}

std::string TestName(const ::testing::TestParamInfo<std::filesystem::path>& parameter) {
  std::string name = parameter.param.stem().string();
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Golden, ReportTest, ::testing::ValuesIn(testing::CaptureFiles()),
                         TestName);

// --- Records that are made without a capture.

HostResult SilentHost() {
  HostResult result;
  result.address = {.host_order = 0xC0000207};
  result.finished_realtime_ns = 1'700'000'000'000'000'000;
  result.outcome = HostOutcome::kSkipped;
  return result;
}

TEST(MakeRecord, CountsPortsThatAreMany) {
  HostResult result = SilentHost();
  for (uint16_t port = 1; port <= 26; ++port) {
    result.ports.Note({port, PortState::kFiltered,
                       port <= 20 ? PortReason::kNoResponse : PortReason::kAdminProhibited, 0});
  }
  result.ports.Note({90, PortState::kClosed, PortReason::kReset, 60});
  result.ports.Note({80, PortState::kOpen, PortReason::kSynAck, 61});
  ReportOptions options;
  options.service_name = [](HostOrderPort port, bool) -> std::string_view {
    return port == 80 ? "http" : "";
  };
  const io::Record record = MakeRecord(result, ImageOf({{"a", {}}}), options);
  ASSERT_EQ(record.ports_not_shown.size(), 2u);
  EXPECT_EQ(record.ports_not_shown[0].count, 20u);
  EXPECT_EQ(record.ports_not_shown[0].state, "filtered");
  EXPECT_EQ(record.ports_not_shown[0].reason, "no-response");
  EXPECT_EQ(record.ports_not_shown[1].count, 6u);
  EXPECT_EQ(record.ports_not_shown[1].reason, "admin-prohibited");
  ASSERT_EQ(record.ports.size(), 2u);
  EXPECT_EQ(record.ports[0].port, 80);
  EXPECT_EQ(record.ports[0].service, "http");
  EXPECT_EQ(record.ports[0].reason_ttl, 61u);
  EXPECT_EQ(record.ports[1].state, "closed");
  EXPECT_EQ(record.ports[1].reason, "reset");
  EXPECT_EQ(record.reason, "syn-ack");
}

TEST(MakeRecord, ASkippedHostIsRecordedUnmeasured) {
  ReportOptions options;
  options.verbosity = 1;
  const io::Record record = MakeRecord(SilentHost(), ImageOf({{"a", {}}}), options);
  EXPECT_EQ(record.os.result, io::OsResult::kNotMeasured);
  EXPECT_THAT(record.warnings,
              ElementsAre("Skipping OS Scan against 192.0.2.7 due to absence of open (or perhaps "
                          "closed) ports"));
}

TEST(MakeRecord, AResetToASeqProbeIsAWarning) {
  HostResult result = SilentHost();
  result.reset_warning = true;
  result.facts.open_tcp_port = 80;
  const io::Record record = MakeRecord(result, ImageOf({{"a", {}}}), {});
  EXPECT_THAT(record.warnings,
              ElementsAre("WARNING: RST from 192.0.2.7 port 80 -- is this port really open?"));
}

TEST(MakeRecord, SignsOfLossAreThoseOfTheRoundThatCounts) {
  const db::Image image = ImageOf({{"a", {}}});
  HostResult result = SilentHost();
  result.outcome = HostOutcome::kMeasured;
  result.rounds.resize(2);
  result.rounds[0].NoteSeqSent(0, 1000, 1000);
  constexpr size_t kFirstRepeat = 6;  // OPS1
  result.rounds[0].RecordTcp(kFirstRepeat, {.seq = 1, .flags = kTcpSyn | kTcpAck});
  result.rounds[0].NoteRepeatAnswered();
  result.rounds[0].NoteRepeatAnswered();
  result.best_round = 0;
  EXPECT_EQ(MakeRecord(result, image, {}).os.losses, (io::LossRecord{.sequence = 1, .tests = 2}));
  result.best_round = 1;
  EXPECT_EQ(MakeRecord(result, image, {}).os.losses, std::nullopt);
}

TEST(MakeRecord, TheMacIsUpperCase) {
  HostResult result = SilentHost();
  result.mac = {.bytes = {0x02, 0xAB, 0xCD, 0, 0, 1}};
  const io::Record record = MakeRecord(result, ImageOf({{"a", {}}}), {});
  EXPECT_EQ(record.mac, "02:AB:CD:00:00:01");
  EXPECT_EQ(record.reason, "arp-response");
}

}  // namespace
}  // namespace osprey::engine
