// SPDX-License-Identifier: Apache-2.0
#include "engine/token_reader.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace osprey {
namespace {

// Gives `text` in pieces of `step` bytes.
ByteSource Pieces(std::string text, size_t step) {
  return [text = std::move(text), step, at = size_t{0}](
             char* buffer, size_t size) mutable -> absl::StatusOr<size_t> {
    const size_t n = std::min({step, size, text.size() - at});
    std::memcpy(buffer, text.data() + at, n);
    at += n;
    return n;
  };
}

std::vector<std::string> Words(const std::string& text, size_t step) {
  std::vector<std::string> words;
  EXPECT_TRUE(ReadTokens(Pieces(text, step), "list", [&](std::string_view word) {
                words.emplace_back(word);
                return absl::OkStatus();
              }).ok());
  return words;
}

TEST(ReadTokens, SplitsAtBlanksTabsAndLineEndsWhereverTheChunksEnd) {
  const std::string text = "\xEF\xBB\xBF one two\tthree\r\n\n# four\nfive#six seven\n#\neight";
  const std::vector<std::string> want = {"one", "two", "three", "five", "eight"};
  for (size_t step = 3; step < 60; ++step) EXPECT_EQ(Words(text, step), want) << step;
}

TEST(ReadTokens, AnEmptySourceHasNoWords) {
  EXPECT_TRUE(Words("", 10).empty());
  EXPECT_TRUE(Words("  \n\t # only this", 10).empty());
}

absl::Status RefuseBad(std::string_view word) {
  if (word != "bad") return absl::OkStatus();
  return absl::InvalidArgumentError("no good");
}

TEST(ReadTokens, ErrorsNameListAndLine) {
  for (const size_t step : {1u, 2u, 7u, 100u}) {
    const absl::Status status =
        ReadTokens(Pieces("a b # bad\n\nc bad\nbad", step), "list", RefuseBad);
    EXPECT_EQ(status.message(), "list:3: no good");
  }
  EXPECT_EQ(ReadTokens(Pieces("\n\n\nbad", 2), "list", RefuseBad).message(), "list:4: no good");
}

TEST(ReadTokens, WordsAreBoundedAndLinesAreNot) {
  std::string long_line;
  for (int i = 0; i < 100'000; ++i) long_line += "10.0.0.1 ";
  EXPECT_EQ(Words(long_line, 4096).size(), 100'000u);
  EXPECT_EQ(Words("# " + std::string(1'000'000, 'x') + "\na", 4096).size(), 1u);
  const absl::Status status =
      ReadTokens(Pieces("a\n" + std::string(1'000'000, 'x'), 1000), "list", RefuseBad);
  EXPECT_EQ(status.message(), "list:2: entry of more than 1024 bytes; is this a list of targets?");
}

TEST(ReadTokens, AFailingSourceIsAnError) {
  const ByteSource broken = [](char*, size_t) -> absl::StatusOr<size_t> {
    return absl::UnavailableError("list: cannot read");
  };
  EXPECT_EQ(ReadTokens(broken, "list", RefuseBad).code(), absl::StatusCode::kUnavailable);
}

TEST(ReadTokensFromFile, MissingFilesAndFoldersAreNamed) {
  const absl::Status missing = ReadTokensFromFile("/nonexistent/list", RefuseBad);
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(missing.message(), "/nonexistent/list: cannot open: No such file or directory");
  EXPECT_EQ(ReadTokensFromFile("/", RefuseBad).message(), "/: cannot read: Is a directory");
}

}  // namespace
}  // namespace osprey
