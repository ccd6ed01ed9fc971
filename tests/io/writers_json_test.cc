// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

#include "io/writers/json.h"

namespace osprey::io {
namespace {

// What RapidJSON itself writes for text that is valid UTF-8.
std::string Expected(std::string_view text) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  return buffer.GetString();
}

std::string Rendered(std::string_view text) {
  JsonLine line;
  line.Value(text);
  return std::string(line.view());
}

TEST(JsonLine, EachAsciiByteAtEachPlaceIsWrittenAsRapidJsonDoes) {
  for (size_t length = 1; length <= 17; ++length) {
    for (size_t place = 0; place < length; ++place) {
      for (int byte = 0; byte < 0x80; ++byte) {
        std::string text(length, 'x');
        text[place] = static_cast<char>(byte);
        ASSERT_EQ(Rendered(text), Expected(text)) << "byte " << byte << " at " << place;
      }
    }
  }
}

TEST(JsonLine, OnlyWhatNeedsNoEscapeIsPlain) {
  for (int byte = 0; byte < 0x100; ++byte) {
    const bool plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
    for (const size_t place : std::array<size_t, 4>{0, 7, 8, 11}) {
      std::string text(12, ' ');
      text[place] = static_cast<char>(byte);
      EXPECT_EQ(PlainTextWriter::IsPlain(text), plain) << "byte " << byte << " at " << place;
    }
  }
}

TEST(JsonLine, TextThatIsNoUtf8IsReadAsLatin1) {
  EXPECT_EQ(Rendered("caf\xE9"), "\"caf\xC3\xA9\"");
  EXPECT_EQ(Rendered("caf\xC3\xA9"), "\"caf\xC3\xA9\"");
}

TEST(JsonLine, NothingIsAnEmptyString) {
  EXPECT_EQ(Rendered({}), "\"\"");
  EXPECT_EQ(Rendered(""), "\"\"");
}

TEST(JsonLine, KeysAreEscapedToo) {
  JsonLine line;
  line.BeginObject();
  line.Member("a\"b", uint32_t{1});
  line.Member("plain", "c");
  line.EndObject();
  EXPECT_EQ(line.view(), R"({"a\"b":1,"plain":"c"})");
}

}  // namespace
}  // namespace osprey::io
