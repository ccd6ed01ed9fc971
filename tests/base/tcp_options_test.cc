// SPDX-License-Identifier: Apache-2.0
#include "base/tcp_options.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/testing/golden.h"

namespace osprey {
namespace {

using Options = std::vector<uint8_t>;

std::string Text(const Options& options) {
  std::array<char, kMaxOptionString> out;
  return std::string(out.data(), OptionString(options, out.data()));
}

TEST(TcpOptions, GoldenCases) {
  const rapidjson::Document golden = testing::ReadGolden("tcpopt-cases.json");
  ASSERT_GT(golden["cases"].Size(), 0u);
  for (const auto& expected : golden["cases"].GetArray()) {
    const Options options = testing::HexBytes(testing::Text(expected["padded_hex"]));
    const std::string place(testing::Text(expected["padded_hex"]));
    EXPECT_EQ(AcceptOptions(options), expected["accepted_on_receive"].GetBool()) << place;
    const auto& text = expected["string"];
    EXPECT_EQ(Text(options), text.IsNull() ? "" : testing::Text(text)) << place;
    const auto timestamp = FindTimestamp(options);
    ASSERT_EQ(timestamp.has_value(), expected["timestamp_found"].GetBool()) << place;
    if (timestamp) {
      EXPECT_EQ(timestamp->tsval, testing::HexNumber(testing::Text(expected["tsval"]))) << place;
    }
  }
}

TEST(TcpOptions, AcceptanceWantsExactLengthsOfKnownKinds) {
  EXPECT_TRUE(AcceptOptions(Options{}));
  EXPECT_TRUE(AcceptOptions(Options{2, 4, 5, 0xB4}));
  EXPECT_FALSE(AcceptOptions(Options{2, 3, 5, 0}));
  EXPECT_FALSE(AcceptOptions(Options{3, 4, 5, 0}));
  EXPECT_FALSE(AcceptOptions(Options{4, 3, 0, 0}));
  EXPECT_FALSE(AcceptOptions(Options{8, 9, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_TRUE(AcceptOptions(Options{14, 3, 1, 0}));
  EXPECT_FALSE(AcceptOptions(Options{14, 4, 1, 0}));
}

TEST(TcpOptions, AcceptanceWantsWholeSackBlocks) {
  Options blocks(40, 0);
  blocks[0] = 5;
  for (int length = 0; length <= 40; ++length) {
    blocks[1] = static_cast<uint8_t>(length);
    EXPECT_EQ(AcceptOptions(blocks), length == 10 || length == 18 || length == 26 || length == 34)
        << length;
  }
}

// Lengths of unknown kinds may be 1: the length byte is then the next kind. 0 would not end.
TEST(TcpOptions, AcceptanceOfUnknownKindsNeedsProgress) {
  EXPECT_FALSE(AcceptOptions(Options{30, 0, 0, 0}));
  EXPECT_TRUE(AcceptOptions(Options{30, 1, 1, 1}));
  EXPECT_TRUE(AcceptOptions(Options{30, 4, 9, 9}));
  EXPECT_FALSE(AcceptOptions(Options{30, 5, 9, 9}));
}

TEST(TcpOptions, AcceptanceStopsAtEndButALoneByteMustBeEndOrNop) {
  EXPECT_TRUE(AcceptOptions(Options{0, 2, 99, 99}));
  EXPECT_TRUE(AcceptOptions(Options{1, 1, 1, 0}));
  EXPECT_TRUE(AcceptOptions(Options{1, 1, 1, 1}));
  EXPECT_FALSE(AcceptOptions(Options{1, 1, 1, 2}));
}

TEST(TcpOptions, StringGoesOnBehindEnd) {
  EXPECT_EQ(Text({0, 2, 4, 5, 0xB4, 0, 0, 0}), "LM5B4LLL");
  EXPECT_EQ(Text({2, 4, 0, 0}), "M0");
  EXPECT_EQ(Text({3, 3, 14, 1}), "WEN");
  EXPECT_EQ(Text({2, 4}), "");
}

TEST(TcpOptions, LongestStringFitsTheBuffer) {
  Options options;
  for (int i = 0; i < 10; ++i) options.insert(options.end(), {2, 4, 0xFF, 0xFF});
  EXPECT_EQ(Text(options).size(), kMaxOptionString);
}

TEST(TcpOptions, BytesBeyondAHeaderAreNotRead) {
  EXPECT_EQ(Text(Options(1000, 1)), std::string(40, 'N'));
}

TEST(TcpOptions, TimestampOfAnotherLengthIsPassedOver) {
  Options options{8, 12, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 8, 10, 0, 0, 0, 7, 0, 0, 0, 3};
  const auto timestamp = FindTimestamp(options);
  ASSERT_TRUE(timestamp.has_value());
  EXPECT_EQ(timestamp->tsval, 7u);
  EXPECT_EQ(timestamp->tsecr, 3u);
}

// A second reading of the text of 3.6, slow and by index.
std::string SlowString(const Options& options) {
  constexpr size_t kMinimum[] = {1, 1, 4, 3, 2, 2, 2, 2, 10};
  std::string text;
  char digits[16];
  for (size_t i = 0; i < options.size();) {
    const uint8_t kind = options[i];
    if (kind <= 1) {
      text += kind == 0 ? 'L' : 'N';
      i += 1;
      continue;
    }
    if (i + 1 >= options.size()) return "";
    const size_t length = options[i + 1];
    if (length < (kind <= 8 ? kMinimum[kind] : 2) || i + length > options.size()) return "";
    if (kind == 2) {
      std::snprintf(digits, sizeof digits, "M%X", options[i + 2] * 256 + options[i + 3]);
      text += digits;
    } else if (kind == 3) {
      std::snprintf(digits, sizeof digits, "W%X", unsigned{options[i + 2]});
      text += digits;
    } else if (kind == 4) {
      text += 'S';
    } else if (kind == 8) {
      const auto is_set = [&](size_t from) {
        return options[from] | options[from + 1] | options[from + 2] | options[from + 3];
      };
      text += 'T';
      text += is_set(i + 2) ? '1' : '0';
      text += is_set(i + 6) ? '1' : '0';
    }
    i += length;
  }
  return text;
}

TEST(TcpOptions, StringEqualsItsSlowTwinOnRandomOptions) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  size_t not_empty = 0;
  for (int round = 0; round < 200'000; ++round) {
    Options options(random() % 11 * 4);
    for (uint8_t& byte : options) byte = static_cast<uint8_t>(random() % 12);
    const std::string text = Text(options);
    ASSERT_EQ(text, SlowString(options));
    not_empty += text.empty() ? 0u : 1u;
  }
  EXPECT_GT(not_empty, 5'000u);
}

}  // namespace
}  // namespace osprey
