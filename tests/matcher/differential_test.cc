// SPDX-License-Identifier: Apache-2.0
// The matcher against its slow, obvious twin (tests/testing/reference_matcher.h): invented
// databases, random subjects, every kernel, with caches that are large, tiny, and off. Subjects
// come again with other SP, GCD and ISR, and again as they were, so that every way to a verdict is
// taken.
//
// OSPREY_DIFFERENTIAL_SEED changes what is drawn; failures print the seed of their database.
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_format.h"
#include "db/compile.h"
#include "db/text_parser.h"
#include "matcher/matcher.h"
#include "tests/testing/matching_corpus.h"
#include "tests/testing/random_database.h"
#include "tests/testing/reference_matcher.h"

namespace osprey::matcher {
namespace {

using testing::Random;

uint64_t BaseSeed() {
  const char* seed = std::getenv("OSPREY_DIFFERENTIAL_SEED");
  return seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1;
}

std::string Describe(const MatchList& list) {
  std::string out = absl::StrFormat("%d %u:", static_cast<int>(list.result), list.perfect);
  for (const Match& m : list.matches()) {
    absl::StrAppendFormat(&out, " %u=%.17g", m.reference, m.accuracy);
  }
  return out;
}

// One matcher for each kernel and each size of cache, all asked the same.
class Panel {
 public:
  explicit Panel(const db::Image& image) {
    for (const Kernel* kernel : SupportedKernels()) {
      for (const size_t bytes : {size_t{8} << 20, size_t{1}, size_t{0}}) {
        members_.push_back({Matcher(image, kernel), Scratch(image, {.cache_bytes = bytes})});
      }
    }
  }

  // False, with failures reported, at the first difference.
  bool AllGive(const MatchList& want, const db::Fingerprint& subject) {
    bool same = true;
    for (Member& member : members_) {
      MatchList got;
      member.matcher.Match(subject, member.scratch, got);
      if (got == want) continue;
      same = false;
      ADD_FAILURE() << member.matcher.kernel().name << "\nsubject " << subject.Text("") << "\nwant "
                    << Describe(want) << "\ngot  " << Describe(got);
    }
    return same;
  }

  uint64_t Sum(uint64_t ScratchCounters::*counter) const {
    uint64_t sum = 0;
    for (const Member& member : members_) sum += member.scratch.counters().*counter;
    return sum;
  }

