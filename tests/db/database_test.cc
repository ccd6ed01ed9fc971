// SPDX-License-Identifier: Apache-2.0
#include "db/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "db/text_file.h"
#include "tests/testing/golden.h"

namespace osprey::db {
namespace {

using ::testing::HasSubstr;

class DatabaseTest : public ::testing::Test {
 protected:
  DatabaseTest() : root_(::testing::TempDir() + "osprey-db-XXXXXX") {
    EXPECT_NE(::mkdtemp(root_.data()), nullptr);
    WriteText(ExampleText());
  }
  ~DatabaseTest() override {
    ::chmod((root_ + "/cache").c_str(), 0755);
    std::filesystem::remove_all(root_);
  }

  static std::string ExampleText() {
    return testing::ReadFile(testing::GoldenPath("example-os-db.txt"));
  }
  std::string text_path() const { return root_ + "/text.db"; }
  std::string cache_folder() const { return root_ + "/cache"; }

  // Written long ago: texts that have just changed get no stamp.
  void WriteText(const std::string& text) const {
    ASSERT_TRUE(ReplaceFile(text_path(), std::as_bytes(std::span(text))).ok());
  }

  Database Open() const {
    auto database = OpenDatabase({.path = text_path(), .cache_folder = cache_folder()});
    EXPECT_TRUE(database.ok()) << database.status();
    return *std::move(database);
  }
  std::vector<std::string> CacheFiles(std::string_view extension) const {
    std::vector<std::string> out;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(cache_folder(), error)) {
      if (entry.path().extension() == extension) out.push_back(entry.path().string());
    }
    return out;
  }

  std::string root_;
};

TEST_F(DatabaseTest, ATextIsCompiledOnceAndThenTakenFromTheCache) {
  EXPECT_EQ(Open().from, OpenedFrom::kText);
  const Database second = Open();
  EXPECT_EQ(second.from, OpenedFrom::kCache);
  EXPECT_EQ(second.image.reference_count(), 5u);
  EXPECT_EQ(second.kind, SourceKind::kNamed);
  EXPECT_GT(second.time_s, 0);
}

TEST_F(DatabaseTest, ASettledTextIsNotReadAgain) {
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  Open();
  ASSERT_EQ(CacheFiles(".stamp").size(), 1u);
  // Unreadable, but known.
  const ImageCache cache(cache_folder());
  EXPECT_TRUE(cache.FindByStamp(std::filesystem::canonical(text_path()).string()));
  WriteText(ExampleText() + "\n# changed\n");
  EXPECT_FALSE(cache.FindByStamp(std::filesystem::canonical(text_path()).string()));
}

TEST_F(DatabaseTest, AFreshTextGetsNoStamp) {
  Open();
  EXPECT_TRUE(CacheFiles(".stamp").empty());
  EXPECT_EQ(CacheFiles(".ospreydb").size(), 1u);
}

TEST_F(DatabaseTest, AChangedTextIsCompiledAgain) {
  Open();
  WriteText(ExampleText() + "\nFingerprint One more\nT2(R=N)\n");
  const Database database = Open();
  EXPECT_EQ(database.from, OpenedFrom::kText);
  EXPECT_EQ(database.image.reference_count(), 6u);
}

TEST_F(DatabaseTest, ADamagedImageInTheCacheIsReplaced) {
  Open();
  const std::string image = CacheFiles(".ospreydb").at(0);
  std::string bytes = testing::ReadFile(image);
  bytes[bytes.size() / 2] = static_cast<char>(~bytes[bytes.size() / 2]);
  ASSERT_TRUE(ReplaceFile(image, std::as_bytes(std::span(bytes))).ok());
  EXPECT_EQ(Open().from, OpenedFrom::kText);
  EXPECT_EQ(Open().from, OpenedFrom::kCache);
}

TEST_F(DatabaseTest, WhatOthersCanWriteIsNotTrusted) {
  Open();
  ASSERT_EQ(::chmod(CacheFiles(".ospreydb").at(0).c_str(), 0666), 0);
  EXPECT_EQ(Open().from, OpenedFrom::kText);
  ASSERT_EQ(::chmod(cache_folder().c_str(), 0777), 0);
  EXPECT_EQ(Open().from, OpenedFrom::kText);
  EXPECT_EQ(Open().from, OpenedFrom::kText);
}

TEST_F(DatabaseTest, ALinkInTheCacheIsNotFollowed) {
  Open();
  const std::string image = CacheFiles(".ospreydb").at(0);
  std::filesystem::rename(image, root_ + "/elsewhere");
  std::filesystem::create_symlink(root_ + "/elsewhere", image);
  EXPECT_EQ(Open().from, OpenedFrom::kText);
}

TEST_F(DatabaseTest, AnUnusableCacheIsNoError) {
  std::ofstream(cache_folder()) << "a file where the folder should be";
  EXPECT_EQ(Open().from, OpenedFrom::kText);
  const auto no_cache = OpenDatabase({.path = text_path(), .use_cache = false});
  ASSERT_TRUE(no_cache.ok());
  EXPECT_EQ(no_cache->from, OpenedFrom::kText);
}

TEST_F(DatabaseTest, ManyAtOnceAllSucceed) {
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        const auto database = OpenDatabase({.path = text_path(), .cache_folder = cache_folder()});
        if (database.ok() && database->image.reference_count() == 5) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 80);
  EXPECT_EQ(CacheFiles(".ospreydb").size(), 1u);
}

