// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/option_text.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <string>

#include "base/tcp_options.h"
#include "tools/lab/crc_preimage.h"

namespace osprey::lab {
namespace {

std::span<const uint8_t> Raw(const OptionTemplate& options) {
  return {reinterpret_cast<const uint8_t*>(options.bytes.data()), options.size};
}

// As a scanner reads them.
std::string Text(const OptionTemplate& options) {
  std::array<char, kMaxOptionString> text;
  return {text.data(), OptionString(Raw(options), text.data())};
}

TEST(OptionText, GivesBytesThatReadBackAsTheText) {
  for (const char* text :
       {"", "M5B4", "M5B4ST11NW7", "M5B4NW0NNT00NNS", "NNT11", "T00LL", "WANM109T10S", "M5B4NNSNW0",
        "M5B4NW8", "M5B4S", "ST10NW5", "M5B4NNT11SLL"}) {
    const auto options = ParseOptionText(text);
    ASSERT_TRUE(options.has_value()) << text;
    EXPECT_EQ(Text(*options), text);
    EXPECT_EQ(options->size % 4, 0) << text;
    EXPECT_TRUE(AcceptOptions(Raw(*options))) << text;
  }
}

TEST(OptionText, RefusesWhatIsNoOptionString) {
  EXPECT_FALSE(ParseOptionText("X"));
  EXPECT_FALSE(ParseOptionText("M"));
  EXPECT_FALSE(ParseOptionText("M12345"));
  EXPECT_FALSE(ParseOptionText("T1"));
  EXPECT_FALSE(ParseOptionText("T21"));
  EXPECT_FALSE(ParseOptionText("T11T11T11T11T11"));  // 50 bytes
}

TEST(OptionText, FindsTheTimestamp) {
  const auto both = ParseOptionText("NNT11");
  ASSERT_TRUE(both);
  EXPECT_TRUE(both->has_timestamp);
  EXPECT_EQ(both->tsval_at, 4);
  EXPECT_EQ(both->tsecr_at, 8);
  const auto zero = ParseOptionText("NNT00");
  ASSERT_TRUE(zero);
  EXPECT_TRUE(zero->has_timestamp);
  EXPECT_EQ(zero->tsval_at, 0);
}

TEST(KeepOffered, LeavesOutWhatThePeerDidNotSend) {
  const auto options = ParseOptionText("M5B4NW8ST11");
  ASSERT_TRUE(options);
  EXPECT_EQ(Text(KeepOffered(*options, {.mss = true})), "M5B4");
  const OptionTemplate all =
      KeepOffered(*options, {.mss = true, .window_scale = true, .sack = true, .timestamp = true});
  EXPECT_EQ(Text(all).substr(0, 11), "M5B4W8ST11N");
  EXPECT_NE(all.tsval_at, 0);
}

TEST(ReadOptions, StopsAtTheFirstMalformedOne) {
  const std::array<std::byte, 8> bytes = {std::byte{4}, std::byte{2},   std::byte{3}, std::byte{99},
                                          std::byte{8}, std::byte{255}, std::byte{0}, std::byte{0}};
  const SeenOptions seen = ReadOptions(bytes);
  EXPECT_TRUE(seen.offered.sack);
  EXPECT_FALSE(seen.offered.window_scale);
}

TEST(CrcPreimage, HasTheCrc) {
  std::minstd_rand random(1);
  for (int i = 0; i < 1000; ++i) {
    const auto wanted = static_cast<uint32_t>(random() * 0x9E3779B1u);
    const std::array<std::byte, 4> data = CrcPreimage(wanted);
    EXPECT_EQ(crc32(0, reinterpret_cast<const Bytef*>(data.data()), 4), wanted);
  }
}

}  // namespace
}  // namespace osprey::lab