 private:
  struct Member {
    Matcher matcher;
    Scratch scratch;
  };
  std::vector<Member> members_;
};

// The same host measured again: SP, GCD and ISR drawn anew.
db::Fingerprint MeasuredAgain(const db::Fingerprint& subject, const db::Image& image, size_t r,
                              Random& random) {
  db::Fingerprint out;
  for (size_t a = 0; a < db::kAttributeCount; ++a) {
    const auto id = static_cast<db::AttributeId>(a);
    if (!subject.Has(id)) continue;
    std::string value(subject.Get(id));
    const auto* expression = image.Find(r, id);
    if (a < kNoisyCount && expression != nullptr) {
      value = testing::RandomValue(image.Text(expression->text), false, random);
    }
    static_cast<void>(out.Set(id, value));
  }
  return out;
}

struct Totals {
  uint64_t subjects = 0;
  uint64_t shortlist_results = 0;
  uint64_t shortlist_hits = 0;
  uint64_t full_lists = 0;
  uint64_t too_many = 0;
};

bool RunDatabase(uint64_t seed, const testing::DatabaseShape& shape, size_t hosts, Totals& totals) {
  SCOPED_TRACE("database seed " + std::to_string(seed));
  Random random(seed);
  const std::string text = testing::RandomDatabase(shape, random);
  const auto ast = db::ParseReferences(text, "random");
  const auto image = db::ImageFromText(text, "random");
  if (!ast.ok() || !image.ok()) {
    ADD_FAILURE() << ast.status() << image.status();
    return false;
  }
  Panel panel(*image);
  const testing::SubjectNoise noise = {
      .drop_line = 0.03, .no_reply = 0.02, .drop_attribute = 0.01, .foreign = 0.03, .odd = 0.01};
  const testing::SubjectNoise clean;
  const testing::SubjectNoise few = {.drop_line = 0.85};
  for (size_t i = 0; i < hosts; ++i) {
    const size_t r = random() % image->reference_count();
    // Some are clean, and some have so few tests that very many references match perfectly.
    const testing::SubjectNoise& kind = i % 7 == 0 ? few : i % 3 == 0 ? clean : noise;
    const auto first = testing::RandomSubject(*image, r, kind, random);
    const db::Fingerprint again = MeasuredAgain(first, *image, r, random);
    const db::Fingerprint third = MeasuredAgain(first, *image, r, random);
    for (const db::Fingerprint* subject : {&first, &again, &third, &again, &first, &third}) {
      const MatchList want = testing::ReferenceMatch(*ast, *subject);
      if (!panel.AllGive(want, *subject)) return false;
      ++totals.subjects;
      totals.full_lists += want.count == kMaxMatches;
      totals.too_many += want.result == MatchResult::kTooManyMatches;
    }
  }
  totals.shortlist_results += panel.Sum(&ScratchCounters::shortlist_results);
  totals.shortlist_hits += panel.Sum(&ScratchCounters::shortlist_hits);
  return true;
}

TEST(MatcherDifferential, AHundredThousandSubjectsAgainstTheTwin) {
  Totals totals;
  for (uint64_t i = 0; totals.subjects < 100'000; ++i) {
    testing::DatabaseShape shape;
    shape.systems = 1 + i % 5;
    shape.records = 5 + i * 37 % 120;
    shape.names = 3 + i * 53 % 150;
    shape.change = i % 4 == 0 ? 0.005 : 0.06;
    shape.max_points = i % 3 == 0 ? 500 : 12;
    if (i % 10 == 3) shape = {.systems = 1, .records = 120, .names = 500, .change = 0.0005};
    ASSERT_TRUE(RunDatabase(BaseSeed() * 1'000'003 + i, shape, 60, totals));
  }
  EXPECT_GT(totals.shortlist_results, 20'000u);
  EXPECT_GT(totals.shortlist_hits, 20'000u);
  EXPECT_GT(totals.full_lists, 5'000u);
  EXPECT_GT(totals.too_many, 100u);
}

TEST(MatcherDifferential, LargeDatabasesOfManyBlocks) {
  Totals totals;
  for (uint64_t i = 0; i < 4; ++i) {
    testing::DatabaseShape shape;
    shape.systems = 2 + i * 6;
    shape.records = 511 + i * 700;  // also just below and above a block's size
    shape.names = 300 + i * 400;
    shape.change = 0.02;
    ASSERT_TRUE(RunDatabase(BaseSeed() * 7'000'003 + i, shape, 30, totals));
  }
  EXPECT_GT(totals.full_lists, 100u);
}

TEST(MatcherDifferential, TheInstalledDatabase) {
  const std::string& text = testing::InstalledDatabase();
  if (text.empty()) GTEST_SKIP() << "no nmap-os-db installed";
  const auto ast = db::ParseReferences(text, "nmap-os-db");
  const auto image = db::ImageFromText(text, "nmap-os-db");
  ASSERT_TRUE(ast.ok() && image.ok());
  Panel panel(*image);
  Random random(BaseSeed());
  const testing::SubjectNoise noise = {
      .drop_line = 0.02, .no_reply = 0.02, .drop_attribute = 0.005, .foreign = 0.02, .odd = 0.002};
  for (int i = 0; i < 60; ++i) {
    const size_t r = random() % image->reference_count();
    const auto first = testing::RandomSubject(*image, r, noise, random);
    const db::Fingerprint again = MeasuredAgain(first, *image, r, random);
    for (const db::Fingerprint* subject : {&first, &again, &first, &again, &first}) {
      ASSERT_TRUE(panel.AllGive(testing::ReferenceMatch(*ast, *subject), *subject));
    }
  }
}

}  // namespace
}  // namespace osprey::matcher
