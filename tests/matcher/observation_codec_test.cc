// SPDX-License-Identifier: Apache-2.0
#include "matcher/observation_codec.h"

#include <random>
#include <string>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "matcher/fingerprint_builder.h"

namespace osprey::matcher {
namespace {

using ::testing::HasSubstr;

std::string Bytes(const std::string& text) {
  std::string bytes;
  EXPECT_TRUE(absl::WebSafeBase64Unescape(text, &bytes));
  return bytes;
}
std::string Text(const std::string& bytes) { return absl::WebSafeBase64Escape(bytes); }
std::string Error(const std::string& text) {
  return std::string(DecodeObservation(text).status().message());
}

// Every part present, with the longest options.
Observation Full(std::mt19937& random) {
  const auto number = [&random] { return static_cast<uint32_t>(random()); };
  Observation round;
  round.Begin({number(), number(), static_cast<uint16_t>(number()), 60});
  for (int n = 0; n < 6; ++n) round.NoteSeqSent(n, n * 100'000'000, 1'700'000'000'000'000'000);
  for (size_t offset = 0; offset < 20; ++offset) {
    TcpAnswer answer;
    answer.seq = number() | 1U;
    answer.ack = number();
    answer.data_crc32 = number();
    answer.window = static_cast<uint16_t>(number());
    answer.urgent = static_cast<uint16_t>(number());
    answer.ip_id = static_cast<uint16_t>(offset + 1);
    answer.ttl = static_cast<uint8_t>(number());
    answer.flags = offset < 6 ? kTcpSyn | kTcpAck : static_cast<uint8_t>(number());
    answer.reserved = static_cast<uint8_t>(number() & 15);
    answer.df = (number() & 1) != 0;
    answer.options_length = 40;
    for (uint8_t& byte : answer.options) byte = static_cast<uint8_t>(number());
    round.RecordTcp(offset, answer);
  }
  round.RecordEcho(0, {.ip_id = 1, .ttl = 64, .code = 9, .df = true}, true);
  round.RecordEcho(1, {.ip_id = 2, .ttl = 63, .code = 0, .df = false}, true);
  UnreachableAnswer u1;
  u1.unused = number();
  u1.quoted_ttl = 58;
  u1.quoted_data_intact = false;
  round.RecordUnreachable(u1);
  return round;
}

HostFacts FullFacts() {
  HostFacts facts;
  facts.open_tcp_port = 80;
  facts.closed_tcp_port = 0;
  facts.closed_udp_port = 65535;
  facts.hop_distance = -7;
  facts.max_seq_span_ms = 501;
  facts.scan_delay_ms = 3;
  facts.timing_template = 4;
  facts.is_localhost = true;
  facts.udp_scan_requested = true;
  facts.probes_failed_to_send = true;
  facts.mac_known = true;
  facts.mac_prefix = {1, 2, 255};
  return facts;
}

TEST(ObservationCodec, AFullRecordSurvives) {
  std::mt19937 random(1);
  for (int i = 0; i < 50; ++i) {
    const Observation round = Full(random);
    const std::string text = EncodeObservation(round, FullFacts());
    EXPECT_LT(text.size(), 1300U);
    const auto decoded = DecodeObservation(text);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(EncodeObservation(decoded->round, decoded->facts), text);
    db::Fingerprint a, b;
    SequenceFacts sequence_a, sequence_b;
    BuildFingerprint(round, FullFacts(), a, &sequence_a);
    BuildFingerprint(decoded->round, decoded->facts, b, &sequence_b);
    EXPECT_EQ(a.Text(), b.Text());
    EXPECT_EQ(sequence_a.boot_time_s, sequence_b.boot_time_s);
    EXPECT_EQ(decoded->round.seq_span_ms(), round.seq_span_ms());
    EXPECT_EQ(decoded->facts.mac_prefix, FullFacts().mac_prefix);
    EXPECT_EQ(decoded->facts.closed_tcp_port, FullFacts().closed_tcp_port);
  }
}

TEST(ObservationCodec, ASilentHostIsShort) {
  Observation round;
  round.Begin({});
  const std::string text = EncodeObservation(round, HostFacts());
  EXPECT_LT(text.size(), 60U);
  ASSERT_TRUE(DecodeObservation(text).ok());
}

TEST(ObservationCodec, EveryTruncationIsRefused) {
  std::mt19937 random(2);
  const std::string bytes = Bytes(EncodeObservation(Full(random), FullFacts()));
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(DecodeObservation(Text(bytes.substr(0, length))).ok()) << length;
  }
  EXPECT_THAT(Error(Text(bytes + "x")), HasSubstr("more bytes than expected"));
}

TEST(ObservationCodec, EveryChangedByteIsRefusedOrStillBuilds) {
  std::mt19937 random(3);
  const std::string bytes = Bytes(EncodeObservation(Full(random), FullFacts()));
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const int change : {0x01, 0x80, 0xFF}) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ change);
      const auto decoded = DecodeObservation(Text(changed));
      if (!decoded.ok()) continue;
      db::Fingerprint fingerprint;
      BuildFingerprint(decoded->round, decoded->facts, fingerprint);
      EXPECT_EQ(Bytes(EncodeObservation(decoded->round, decoded->facts)), changed);
    }
  }
}

TEST(ObservationCodec, MessagesSayWhatIsWrongAndWhere) {
  EXPECT_EQ(Error("not base64!"), "observation: not base64url text");
  EXPECT_EQ(Error(""), "observation: byte 0: ends early");
  EXPECT_EQ(Error(Text("\x02")), "observation: byte 1: version 2, this program reads 1");
  EXPECT_EQ(Error(std::string(3000, 'A')), "observation: 3000 characters, at most 2048 expected");
  EXPECT_EQ(Error(Text(std::string("\x01\xFF"))),
            "observation: byte 2: host flags is 255, at most 127 expected");
}

}  // namespace
}  // namespace osprey::matcher