TEST_F(DatabaseTest, OldImagesAreRemoved) {
  for (int i = 0; i < 12; ++i) {
    WriteText(ExampleText() + "# " + std::to_string(i) + "\n");
    Open();
  }
  EXPECT_LE(CacheFiles(".ospreydb").size(), 8u);
  EXPECT_EQ(Open().from, OpenedFrom::kCache);
}

TEST_F(DatabaseTest, ACompiledImageIsOpenedAsItIs) {
  Open();
  const auto database = OpenDatabase({.path = CacheFiles(".ospreydb").at(0)});
  ASSERT_TRUE(database.ok()) << database.status();
  EXPECT_EQ(database->from, OpenedFrom::kImage);
}

TEST_F(DatabaseTest, TextsWithErrorsSaySoEachTime) {
  WriteText(ExampleText() + "\nFingerprint Bad\nT2(XX=N)\n");
  for (int i = 0; i < 2; ++i) {
    const Database database = Open();
    EXPECT_EQ(database.from, OpenedFrom::kText);
    ASSERT_EQ(database.diagnostics.size(), 1u);
    EXPECT_THAT(database.diagnostics[0].message, HasSubstr("T2 has no attribute XX"));
  }
}

TEST_F(DatabaseTest, ErrorsNameTheFile) {
  const auto error = [](const std::string& path) {
    return std::string(OpenDatabase({.path = path, .use_cache = false}).status().message());
  };
  EXPECT_THAT(error(root_ + "/none.db"), HasSubstr("none.db"));
  EXPECT_THAT(error(root_), HasSubstr("not a regular file"));
  WriteText("MatchPoints\nSEQ(XX=5)\n");
  EXPECT_EQ(error(text_path()), text_path() + ":2:5: SEQ has no attribute XX");
  std::ofstream(root_ + "/big.db").close();
  ASSERT_EQ(::truncate((root_ + "/big.db").c_str(), int64_t{500} << 20), 0);
  EXPECT_THAT(error(root_ + "/big.db"), HasSubstr("more than a database has"));
}

TEST(Locate, PrefersWhatIsNamedThenWhatIsInstalledThenTheBuiltIn) {
  EXPECT_EQ(Locate("x.db", {"/dev/null"}).path, "x.db");
  EXPECT_EQ(Locate("", {"/nonexistent", "/dev/null"}).path, "/dev/null");
  EXPECT_EQ(Locate("", {"/nonexistent"}).kind, SourceKind::kBuiltin);
  EXPECT_EQ(Locate("builtin", {"/dev/null"}).kind, SourceKind::kBuiltin);
}

TEST(Locate, TheBuiltInTextCompiles) {
  const auto image = ImageFromText(BuiltinText(), kBuiltinName);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_GE(image->reference_count(), 1u);
}

}  // namespace
}  // namespace osprey::db
