// SPDX-License-Identifier: Apache-2.0
#include "db/subject.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace osprey::db {
namespace {

std::string Error(std::string_view text) {
  Subject subject;
  const absl::Status status = ParseSubject(text, subject);
  return status.ok() ? "accepted" : std::string(status.message());
}

TEST(Subject, ReadsOneLineAndManyLinesAlike) {
  const auto one = ParseSubject("SEQ(SP=104%TI=I)OPS()T1(R=Y%DF=Y%Q=)IE(R=N)");
  const auto many = ParseSubject("SEQ(SP=104%TI=I)\nOPS()\r\nT1(R=Y%DF=Y%Q=)\nIE(R=N)\n");
  ASSERT_TRUE(one.ok() && many.ok());
  EXPECT_EQ(*one, *many);
  EXPECT_EQ(one->Text(""), "SEQ(SP=104%TI=I)OPS()T1(R=Y%DF=Y%Q=)IE(R=N)");
  EXPECT_TRUE(one->Has(Attribute(LineId::kT1, "Q")));
  EXPECT_FALSE(one->HasLine(LineId::kWin));
}

TEST(Subject, ReadsTheScanLine) {
  Subject subject;
  ASSERT_TRUE(ParseSubject("SCAN(V=7.93%E=4%D=11/22%OT=80%CT=1%CU=%PV=Y%DS=2%DC=I%G=N%M=AABBCC%"
                           "TM=6921FF00%P=x86_64-pc-linux-gnu)\nSEQ(SP=1)",
                           subject)
                  .ok());
  ASSERT_TRUE(subject.scan);
  EXPECT_EQ(subject.scan->version, "7.93");
  EXPECT_EQ(subject.scan->open_tcp, 80);
  EXPECT_EQ(subject.scan->closed_udp, std::nullopt);
  EXPECT_EQ(subject.scan->private_target, true);
  EXPECT_EQ(subject.scan->distance, 2);
  EXPECT_EQ(subject.scan->distance_method, 'I');
  EXPECT_EQ(subject.scan->good, false);
  EXPECT_EQ(subject.scan->mac_prefix, "AABBCC");
  EXPECT_EQ(subject.scan->time, 0x6921FF00u);
  EXPECT_EQ(subject.scan->platform, "x86_64-pc-linux-gnu");
  ASSERT_TRUE(ParseSubject("SEQ(SP=1)", subject).ok());
  EXPECT_FALSE(subject.scan);
}

TEST(Subject, ALaterLineOfTheSameNameReplacesTheEarlier) {
  Subject subject;
  ASSERT_TRUE(ParseSubject("SEQ(SP=1%TI=I)\nSEQ(GCD=2)\n", subject).ok());
  EXPECT_TRUE(subject.repeated);
  EXPECT_EQ(subject.fingerprint.Text(), "SEQ(GCD=2)");
  ASSERT_TRUE(ParseSubject("SEQ(SP=1)", subject).ok());
  EXPECT_FALSE(subject.repeated);
}

TEST(Subject, AMergedPrintOfManyRoundsFits) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "OPS(O1=M5B4ST11NWA%O2=M5B4ST11NWA%O3=M5B4NNT11NWA)\n";
  Subject subject;
  ASSERT_TRUE(ParseSubject(text, subject).ok());
  EXPECT_EQ(subject.fingerprint.Text(), "OPS(O1=M5B4ST11NWA%O2=M5B4ST11NWA%O3=M5B4NNT11NWA)");
}

TEST(Subject, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(Error(""), "1:1: there is no fingerprint here");
  EXPECT_EQ(Error("hello"), "1:1: expected a test such as SEQ(...), found \"hello\"");
  EXPECT_EQ(Error("SEQ(SP=1)\nXYZ(A=1)"), "2:1: there is no test XYZ");
  EXPECT_EQ(Error("SEQ(SP=1%W1=2)"), "1:10: SEQ has no attribute W1");
  EXPECT_EQ(Error("SEQ(SP=1%SP=2)"), "1:10: SEQ.SP a second time");
  EXPECT_EQ(Error("T1(R=Y)\nSEQ(SP=1-5)"),
            "2:8: SEQ.SP cannot be \"1-5\": a measured value has letters, digits and \"+\" only");
  EXPECT_EQ(Error("SEQ(SP=1"), "1:4: SEQ( is not closed");
  EXPECT_EQ(Error("SCAN(OT=99999)"), "1:9: SCAN: OT cannot be \"99999\"");
  EXPECT_EQ(Error("SEQ(SP=" + std::string(300, '1') + ")"),
            "1:8: SEQ.SP has a value too long to have been measured");
  EXPECT_EQ(Error(std::string(70'000, 'x')),
            "1:1: a fingerprint of 70000 bytes; the limit is 65536");
}

TEST(Fingerprint, ViewGivesValuesInTableOrder) {
  const auto subject = ParseSubject("SEQ(SP=104%TI=I%TS=)WIN()");
  ASSERT_TRUE(subject.ok());
  const auto view = subject->View(LineId::kSeq);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->present, 0b10001001);
  EXPECT_EQ(std::string_view(view->bytes, view->size), "104I");
  EXPECT_EQ(view->lengths[0], 3);
  EXPECT_EQ(view->lengths[3], 1);
  ASSERT_TRUE(subject->View(LineId::kWin));
  EXPECT_EQ(subject->View(LineId::kWin)->size, 0);
}

TEST(Fingerprint, ThereIsNoViewOfValuesSetOutOfOrder) {
  Fingerprint fingerprint;
  ASSERT_TRUE(fingerprint.Set(Attribute(LineId::kSeq, "TI"), "I"));
  ASSERT_TRUE(fingerprint.Set(Attribute(LineId::kSeq, "SP"), "5"));
  EXPECT_FALSE(fingerprint.View(LineId::kSeq));
  fingerprint.RemoveLine(LineId::kSeq);
  EXPECT_TRUE(fingerprint.View(LineId::kSeq));
  ASSERT_TRUE(fingerprint.Set(Attribute(LineId::kT1, "R"), "Y"));
  ASSERT_TRUE(fingerprint.Set(Attribute(LineId::kT2, "R"), "N"));
  ASSERT_TRUE(fingerprint.Set(Attribute(LineId::kT1, "DF"), "Y"));
  EXPECT_FALSE(fingerprint.View(LineId::kT1));
  EXPECT_TRUE(fingerprint.View(LineId::kT2));
  ASSERT_TRUE(fingerprint.Set(Attribute(LineId::kT2, "R"), "Y"));
  EXPECT_FALSE(fingerprint.View(LineId::kT2));
}

}  // namespace
}  // namespace osprey::db
