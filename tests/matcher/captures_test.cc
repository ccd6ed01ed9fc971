// SPDX-License-Identifier: Apache-2.0
// The 87 complete measurements: raw packets in, printed fingerprint out.

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "matcher/fingerprint_builder.h"
#include "matcher/merge.h"
#include "matcher/observation_codec.h"
#include "matcher/output_plan.h"
#include "matcher/scan_line.h"
#include "tests/testing/capture.h"
#include "tests/testing/capture_replay.h"
#include "tests/testing/golden.h"

namespace osprey::matcher {
namespace {

using testing::Capture;
using testing::Replayer;
using testing::Text;

// The value of one field of a SCAN line.
std::string ScanField(std::string_view line, std::string_view name) {
  line.remove_prefix(line.find('(') + 1);
  line.remove_suffix(1);
  for (const std::string& field :
       std::vector<std::string>(absl::StrSplit(absl::string_view(line.data(), line.size()), '%'))) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(field, absl::MaxSplits('=', 1));
    if (pair.first == name) return pair.second;
  }
  return "";
}

ScanLineInfo InfoFrom(const Capture& capture, std::string_view scan, std::string* texts) {
  ScanLineInfo info;
  texts[0] = ScanField(scan, "V");
  texts[1] = ScanField(scan, "P");
  info.version = texts[0];
  info.platform = texts[1];
  info.time_s = testing::HexNumber(ScanField(scan, "TM"));
  const std::vector<std::string> date = absl::StrSplit(ScanField(scan, "D"), '/');
  info.month = std::stoi(date.at(0));
  info.day = std::stoi(date.at(1));
  info.target = capture.target;
  return info;
}

std::string Hex(std::span<const SeqSample> samples, uint32_t (*get)(const SeqSample&)) {
  std::string out;
  for (const SeqSample& sample : samples) {
    absl::StrAppend(&out, out.empty() ? "" : ",", absl::StrFormat("%X", get(sample)));
  }
  return out;
}

class CaptureTest : public ::testing::TestWithParam<std::filesystem::path> {
 protected:
  void SetUp() override {
    capture_ = testing::ReadCapture(GetParam());
    scan_ = Text(capture_.expected()["scan_line"]);
    print_time_s_ = testing::HexNumber(ScanField(scan_, "TM"));
    replayer_.emplace(capture_);
    replayer_->Run(print_time_s_);
    BuildFingerprint(replayer_->round(), replayer_->facts(), fingerprint_, &sequence_);
  }

  const rapidjson::Value* Xml(const char* element) const {
    const rapidjson::Value& xml = capture_.expected()["xml"];
    const auto it = xml.FindMember(element);
    return it == xml.MemberEnd() ? nullptr : &it->value;
  }

