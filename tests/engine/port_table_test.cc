// SPDX-License-Identifier: Apache-2.0
#include "engine/port_table.h"

#include <gtest/gtest.h>

#include <vector>

namespace osprey::engine {
namespace {

PortResult Silent(HostOrderPort port) {
  return {port, PortState::kFiltered, PortReason::kNoResponse, 0};
}

TEST(PortTable, KeepsAllOpenPortsAndCountsTheRest) {
  PortTable table;
  for (uint16_t port = 1; port <= 100; ++port) {
    table.Note({port, PortState::kOpen, PortReason::kSynAck, 60});
    table.Note(Silent(static_cast<uint16_t>(1000 + port)));
  }
  EXPECT_EQ(table.Count(PortState::kOpen), 100U);
  EXPECT_EQ(table.Count(PortState::kFiltered), 100U);
  EXPECT_EQ(table.Count(PortState::kClosed), 0U);
  EXPECT_EQ(table.kept().size(), 100 + PortTable::kMostListed);
}

TEST(PortTable, ACopyIsItsOwn) {
  for (const uint16_t count : std::vector<uint16_t>{2, 40}) {
    PortTable table;
    for (uint16_t port = 1; port <= count; ++port) {
      table.Note({port, PortState::kOpen, PortReason::kSynAck, 60});
    }
    PortTable copy = table;
    table.Clear();
    EXPECT_EQ(copy.Count(PortState::kOpen, PortReason::kSynAck), count);
    EXPECT_EQ(copy.kept().size(), count);
    copy = table;
    EXPECT_TRUE(copy.kept().empty());
  }
}

TEST(PortTable, AnAnswerReplacesSilenceHoweverMuchIsKnown) {
  for (const uint16_t before : std::vector<uint16_t>{0, 2, 3, 4, 30}) {
    PortTable table;
    table.Note(Silent(80));
    for (uint16_t port = 1; port <= before; ++port) {
      table.Note({port, PortState::kOpen, PortReason::kSynAck, 60});
    }
    table.Note({80, PortState::kClosed, PortReason::kReset, 61});
    EXPECT_EQ(table.Count(PortState::kFiltered), 0U) << before;
    EXPECT_EQ(table.Count(PortState::kClosed), 1U) << before;
    EXPECT_EQ(table.kept().size(), before + 1U);
  }
}

TEST(PortTable, AllPortsFiltered) {
  PortTable table;
  for (uint32_t port = 1; port <= 65'535; ++port) table.Note(Silent(static_cast<uint16_t>(port)));
  EXPECT_EQ(table.Count(PortState::kFiltered, PortReason::kNoResponse), 65'535U);
  EXPECT_EQ(table.kept().size(), PortTable::kMostListed);
}

TEST(PortTable, AnAnswerReplacesSilence) {
  PortTable table;
  table.Note(Silent(80));
  table.Note(Silent(443));
  EXPECT_TRUE(table.IsFiltered(80));
  table.Note({80, PortState::kClosed, PortReason::kReset, 61});
  EXPECT_FALSE(table.IsFiltered(80));
  EXPECT_TRUE(table.IsFiltered(443));
  EXPECT_EQ(table.Count(PortState::kFiltered), 1U);
  ASSERT_EQ(table.kept().size(), 2U);
  EXPECT_EQ(table.kept()[1], (PortResult{80, PortState::kClosed, PortReason::kReset, 61}));
}

TEST(PortTable, WhatSaysNothingIsNotNoted) {
  PortTable table;
  table.Note({0, PortState::kOpen, PortReason::kSynAck, 60});
  table.Note({80, PortState::kUnknown, PortReason::kReset, 60});
  EXPECT_TRUE(table.kept().empty());
}

TEST(PortTable, ClearForgetsTheHost) {
  PortTable table;
  table.Note(Silent(80));
  table.Clear();
  EXPECT_TRUE(table.kept().empty());
  EXPECT_EQ(table.Count(PortState::kFiltered), 0U);
}

TEST(ReasonOfUnreachable, NamesWhatRoutersSay) {
  EXPECT_STREQ(ReasonName(ReasonOfUnreachable(1)), "host-unreach");
  EXPECT_STREQ(ReasonName(ReasonOfUnreachable(3)), "port-unreach");
  EXPECT_STREQ(ReasonName(ReasonOfUnreachable(10)), "host-prohibited");
  EXPECT_STREQ(ReasonName(ReasonOfUnreachable(13)), "admin-prohibited");
  EXPECT_STREQ(ReasonName(ReasonOfUnreachable(200)), "dest-unreach");
}

}  // namespace
}  // namespace osprey::engine
