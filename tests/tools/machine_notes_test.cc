// SPDX-License-Identifier: Apache-2.0
#include "tools/osprey/machine_notes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace osprey::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A proc file system with what the notes look at.
class MachineNotesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "osprey_proc_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    proc_ = name;
    Put("sys/net/ipv4/ip_local_port_range", "32768\t60999\n");
    Put("sys/net/ipv4/ip_local_reserved_ports", "\n");
    // 192.0.2.1:40000 to 198.51.100.1:443, established; then one that listens, one to itself.
    Put("net/tcp",
        "  sl  local_address rem_address   st\n"
        "   0: 010200C0:9C40 016433C6:01BB 01 00000000:00000000\n"
        "   1: 00000000:9C41 00000000:0000 0A 00000000:00000000\n"
        "   2: 0100007F:9C42 0100007F:01BB 01 00000000:00000000\n"
        "broken\n");
  }
  void TearDown() override { std::filesystem::remove_all(proc_); }

  void Put(const std::string& path, const std::string& text) {
    const auto file = proc_ / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  std::vector<std::string> Notes(const PortPlan& plan = {}, const Traffic& traffic = {}) {
    return MachineNotes(plan, traffic, proc_.string());
  }

  std::filesystem::path proc_;
};

TEST_F(MachineNotesTest, SharedSourcePortsAreNotedWhenOthersUseThem) {
  EXPECT_THAT(Notes(), ElementsAre(HasSubstr("28000 of them to other connections too, and 1 are")));
}

TEST_F(MachineNotesTest, ReservedOrOtherPortsAreNoTrouble) {
  EXPECT_THAT(Notes(PortPlan::OutsideEphemeral()), IsEmpty());
  Put("sys/net/ipv4/ip_local_reserved_ports", "33000-65259,8080\n");
  EXPECT_THAT(Notes(), IsEmpty());
}

TEST_F(MachineNotesTest, WithoutConnectionsNothingIsNoted) {
  Put("net/tcp", "  sl  local_address rem_address   st\n");
  EXPECT_THAT(Notes(), IsEmpty());
}

TEST_F(MachineNotesTest, AFullTrackingTableIsNotedOnlyWhereFramesPassIt) {
  const PortPlan plan = PortPlan::OutsideEphemeral();
  Put("sys/net/netfilter/nf_conntrack_max", "65536\n");
  Put("sys/net/netfilter/nf_conntrack_count", "536\n");
  Traffic traffic{.packets = 1'000'000, .packets_per_second = 1000, .through_netfilter = true};
  EXPECT_THAT(Notes(plan, traffic),
              ElementsAre(HasSubstr("536 of its 65536 entries are used, and this scan may make up "
                                    "to 120000")));
  traffic.packets = 60'000;
  EXPECT_THAT(Notes(plan, traffic), IsEmpty());
  traffic = {.packets = 1'000'000, .packets_per_second = 1000, .through_netfilter = false};
  EXPECT_THAT(Notes(plan, traffic), IsEmpty());
}

TEST_F(MachineNotesTest, AMachineWithoutThatProcHasNoNotes) {
  EXPECT_THAT(MachineNotes({}, {.packets = 1, .through_netfilter = true}, "/nonexistent"),
              IsEmpty());
}

}  // namespace
}  // namespace osprey::tools
