// SPDX-License-Identifier: Apache-2.0
#include "engine/scan_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace osprey {
namespace {

using testing::HasSubstr;

constexpr uint32_t At(uint32_t hour, uint32_t minute) { return (hour * 60 + minute) * 60; }

ScanWindow Window(std::string_view text) {
  const auto window = ScanWindow::Parse(text);
  EXPECT_TRUE(window.ok()) << window.status();
  return window.ok() ? *window : ScanWindow();
}

TEST(ScanWindow, WithoutSpansItIsAlwaysOpen) {
  EXPECT_TRUE(ScanWindow().always_open());
  EXPECT_TRUE(ScanWindow().IsOpen(0));
  EXPECT_EQ(ScanWindow().UntilChange(0), 0u);
}

TEST(ScanWindow, TheEndDoesNotBelongToIt) {
  const ScanWindow window = Window("09:00-17:30");
  EXPECT_FALSE(window.IsOpen(At(9, 0) - 1));
  EXPECT_TRUE(window.IsOpen(At(9, 0)));
  EXPECT_TRUE(window.IsOpen(At(17, 30) - 1));
  EXPECT_FALSE(window.IsOpen(At(17, 30)));
  EXPECT_EQ(window.UntilChange(At(8, 0)), 3600u);
  EXPECT_EQ(window.UntilChange(At(9, 0)), At(8, 30));
  EXPECT_EQ(window.UntilChange(At(18, 0)), At(15, 0));
}

TEST(ScanWindow, MayRunOverMidnight) {
  const ScanWindow window = Window("22:00-6:00");
  for (const uint32_t open : {At(22, 0), At(23, 59), At(0, 0), At(5, 59)}) {
    EXPECT_TRUE(window.IsOpen(open)) << open;
  }
  for (const uint32_t closed : {At(6, 0), At(12, 0), At(21, 59)}) {
    EXPECT_FALSE(window.IsOpen(closed)) << closed;
  }
  EXPECT_EQ(window.UntilChange(At(23, 0)), At(7, 0));
  EXPECT_EQ(window.UntilChange(At(6, 0)), At(16, 0));
}

TEST(ScanWindow, SpansMayTouchAndOverlap) {
  const ScanWindow window = Window("12:00-13:00,13:00-14:00,18:00-24:00,00:00-01:00");
  EXPECT_TRUE(window.IsOpen(At(13, 0)));
  EXPECT_EQ(window.UntilChange(At(12, 30)), At(1, 30));
  EXPECT_EQ(window.UntilChange(At(19, 0)), At(6, 0));
  EXPECT_EQ(Window("00:00-24:00").UntilChange(5), 0u);
}

TEST(ScanWindow, AgreesWithASecondBySecondLook) {
  const ScanWindow window = Window("22:15-01:05,03:00-04:00,03:30-05:00");
  for (uint32_t second = 0; second < ScanWindow::kSecondsOfDay; second += 607) {
    const uint32_t wait = window.UntilChange(second);
    ASSERT_GT(wait, 0u);
    const uint32_t then = (second + wait) % ScanWindow::kSecondsOfDay;
    const uint32_t before = (then + ScanWindow::kSecondsOfDay - 1) % ScanWindow::kSecondsOfDay;
    EXPECT_NE(window.IsOpen(second), window.IsOpen(then)) << second;
    EXPECT_EQ(window.IsOpen(second), window.IsOpen(before)) << second;
  }
}

TEST(ScanWindow, MistakesAreNamed) {
  for (const char* bad : {"", "22:00", "22-06", "25:00-06:00", "22:60-23:00", "24:01-03:00",
                          "9:00-9:00", "22:00-06:00,", "a:00-b:00", ":00-06:00", "022:00-06:00"}) {
    EXPECT_FALSE(ScanWindow::Parse(bad).ok()) << bad;
  }
  EXPECT_THAT(std::string(ScanWindow::Parse("22:00-26:00").status().message()),
              HasSubstr("\"26:00\""));
}

TEST(ScanWindow, LocalTimeIsThatOfTheMachine) {
  const char* const old = std::getenv("TZ");
  const std::string saved = old == nullptr ? "" : old;
  setenv("TZ", "XYZ-3:30", 1);  // three and a half hours east
  tzset();
  EXPECT_EQ(LocalSecondOfDay(0), At(3, 30));
  old == nullptr ? unsetenv("TZ") : setenv("TZ", saved.c_str(), 1);
  tzset();
}

}  // namespace
}  // namespace osprey
