// SPDX-License-Identifier: Apache-2.0
#include "base/address.h"

#include <gtest/gtest.h>

namespace osprey {
namespace {

TEST(Ipv4Addr, RoundTripsThroughText) {
  for (const char* text : {"0.0.0.0", "10.1.2.3", "255.255.255.255", "127.0.0.1"}) {
    const auto address = Ipv4Addr::Parse(text);
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_EQ(address->ToString(), text);
  }
  EXPECT_EQ(Ipv4Addr::Parse("1.2.3.4")->host_order, 0x01020304u);
}

TEST(Ipv4Addr, RefusesEverythingElse) {
  for (const char* text : {"", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.04", " 1.2.3.4",
                           "1.2.3.4 ", "a.b.c.d", "1..2.3", "1.2.3.-4", "1.2.3.4444"}) {
    EXPECT_FALSE(Ipv4Addr::Parse(text).ok()) << text;
  }
}

TEST(MacAddr, RoundTripsThroughText) {
  const auto mac = MacAddr::Parse("0a:1B:2c:3d:4E:ff");
  ASSERT_TRUE(mac.ok());
  EXPECT_EQ(mac->ToString(), "0A:1B:2C:3D:4E:FF");
  for (const char* text : {"", "0a:1b:2c:3d:4e", "0a-1b-2c-3d-4e-ff", "0a:1b:2c:3d:4e:fg"}) {
    EXPECT_FALSE(MacAddr::Parse(text).ok()) << text;
  }
}

}  // namespace
}  // namespace osprey