  Capture capture_;
  std::string scan_;
  int64_t print_time_s_ = 0;
  std::optional<Replayer> replayer_;
  db::Fingerprint fingerprint_;
  SequenceFacts sequence_;
};

TEST_P(CaptureTest, GivesTheExpectedLines) {
  std::vector<std::string> lines = absl::StrSplit(fingerprint_.Text("\n"), '\n');
  EXPECT_EQ(lines, capture_.lines);
}

TEST_P(CaptureTest, GivesTheExpectedDistance) {
  const rapidjson::Value& distance = capture_.expected()["distance"];
  ASSERT_EQ(sequence_.distance.known(), !distance.IsNull());
  if (distance.IsNull()) return;
  EXPECT_EQ(sequence_.distance.hops, distance.GetInt());
  EXPECT_EQ(std::string(1, static_cast<char>(sequence_.distance.method)),
            Text(capture_.expected()["distance_method"]));
}

TEST_P(CaptureTest, GivesTheExpectedSequenceElements) {
  const auto used = sequence_.used();
  const rapidjson::Value* tcp = Xml("tcpsequence");
  ASSERT_EQ(tcp != nullptr, used.size() > 3);
  if (tcp != nullptr) {
    EXPECT_EQ(std::to_string(sequence_.difficulty()), Text((*tcp)["index"]));
    EXPECT_EQ(DescribeDifficulty(sequence_.difficulty()), Text((*tcp)["difficulty"]));
    EXPECT_EQ(Hex(used, [](const SeqSample& s) { return s.isn; }), Text((*tcp)["values"]));
  }
  const rapidjson::Value* ip_id = Xml("ipidsequence");
  const rapidjson::Value* timestamps = Xml("tcptssequence");
  ASSERT_EQ(ip_id != nullptr, used.size() > 2);
  ASSERT_EQ(timestamps != nullptr, used.size() > 2);
  if (ip_id == nullptr) return;
  EXPECT_EQ(Describe(sequence_.ti_class), Text((*ip_id)["class"]));
  EXPECT_EQ(Hex(used, [](const SeqSample& s) { return uint32_t{s.ip_id}; }),
            Text((*ip_id)["values"]));
  EXPECT_EQ(Describe(sequence_.timestamp_class), Text((*timestamps)["class"]));
  if (sequence_.timestamp_class != TimestampClass::kUnsupported) {
    EXPECT_EQ(Hex(used, [](const SeqSample& s) { return s.tsval; }), Text((*timestamps)["values"]));
  }
}

TEST_P(CaptureTest, GivesTheExpectedUptime) {
  const rapidjson::Value* uptime = Xml("uptime");
  ASSERT_EQ(uptime != nullptr, sequence_.boot_time_s.has_value());
  if (uptime == nullptr) return;
  // The file has the uptime at the time of printing, some seconds after the first probe.
  const int64_t measured = print_time_s_ - *sequence_.boot_time_s;
  const int64_t printed = std::stoll(std::string(Text((*uptime)["seconds"])));
  EXPECT_GE(printed, measured);
  EXPECT_LE(printed, measured + 10);
}

TEST_P(CaptureTest, PrintsTheExpectedBlock) {
  const std::array<db::Fingerprint, 1> rounds = {fingerprint_};
  std::string texts[2];
  ScanLineInfo info = InfoFrom(capture_, scan_, texts);
  info.good = IsFit(replayer_->facts());
  std::string line = ScanLine(info, replayer_->facts());
  // The list of special addresses grew after the version that printed this one.
  if (capture_.id == "linux-localhost") line.replace(line.find("%PV=Y"), 5, "%PV=N");
  ASSERT_EQ(line, scan_);
  const bool wrapped = capture_.expected()["fingerprint_wrapped"].GetBool();
  const PrintedForm form = wrapped ? PrintedForm::kWrapped : PrintedForm::kPlain;
  const std::string block = PrintedFingerprint(line, rounds, form);
  if (!capture_.baseline_differs) {
    EXPECT_EQ(block, Text(capture_.expected()["printed_fingerprint"]));
    return;
  }
  std::string joined = line;
  for (const std::string& test : capture_.lines)
    absl::StrAppend(&joined, wrapped ? "" : "\n", test);
  EXPECT_EQ(block, wrapped ? WrapRows(joined) : joined + "\n");
}

TEST_P(CaptureTest, SaysWhyItIsUnfit) {
  const std::vector<std::string> messages = testing::Strings(capture_.expected()["messages"]);
  EXPECT_EQ(ScanField(scan_, "G") == "Y", IsFit(replayer_->facts()));
  for (const std::string& message : messages) {
    constexpr std::string_view kLead = "OS fingerprint not ideal because: ";
    if (message.starts_with(kLead)) {
      EXPECT_EQ(UnfitText(replayer_->facts()), message.substr(kLead.size()));
    }
  }
}

TEST_P(CaptureTest, SurvivesTheJournal) {
  const std::string text = EncodeObservation(replayer_->round(), replayer_->facts());
  const auto decoded = DecodeObservation(text);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(EncodeObservation(decoded->round, decoded->facts), text);
  db::Fingerprint again;
  SequenceFacts sequence;
  BuildFingerprint(decoded->round, decoded->facts, again, &sequence);
  EXPECT_EQ(again.Text(), fingerprint_.Text());
  EXPECT_EQ(sequence.boot_time_s, sequence_.boot_time_s);
  EXPECT_EQ(UnfitText(decoded->facts), UnfitText(replayer_->facts()));
}

std::string TestName(const ::testing::TestParamInfo<std::filesystem::path>& parameter) {
  std::string name = parameter.param.stem().string();
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Golden, CaptureTest, ::testing::ValuesIn(testing::CaptureFiles()),
                         TestName);

TEST(Captures, AreAllThere) { EXPECT_EQ(testing::CaptureFiles().size(), 87U); }

}  // namespace
}  // namespace osprey::matcher
