// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "io/wire/bytes.h"
#include "io/wire/checksum.h"
#include "tests/testing/frame_builder.h"

namespace osprey::io::wire {
namespace {

using osprey::testing::Bytes;
using osprey::testing::FromHex;

// RFC 1071, section 1, word by word.
uint16_t SlowChecksum(const Bytes& bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    uint32_t word = static_cast<uint32_t>(bytes[i]) << 8;
    if (i + 1 < bytes.size()) word |= static_cast<uint32_t>(bytes[i + 1]);
    sum += word;
    if (sum > 0xFFFF) sum = (sum & 0xFFFF) + 1;
  }
  return static_cast<uint16_t>(~sum & 0xFFFF);
}

class RandomBytes {
 public:
  explicit RandomBytes(uint64_t seed) : random_(seed) {}
  uint64_t Number() { return random_(); }
  Bytes OfLength(size_t length) {
    Bytes bytes(length);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random_() & 0xFF);
    return bytes;
  }

 private:
  std::mt19937_64 random_;
};

TEST(Checksum, KnownAnswers) {
  EXPECT_EQ(FinishChecksum(SumBytes({})), 0xFFFF);
  EXPECT_EQ(FinishChecksum(SumBytes(Bytes(20))), 0xFFFF);
  // The example of RFC 1071, section 3.
  EXPECT_EQ(SumBytes(FromHex("0001F203F4F5F6F7")), 0xDDF2);
  // An IP header of tests/golden/captures/linux-default.json.
  EXPECT_EQ(SumBytes(FromHex("4500003C717D000027060DA30A4D00010A4D0002")), 0xFFFF);
}

TEST(Checksum, EqualsItsSlowTwinOnRandomBytes) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomBytes random(seed);
  for (size_t round = 0; round < 20'000; ++round) {
    const Bytes bytes = random.OfLength(round % 400);
    ASSERT_EQ(FinishChecksum(SumBytes(bytes)), SlowChecksum(bytes)) << bytes.size();
  }
}

TEST(Checksum, DoesNotReadAnEvenAddress) {
  const Bytes bytes = RandomBytes(1).OfLength(101);
  for (size_t from = 0; from < 8; ++from) {
    const std::span<const std::byte> part = std::span(bytes).subspan(from, 64);
    EXPECT_EQ(FinishChecksum(SumBytes(part)), SlowChecksum(Bytes(part.begin(), part.end())));
  }
}

TEST(Checksum, SumsOfPartsAddUp) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomBytes random(seed);
  for (int round = 0; round < 10'000; ++round) {
    const Bytes bytes = random.OfLength(60);
    const size_t cut = random.Number() % 31 * 2;
    const uint64_t sum =
        uint64_t{SumBytes(std::span(bytes).first(cut))} + SumBytes(std::span(bytes).subspan(cut));
    ASSERT_EQ(FinishChecksum(sum), SlowChecksum(bytes));
  }
}

// RFC 1624: equal to the whole computation for any change of one word, provided that the packet is
// not all zeros.
TEST(Checksum, UpdateEqualsRecomputation) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomBytes random(seed);
  for (int round = 0; round < 50'000; ++round) {
    Bytes bytes = random.OfLength(20);
    bytes[0] = std::byte{0x45};
    const uint16_t before = SlowChecksum(bytes);
    const size_t at = 2 + random.Number() % 9 * 2;
    const uint16_t old_word = Load16(bytes.data() + at);
    const uint16_t edges[] = {0, 0xFFFF, static_cast<uint16_t>(random.Number() & 0xFFFF)};
    const uint16_t new_word = edges[random.Number() % 3];
    Store16(bytes.data() + at, new_word);
    ASSERT_EQ(UpdateChecksum(before, old_word, new_word), SlowChecksum(bytes));
  }
}

// The example of RFC 1624, section 4: the older formula gives FFFF here.
TEST(Checksum, UpdateHandlesTheCornerCaseOfRfc1624) {
  EXPECT_EQ(UpdateChecksum(0xDD2F, 0x5555, 0x3285), 0x0000);
}

TEST(Checksum, UdpNeverSaysNone) {
  EXPECT_EQ(FinishUdpChecksum(0xFFFF), 0xFFFF);
  EXPECT_EQ(FinishUdpChecksum(0), 0xFFFF);
  EXPECT_EQ(FinishUdpChecksum(1), 0xFFFE);
}

}  // namespace
}  // namespace osprey::io::wire
