// SPDX-License-Identifier: Apache-2.0
#include "db/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <random>

#include "db/compile.h"
#include "db/dump.h"
#include "db/info.h"
#include "db/locate.h"
#include "db/text_file.h"
#include "tests/testing/golden.h"
#include "tests/testing/matching_corpus.h"

namespace osprey::db {
namespace {

using ::testing::HasSubstr;

std::string ExampleText() { return testing::ReadFile(testing::GoldenPath("example-os-db.txt")); }

std::vector<std::byte> BytesOf(const std::string& text) {
  auto compiled = CompileText(text, "x.db");
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  const auto bytes = compiled->bytes.bytes();
  return {bytes.begin(), bytes.end()};
}

ImageHeader& HeaderOf(std::vector<std::byte>& bytes) {
  return *reinterpret_cast<ImageHeader*>(bytes.data());
}

void Sign(std::vector<std::byte>& bytes) {
  HeaderOf(bytes).checksum =
      XXH3_64bits(bytes.data() + kChecksumStart, bytes.size() - kChecksumStart);
}

std::string Error(const std::vector<std::byte>& bytes) {
  const auto image = Image::FromBytes(std::span<const std::byte>(bytes));
  return image.ok() ? "accepted" : std::string(image.status().message());
}

class TemporaryFolder {
 public:
  TemporaryFolder() : path_(::testing::TempDir() + "osprey-image-XXXXXX") {
    EXPECT_NE(::mkdtemp(path_.data()), nullptr);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

TEST(Image, TheSameTextGivesTheSameBytes) {
  EXPECT_EQ(BytesOf(ExampleText()), BytesOf(ExampleText()));
}

TEST(Image, KeepsEverythingOfTheText) {
  const auto image = ImageFromText(ExampleText(), "x.db");
  ASSERT_TRUE(image.ok()) << image.status();
  ASSERT_EQ(image->reference_count(), 5u);
  EXPECT_EQ(image->name(1), "Example Server OS 9");
  EXPECT_EQ(image->reference(2).name_id, 1u);  // the same name
  EXPECT_EQ(image->db_line(0), 20u);
  ASSERT_EQ(image->classes(1).size(), 2u);
  EXPECT_EQ(image->Text(image->classes(1)[0].vendor), "Example");
  EXPECT_EQ(image->Text(image->cpes(image->classes(1)[0])[1]), "cpe:/o:example:serveros:9:sp1");
  const auto* expression = image->Find(0, Attribute(LineId::kSeq, "SP"));
  ASSERT_NE(expression, nullptr);
  EXPECT_EQ(image->Text(expression->text), "F8-10C");
  EXPECT_TRUE(image->Contains(expression->set, 0));
  EXPECT_FALSE(image->Contains(expression->set, 1));
  EXPECT_EQ(image->Find(4, Attribute(LineId::kSeq, "SP")), nullptr);
}

TEST(Image, ADumpCompilesToTheSameBytes) {
  const std::string minimal = "MatchPoints\nSEQ(SP=3)\nFingerprint A\nT2()\nFingerprint B\nT3()\n";
  const std::string notice = "This nmap-os-db is for Nmap 7.93\n\n";
  for (const std::string& text :
       {ExampleText(), minimal, notice + minimal, std::string(BuiltinText())}) {
    const auto bytes = BytesOf(text);
    const auto image = Image::FromBytes(std::span<const std::byte>(bytes));
    ASSERT_TRUE(image.ok());
    const std::string dump = Dump(*image);
    EXPECT_EQ(BytesOf(dump), bytes) << dump;
  }
}

TEST(Image, ADumpOfTheInstalledDatabaseCompilesToTheSameBytes) {
  const std::string& text = testing::InstalledDatabase();
  if (text.empty()) GTEST_SKIP() << "no nmap-os-db installed";
  const auto bytes = BytesOf(text);
  const auto image = Image::FromBytes(std::span<const std::byte>(bytes));
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_TRUE(BytesOf(Dump(*image)) == bytes);
}

TEST(Image, CountsMatchTheInstalledDatabase) {
  const testing::MatchingCorpus& corpus = testing::LoadMatchingCorpus();
  if (!corpus.missing.empty()) GTEST_SKIP() << corpus.missing;
  const auto image = ImageFromText(corpus.database, corpus.database_path);
  ASSERT_TRUE(image.ok()) << image.status();
  const DatabaseInfo info = InfoOf(*image);
  EXPECT_EQ(info.references, 5678u);
  EXPECT_EQ(info.distinct_expressions, 15986u);
  EXPECT_EQ(info.distinct_lines, 15186u);  // with R completed
  EXPECT_EQ(info.scored_attributes, 119u);
  EXPECT_EQ(info.source_bytes, corpus.database.size());
}

TEST(Image, OpensFromAFile) {
  const TemporaryFolder folder;
  const std::string path = folder / "x.ospreydb";
  ASSERT_TRUE(ReplaceFile(path, BytesOf(ExampleText())).ok());
  const auto image = Image::Open(path);
  ASSERT_TRUE(image.ok()) << image.status();
  ASSERT_TRUE(ReplaceFile(path, BytesOf(std::string(BuiltinText()))).ok());
  EXPECT_EQ(image->name(1), "Example Server OS 9");  // the old one lives on
  EXPECT_THAT(std::string(Image::Open(folder / "none").status().message()), HasSubstr("none"));
  EXPECT_FALSE(Image::Open("/dev/zero").ok());
}

TEST(Image, RefusesWhatIsNotOne) {
  const auto good = BytesOf(ExampleText());
  auto bytes = good;
  EXPECT_EQ(Error({}), "0 bytes are too few for a compiled database");
  bytes[0] = std::byte{'X'};
  EXPECT_EQ(Error(bytes), "not a compiled Osprey database");
  for (const uint32_t version : {0u, kImageFormatVersion + 1}) {
    bytes = good;
    HeaderOf(bytes).format_version = version;
    EXPECT_THAT(Error(bytes), HasSubstr("compile the text again"));
  }
  for (const size_t size : {sizeof(ImageHeader), good.size() / 2, good.size() - 1}) {
    EXPECT_THAT(Error({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)}),
                HasSubstr("is it truncated?"));
  }
  bytes = good;
  bytes.push_back(std::byte{0});
  EXPECT_THAT(Error(bytes), HasSubstr("but its header says"));
}

TEST(Image, RefusesAForeignByteOrder) {
  auto bytes = BytesOf(ExampleText());
  // As a program on a big-endian machine would write the first two numbers.
  std::reverse(bytes.begin() + 8, bytes.begin() + 12);
  std::reverse(bytes.begin() + 12, bytes.begin() + 16);
  EXPECT_THAT(Error(bytes), HasSubstr("compile the text again"));
}

TEST(Image, RefusesTruncationAtEverySection) {
  const auto good = BytesOf(ExampleText());
  const auto& header = *reinterpret_cast<const ImageHeader*>(good.data());
  for (const SectionRef& section : header.sections) {
    for (const uint64_t end : {section.offset, section.offset + section.bytes}) {
      if (end >= good.size()) continue;
      auto bytes = good;
      bytes.resize(end);
      EXPECT_THAT(Error(bytes), HasSubstr("is it truncated?")) << end;
      // A header that was made to agree does not help: something is missing.
      HeaderOf(bytes).byte_size = bytes.size();
      Sign(bytes);
      EXPECT_NE(Error(bytes), "accepted") << end;
    }
  }
}

TEST(Image, RefusesEverySingleFlippedBitOutsideTheMagic) {
  auto bytes = BytesOf(ExampleText());
  std::mt19937_64 random(1);
  for (int i = 0; i < 3000; ++i) {
    const size_t at = random() % bytes.size();
    const auto bit = std::byte{1} << (random() % 8);
    bytes[at] ^= bit;
    EXPECT_NE(Error(bytes), "accepted") << "byte " << at;
    bytes[at] ^= bit;
  }
}

// Damage with a correct checksum: whatever is accepted can be walked. The sanitizers watch.
TEST(Image, DamageBehindAGoodChecksumIsRefusedOrHarmless) {
  const auto good = BytesOf(ExampleText());
  std::mt19937_64 random(2);
  size_t refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = good;
    for (size_t n = 1 + random() % 4; n > 0; --n) {
      const size_t at = 40 + random() % (bytes.size() - 40);
      const uint32_t value = random() % 2 ? 0xFFFFFFFF : static_cast<uint32_t>(random() % 1000);
      std::memcpy(&bytes[std::min(at / 4 * 4, bytes.size() - 4)], &value, 4);
    }
    Sign(bytes);
    const auto image = Image::FromBytes(std::span<const std::byte>(bytes));
    if (!image.ok()) {
      ++refused;
    } else if (image->db_line(image->reference_count() - 1) < 100'000) {
      EXPECT_FALSE(Dump(*image).empty());
    }
  }
  EXPECT_GT(refused, 1000u);
}

TEST(Image, PointsThatDoNotFitAreRefused) {
  std::string text = "MatchPoints\nSEQ(SP=65535%GCD=2)\n\nFingerprint A\nT2(R=N)\n";
  EXPECT_THAT(std::string(CompileText(text, "x.db").status().message()),
              HasSubstr("MatchPoints add up to 65537 in units of 1"));
  text = "MatchPoints\nSEQ(SP=65535%GCD=65535)\n\nFingerprint A\nT2(R=N)\n";
  EXPECT_TRUE(CompileText(text, "x.db").ok());
}

TEST(Image, ALimitOfBytesIsKept) {
  EXPECT_EQ(CompileText(ExampleText(), "x.db", {.max_bytes = 1000}).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace osprey::db
