// SPDX-License-Identifier: Apache-2.0
// The matcher against recorded answers: the 2,000 cases of the matching corpus and the worked
// scores of tests/golden, with every kernel, with caches cold, warm and off.
#include <gtest/gtest.h>

#include "absl/strings/str_format.h"
#include "base/check.h"
#include "db/compile.h"
#include "db/subject.h"
#include "db/text_parser.h"
#include "matcher/classes.h"
#include "matcher/matcher.h"
#include "tests/testing/golden.h"
#include "tests/testing/matching_corpus.h"
#include "tests/testing/reference_matcher.h"

namespace osprey::matcher {
namespace {

int ResultCode(MatchResult result) { return -static_cast<int>(result); }

std::vector<testing::ExpectedMatch> Found(const db::Image& image, const MatchList& list) {
  std::vector<testing::ExpectedMatch> out;
  for (const Match& match : list.matches()) {
    out.push_back({image.db_line(match.reference), absl::StrFormat("%.6f", match.accuracy)});
  }
  return out;
}

class MatchingCorpusTest : public ::testing::TestWithParam<const Kernel*> {
 protected:
  static void SetUpTestSuite() {
    const testing::MatchingCorpus& corpus = testing::LoadMatchingCorpus();
    if (!corpus.missing.empty()) return;
    auto image = db::ImageFromText(corpus.database, corpus.database_path);
    ASSERT_TRUE(image.ok()) << image.status();
    image_ = std::make_unique<db::Image>(*std::move(image));
  }
  static void TearDownTestSuite() { image_.reset(); }

  void SetUp() override {
    const testing::MatchingCorpus& corpus = testing::LoadMatchingCorpus();
    if (!corpus.missing.empty()) GTEST_SKIP() << corpus.missing;
    ASSERT_EQ(corpus.cases.size(), 2000u);
  }

  void RunAll(const Matcher& matcher, Scratch& scratch) {
    size_t number = 0;
    for (const testing::MatchingCase& c : testing::LoadMatchingCorpus().cases) {
      SCOPED_TRACE(absl::StrFormat("case %u", ++number));
      const auto subject = db::ParseSubject(c.subject);
      ASSERT_TRUE(subject.ok()) << subject.status();
      MatchList list;
      matcher.Match(*subject, scratch, list);
      EXPECT_EQ(ResultCode(list.result), c.result);
      EXPECT_EQ(list.perfect, c.perfect);
      const auto found = Found(*image_, list);
      ASSERT_EQ(found.size(), c.matches.size());
      for (size_t i = 0; i < found.size(); ++i) {
        EXPECT_EQ(found[i].db_line, c.matches[i].db_line) << "match " << i;
        EXPECT_EQ(found[i].accuracy, c.matches[i].accuracy) << "match " << i;
      }
      if (HasFailure()) return;
    }
  }

  static std::unique_ptr<db::Image> image_;
};
std::unique_ptr<db::Image> MatchingCorpusTest::image_;

TEST_P(MatchingCorpusTest, EveryCaseColdAndWarm) {
  const Matcher matcher(*image_, GetParam());
  Scratch scratch(*image_, {.cache_bytes = size_t{96} << 20});
  RunAll(matcher, scratch);
  EXPECT_EQ(scratch.counters().shortlist_results, 0u);
  for (int i = 0; i < 4; ++i) RunAll(matcher, scratch);
  EXPECT_GT(scratch.counters().shortlists_made, 1500u);
  EXPECT_GT(scratch.counters().shortlist_results, 1000u);
}

TEST_P(MatchingCorpusTest, EveryCaseWithoutCaches) {
  const Matcher matcher(*image_, GetParam());
  Scratch scratch(*image_, {.cache_bytes = 0});
  RunAll(matcher, scratch);
  EXPECT_EQ(scratch.counters().shortlist_results, 0u);
}

TEST_P(MatchingCorpusTest, EveryCaseWithCachesThatOverflow) {
  const Matcher matcher(*image_, GetParam());
  Scratch scratch(*image_, {.cache_bytes = 1});
  RunAll(matcher, scratch);
  RunAll(matcher, scratch);
  EXPECT_GT(scratch.counters().flushes, 0u);
}

INSTANTIATE_TEST_SUITE_P(Kernels, MatchingCorpusTest,
                         ::testing::ValuesIn(SupportedKernels().begin(), SupportedKernels().end()),
                         [](const auto& kernel) { return std::string(kernel.param->name); });

class ScoreCases : public ::testing::Test {
 protected:
  ScoreCases()
      : text_(testing::ReadFile(testing::GoldenPath("example-os-db.txt"))),
        golden_(testing::ReadGolden("score-cases.json")) {
    auto ast = db::ParseReferences(text_, "example-os-db.txt");
    OSPREY_CHECK(ast.ok());
    ast_ = *std::move(ast);
  }

