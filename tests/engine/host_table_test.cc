// SPDX-License-Identifier: Apache-2.0
#include "engine/host_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "tests/engine/plan_testing.h"

namespace osprey::engine {
namespace {

TEST(HostTable, AgreesWithAMapUnderRandomOperations) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  constexpr uint32_t kCapacity = 200;
  HostTable table(kCapacity, DeriveKey(seed, "host table"));
  std::map<uint32_t, uint32_t> twin;  // address -> slot
  for (int step = 0; step < 200'000; ++step) {
    const Ipv4Addr address{static_cast<uint32_t>(random() % 400)};
    const auto found = twin.find(address.host_order);
    ASSERT_EQ(table.Find(address), found == twin.end() ? HostTable::kNone : found->second);
    if (found != twin.end()) {
      ASSERT_EQ(table[found->second].state.address, address);
      if (random() % 2 == 0) {
        table.Erase(found->second);
        twin.erase(found);
      }
    } else if (twin.size() == kCapacity) {
      ASSERT_TRUE(table.full());
      ASSERT_EQ(table.Insert(address), HostTable::kNone);
    } else {
      const uint32_t slot = table.Insert(address);
      ASSERT_LT(slot, kCapacity);
      for (const auto& [other, taken] : twin) ASSERT_NE(taken, slot);
      twin.emplace(address.host_order, slot);
    }
    ASSERT_EQ(table.size(), twin.size());
  }
  for (const auto& [address, slot] : twin) EXPECT_EQ(table.Find(Ipv4Addr{address}), slot);
}

TEST(HostTable, AFreshRecordIsEmptyAndHasANewGeneration) {
  HostTable table(2, DeriveKey(1, "host table"));
  std::set<uint16_t> generations;
  for (int i = 0; i < 100; ++i) {
    const uint32_t slot = table.Insert(Ipv4Addr{7});
    HostState& state = table[slot].state;
    EXPECT_EQ(state.phase, Phase::kFree);
    EXPECT_EQ(state.open_port, 0);
    EXPECT_FALSE(state.spoke);
    EXPECT_TRUE(generations.insert(state.generation).second);
    state.phase = Phase::kTests;
    state.open_port = 80;
    state.spoke = true;
    table.Erase(slot);
  }
}

TEST(HostTable, UsesFewSlotsWhenFewAreUsed) {
  HostTable table(1000, DeriveKey(1, "host table"));
  for (uint32_t i = 0; i < 5000; ++i) {
    const uint32_t a = table.Insert(Ipv4Addr{i});
    const uint32_t b = table.Insert(Ipv4Addr{i + 10'000});
    table.Erase(a);
    table.Erase(b);
  }
  EXPECT_EQ(table.used_slots(), 2U);
}

}  // namespace
}  // namespace osprey::engine
