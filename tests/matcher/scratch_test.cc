// SPDX-License-Identifier: Apache-2.0
// When the caches are left alone, and that it shows in nothing but time; and many subjects at once.
#include "matcher/scratch.h"

#include <gtest/gtest.h>

#include "db/compile.h"
#include "matcher/matcher.h"
#include "tests/testing/random_database.h"
#include "tests/testing/traffic.h"

namespace osprey::matcher {
namespace {

class ScratchTest : public ::testing::Test {
 protected:
  static db::Image MakeImage() {
    testing::Random random(1);
    return db::ImageFromText(testing::RandomDatabase({}, random), "database").value();
  }
  // Matches all `count` of them, in turn, and compares with a scratch that has no caches.
  void Match(const std::vector<db::Fingerprint>& subjects, size_t count) {
    MatchList list, plain;
    for (size_t i = 0; i < count; ++i) {
      const db::Fingerprint& subject = subjects[i % subjects.size()];
      matcher_.Match(subject, scratch_, list);
      matcher_.Match(subject, without_, plain);
      ASSERT_EQ(list.count, plain.count) << i;
      ASSERT_EQ(list.perfect, plain.perfect) << i;
      for (size_t k = 0; k < list.count; ++k) {
        ASSERT_EQ(list.all[k].reference, plain.all[k].reference) << i;
        ASSERT_EQ(list.all[k].accuracy, plain.all[k].accuracy) << i;
      }
    }
  }

  db::Image image_ = MakeImage();
  Matcher matcher_{image_};
  Scratch scratch_{image_, {.cache_bytes = size_t{4} << 20}};
  Scratch without_{image_, {.cache_bytes = 0}};
};

TEST_F(ScratchTest, HostsThatRepeatAlwaysUseTheCaches) {
  Match(testing::AllDistinct(image_, 50, 2), 40'000);
  EXPECT_EQ(scratch_.counters().past_caches, 0u);
  EXPECT_EQ(scratch_.counters().matches, 40'000u);
}

TEST_F(ScratchTest, HostsUnlikeAllOthersGoPastThemUntilHostsRepeat) {
  const auto distinct = testing::AllDistinct(image_, 30'000, 3);
  Match(distinct, distinct.size());
  const ScratchCounters unlike = scratch_.counters();
  EXPECT_GT(unlike.past_caches, 15'000u);
  EXPECT_LT(unlike.past_caches, 25'000u);
  EXPECT_EQ(unlike.matches, 30'000u);

  Match(testing::AllDistinct(image_, 50, 4), 60'000);
  const uint64_t past = scratch_.counters().past_caches - unlike.past_caches;
  EXPECT_LT(past, 20'000u);
  EXPECT_GT(scratch_.counters().shortlist_results, 35'000u);
}

TEST_F(ScratchTest, ManyAtOnceGiveWhatEachAloneGives) {
  testing::Traffic traffic(image_, 5);
  for (const size_t cache_bytes : {size_t{4} << 20, size_t{1}, size_t{0}}) {
    Scratch scratch(image_, {.cache_bytes = cache_bytes});
    uint64_t matches = 0;
    for (size_t size = 0; matches < 10'000; size = (size + 1) % 70) {
      const std::vector<db::Fingerprint> subjects = traffic.Take(size);
      std::vector<MatchList> lists(size);
      matcher_.MatchBatch(subjects, scratch, lists);
      for (size_t i = 0; i < size; ++i) {
        MatchList alone;
        matcher_.Match(subjects[i], without_, alone);
        ASSERT_EQ(lists[i], alone) << subjects[i].Text("");
      }
      matches += size;
    }
    EXPECT_EQ(scratch.counters().matches, matches);
    if (cache_bytes > 1) {
      EXPECT_GT(scratch.counters().shortlist_results, 5'000u);
    }
  }
}

}  // namespace
}  // namespace osprey::matcher