  static db::Fingerprint SubjectOf(const rapidjson::Value& c) {
    std::string text;
    for (const std::string& line : testing::Strings(c["subject_lines"])) text += line + "\n";
    auto subject = db::ParseSubject(text);
    OSPREY_CHECK(subject.ok());
    return *subject;
  }

  size_t ReferenceAt(uint32_t line) const {
    for (size_t i = 0; i < ast_.references.size(); ++i) {
      if (ast_.references[i].line == line) return i;
    }
    ADD_FAILURE() << "no reference at line " << line;
    return 0;
  }

  std::string text_;
  rapidjson::Document golden_;
  db::Ast ast_;
};

TEST_F(ScoreCases, PointsOfEveryLineAndReference) {
  const auto image = db::ImageFromText(text_, "example-os-db.txt");
  ASSERT_TRUE(image.ok()) << image.status();
  const Matcher matcher(*image);
  size_t checked = 0;
  for (const auto& c : golden_["cases"].GetArray()) {
    const db::Fingerprint subject = SubjectOf(c);
    for (const auto& expected : c["references"].GetArray()) {
      const size_t r = ReferenceAt(expected["line"].GetUint());
      SCOPED_TRACE(absl::StrFormat("%s, %s", c["subject"].GetString(), ast_.references[r].name));
      const auto score = testing::ScoreReference(ast_, r, subject);
      EXPECT_EQ(score.possible, expected["possible"].GetUint());
      EXPECT_EQ(score.matched, expected["matched"].GetUint());
      EXPECT_DOUBLE_EQ(score.accuracy(), expected["accuracy"].GetDouble());
      const uint32_t unit = image->header().point_unit;
      const Score compiled = matcher.ScoreOf(subject, static_cast<uint32_t>(r));
      EXPECT_EQ(compiled.possible * unit, expected["possible"].GetUint());
      EXPECT_EQ(compiled.matched * unit, expected["matched"].GetUint());
      for (const auto& line : expected["per_line"].GetObject()) {
        const auto id = db::FindLine(testing::Text(line.name));
        ASSERT_TRUE(id);
        const auto part = testing::ScoreReference(ast_, r, subject, *id);
        EXPECT_EQ(part.possible, line.value["possible"].GetUint()) << line.name.GetString();
        EXPECT_EQ(part.matched, line.value["matched"].GetUint()) << line.name.GetString();
      }
      ++checked;
    }
  }
  EXPECT_EQ(checked, 20u);
}

TEST_F(ScoreCases, ResultListOfEverySubject) {
  const auto image = db::ImageFromText(text_, "example-os-db.txt");
  ASSERT_TRUE(image.ok()) << image.status();
  for (const Kernel* kernel : SupportedKernels()) {
    const Matcher matcher(*image, kernel);
    Scratch scratch(*image);
    for (const auto& c : golden_["cases"].GetArray()) {
      SCOPED_TRACE(c["subject"].GetString());
      const db::Fingerprint subject = SubjectOf(c);
      MatchList list;
      matcher.Match(subject, scratch, list);
      EXPECT_EQ(list, testing::ReferenceMatch(ast_, subject));
      const auto& expected = c["result"];
      EXPECT_EQ(list.result == MatchResult::kSuccess,
                testing::Text(expected["overall"]) == "SUCCESS");
      EXPECT_EQ(list.perfect, expected["num_perfect"].GetUint());
      ASSERT_EQ(list.count, expected["ranking"].Size());
      for (uint32_t i = 0; i < list.count; ++i) {
        EXPECT_EQ(image->name(list.all[i].reference),
                  testing::Text(expected["ranking"][i]["name"]));
        EXPECT_NEAR(list.all[i].accuracy, expected["ranking"][i]["accuracy"].GetDouble(), 1e-5);
      }
    }
  }
}

}  // namespace
}  // namespace osprey::matcher
