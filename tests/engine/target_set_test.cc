// SPDX-License-Identifier: Apache-2.0
#include "engine/target_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_format.h"

namespace osprey {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Ipv4Addr Addr(std::string_view text) { return *Ipv4Addr::Parse(text); }

absl::StatusOr<std::vector<Ipv4Addr>> FakeNames(const std::string& name) {
  if (name == "one.example") return std::vector{Addr("198.51.100.1")};
  if (name == "two.example") return std::vector{Addr("198.51.100.20"), Addr("198.51.100.30")};
  return absl::NotFoundError(absl::StrFormat("cannot resolve \"%s\"", name));
}

// Targets of the expressions, or an empty set with the error in `error`.
struct Built {
  TargetSet set;
  TargetReport report;
  std::string error;
};

Built Build(const std::vector<std::string>& targets, const std::string& exclude = "",
            TargetPolicy policy = {}) {
  Built built;
  ExclusionSetBuilder exclusions(FakeNames);
  if (!exclude.empty()) {
    EXPECT_TRUE(exclusions.AddList(exclude).ok());
  }
  TargetSetBuilder builder(FakeNames, policy);
  absl::Status status;
  for (const std::string& text : targets) {
    if (status.ok()) status = builder.Add(text);
  }
  if (status.ok()) {
    auto set = builder.Build(exclusions.Build());
    status = set.status();
    if (set.ok()) built.set = *std::move(set);
  }
  built.report = builder.report();
  built.error = std::string(status.message());
  return built;
}

TEST(TargetSet, NumbersEveryAddressOnceInAscendingOrder) {
  const Built built = Build({"8.8.8.8", "8.8.4.0/30", "8.8.4.2-8.8.4.5", "8.8.8.8"});
  ASSERT_EQ(built.error, "");
  EXPECT_EQ(built.set.size(), 7u);
  EXPECT_EQ(built.set.At(0), Addr("8.8.4.0"));
  EXPECT_EQ(built.set.At(5), Addr("8.8.4.5"));
  EXPECT_EQ(built.set.At(6), Addr("8.8.8.8"));
  EXPECT_EQ(built.set.IndexOf(Addr("8.8.8.8")), 6u);
  EXPECT_EQ(built.set.IndexOf(Addr("8.8.8.9")), std::nullopt);
}

TEST(TargetSet, ExclusionsAlwaysWin) {
  const Built built = Build({"8.8.8.0/24", "8.8.8.7"}, "8.8.8.7,8.8.8.128/25,one.example,9.9.9.9");
  ASSERT_EQ(built.error, "");
  EXPECT_EQ(built.set.size(), 127u);
  EXPECT_FALSE(built.set.Contains(Addr("8.8.8.7")));
  EXPECT_FALSE(built.set.Contains(Addr("8.8.8.200")));
  EXPECT_EQ(built.report.excluded, 129u);
}

TEST(TargetSet, AllOfIpv4LosesSpecialUseRangesAndSaysSo) {
  const Built built = Build({"0.0.0.0/0"});
  ASSERT_EQ(built.error, "");
  for (const char* gone : {"0.1.2.3", "10.1.2.3", "100.64.0.0", "127.0.0.1", "169.254.1.1",
                           "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1",
                           "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1",
                           "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"}) {
    EXPECT_FALSE(built.set.Contains(Addr(gone))) << gone;
  }
  for (const char* kept :
       {"1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
        "128.0.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "198.17.255.255",
        "198.20.0.0", "223.255.255.255"}) {
    EXPECT_TRUE(built.set.Contains(Addr(kept))) << kept;
  }
  uint64_t removed = 0;
  for (const TargetReport::Removed& entry : built.report.removed) removed += entry.addresses;
  EXPECT_EQ(built.report.removed.size(), SpecialRanges().size());
  EXPECT_EQ(built.set.size() + removed, uint64_t{1} << 32);
}

TEST(TargetSet, NamingARangeKeepsIt) {
  EXPECT_EQ(Build({"10.0.0.0/8"}).set.size(), 1u << 24);
  EXPECT_EQ(Build({"10.0-3.1.1"}).set.size(), 4u);
  EXPECT_EQ(Build({"127.0.0.1"}).set.size(), 1u);
  EXPECT_EQ(Build({"192.168.0.0-192.168.0.9"}).set.size(), 10u);
  EXPECT_EQ(Build({"one.example/30"}).set.size(), 4u);
  // Half inside: only the outer half was meant.
  const Built built = Build({"192.167.255.0-192.168.0.255"});
  EXPECT_EQ(built.set.size(), 256u);
  ASSERT_EQ(built.report.removed.size(), 1u);
  EXPECT_EQ(built.report.removed[0].addresses, 256u);
  EXPECT_EQ(built.report.removed[0].range->cidr, "192.168.0.0/16");
}

TEST(TargetSet, ThePolicyCanKeepSpecialUseRanges) {
  const Built built = Build({"0.0.0.0/0"}, "", {.keep_special_use = true});
  EXPECT_TRUE(built.set.Contains(Addr("10.0.0.1")));
  EXPECT_TRUE(built.set.Contains(Addr("127.0.0.1")));
  EXPECT_FALSE(built.set.Contains(Addr("224.0.0.1")));
  EXPECT_FALSE(built.set.Contains(Addr("0.0.0.1")));
  EXPECT_EQ(built.set.size(), (uint64_t{224} - 1) << 24);
}

TEST(TargetSet, AddressesThatCannotBeHostsAreRefused) {
  EXPECT_EQ(Build({"224.0.0.251"}).error,
            "target \"224.0.0.251\": there are no hosts in 224.0.0.0/4 (multicast)");
  EXPECT_THAT(Build({"0.0.0.0"}).error, HasSubstr("this network"));
  EXPECT_THAT(Build({"255.255.255.255"}).error, HasSubstr("broadcast"));
  EXPECT_THAT(Build({"240.0.0.0/4"}).error, HasSubstr("reserved"));
  EXPECT_THAT(Build({"224.0.0.0/3"}).error, HasSubstr("multicast"));
  EXPECT_THAT(Build({"239.0.0.1:80"}).error, HasSubstr("multicast"));
  EXPECT_EQ(Build({"223.255.255.255-224.0.0.3"}).set.size(), 1u);
}

TEST(TargetSet, NothingLeftIsAnErrorThatSaysWhy) {
  EXPECT_EQ(Build({}).error, "no targets to scan");
  EXPECT_EQ(Build({"8.8.8.8"}, "8.8.8.0/24").error, "no targets to scan; exclusions took out 1");
  EXPECT_EQ(Build({"gone.example"}).error, "no targets to scan; 1 host names were not found");
  EXPECT_EQ(Build({"172.16,31.0.0,1"}, "0.0.0.0/0").error,
            "no targets to scan; exclusions took out 4");
}

TEST(TargetSet, ANameStandsForItsFirstAddress) {
  const Built built = Build({"one.example", "two.example", "gone.example"});
  ASSERT_EQ(built.error, "");
  EXPECT_EQ(built.set.size(), 2u);
  EXPECT_EQ(built.set.NameOf(Addr("198.51.100.20")), "two.example");
  EXPECT_EQ(built.set.NameOf(Addr("198.51.100.1")), "one.example");
  EXPECT_EQ(built.set.NameOf(Addr("198.51.100.2")), "");
  EXPECT_EQ(built.report.unresolved_names, 1u);
  EXPECT_THAT(
      built.report.notes,
      ElementsAre("\"two.example\" has 2 addresses; only the first, 198.51.100.20, is a target",
                  "cannot resolve \"gone.example\""));
}

TEST(TargetSet, PortsOfEntriesAreKeptAsHints) {
  const Built built =
      Build({"8.8.8.8:443", "8.8.8.8:53", "8.8.8.8:443", "8.8.4.4:53", "9.9.9.9:53", "1.1.1.1"},
            "9.9.9.9");
  ASSERT_EQ(built.error, "");
  EXPECT_EQ(built.set.size(), 3u);
  EXPECT_THAT(built.set.HintsFor(Addr("8.8.8.8")),
              ElementsAre(PortHint{Addr("8.8.8.8"), 53}, PortHint{Addr("8.8.8.8"), 443}));
  EXPECT_TRUE(built.set.HintsFor(Addr("1.1.1.1")).empty());
  EXPECT_EQ(built.set.hints().size(), 3u);
}

TEST(TargetSet, TooManySeparateRangesAreRefused) {
  TargetPolicy small;
  small.max_intervals = 1000;
  EXPECT_THAT(Build({"1-9.*.*.5"}, "", small).error, HasSubstr("more than 1000 separate ranges"));
  EXPECT_EQ(Build({"1.1-2.1-255.5"}, "", small).error, "");
}

class ListFile {
 public:
  explicit ListFile(std::string_view text)
      : path_(testing::TempDir() + "/osprey_target_list_" +
              std::to_string(testing::UnitTest::GetInstance()->random_seed()) + "_" +
              std::to_string(reinterpret_cast<uintptr_t>(this))) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~ListFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(TargetSetBuilder, ReadsListsAndNamesTheLineOfAnError) {
  const ListFile good("# survey\n8.8.8.8\t8.8.4.4:53\r\n9.9.9.0/30 # quad\n");
  TargetSetBuilder builder(FakeNames);
  ASSERT_TRUE(builder.AddFile(good.path()).ok());
  EXPECT_EQ(builder.Build({})->size(), 6u);
  const ListFile bad("8.8.8.8\n\n8.8.8.8.8\n");
  TargetSetBuilder other(FakeNames);
  EXPECT_EQ(other.AddFile(bad.path()).message(),
            bad.path() + ":3: target \"8.8.8.8.8\": an address has four parts with dots between");
  TargetSetBuilder missing;
  EXPECT_EQ(missing.AddFile("/nonexistent").code(), absl::StatusCode::kNotFound);
}

// The look-up by /16 must not hide anything, at the edges of entries least of all.
TEST(ExclusionSet, HoldsWhatItsIntervalsHold) {
  EXPECT_FALSE(ExclusionSet().Contains(Ipv4Addr{0}));
  ExclusionSetBuilder builder;
  ASSERT_TRUE(builder.AddList("0.0.0.0,10.1.255.255-10.4.0.0,192.0.2.7,255.255.255.255").ok());
  const ExclusionSet set = builder.Build();
  for (const AddressInterval& interval : set.addresses().intervals()) {
    for (const uint32_t edge : {interval.first, interval.last}) {
      EXPECT_TRUE(set.Contains(Ipv4Addr{edge}));
      for (const uint32_t near : {edge - 0x10000, edge - 1, edge + 1, edge + 0x10000}) {
        EXPECT_EQ(set.Contains(Ipv4Addr{near}), set.addresses().Contains(Ipv4Addr{near})) << near;
      }
    }
  }
  EXPECT_TRUE(set.Contains(Ipv4Addr{0x0A030000}));
  EXPECT_FALSE(set.Contains(Ipv4Addr{0x0B030000}));
}

TEST(ExclusionSet, UnknownNamesAndBadLinesAreErrors) {
  ExclusionSetBuilder names(FakeNames);
  EXPECT_THAT(std::string(names.AddList("gone.example").message()), HasSubstr("gone.example"));
  EXPECT_FALSE(ExclusionSetBuilder(FakeNames).AddList("8.8.8.8:80").ok());
  EXPECT_FALSE(ExclusionSetBuilder(FakeNames).AddList("").ok());
  EXPECT_FALSE(ExclusionSetBuilder().AddList("one.example").ok());
  const ListFile file("10.0.0.0/8\n300.1.1.1\n");
  ExclusionSetBuilder builder;
  EXPECT_THAT(std::string(builder.AddFile(file.path()).message()), HasSubstr(":2: "));
}

TEST(ExclusionSet, AllAddressesOfANameAreExcluded) {
  ExclusionSetBuilder builder(FakeNames);
  ASSERT_TRUE(builder.AddList("two.example,10.0.0.1,3").ok());
  const ExclusionSet set = builder.Build();
  for (const char* in : {"198.51.100.20", "198.51.100.30", "10.0.0.1", "10.0.0.3"}) {
    EXPECT_TRUE(set.Contains(Addr(in))) << in;
  }
  EXPECT_FALSE(set.Contains(Addr("10.0.0.2")));
}

TEST(TargetSetBuilder, AMillionEntriesCostWhatTheyShould) {
  uint32_t state = 1;
  uint64_t left = 1'000'000;
  std::string pending;
  const ByteSource source = [&](char* buffer, size_t size) -> absl::StatusOr<size_t> {
    while (left > 0 && pending.size() < size) {
      state = state * 1664525 + 1013904223;
      pending += Ipv4Addr{0x20000000 + state % 0x20000000}.ToString() + "\n";
      --left;
    }
    const size_t n = std::min(size, pending.size());
    std::memcpy(buffer, pending.data(), n);
    pending.erase(0, n);
    return n;
  };
  TargetSetBuilder builder;
  ASSERT_TRUE(builder.AddSource(source, "generated").ok());
  const absl::StatusOr<TargetSet> set = builder.Build({});
  ASSERT_TRUE(set.ok());
  EXPECT_GT(set->size(), 990'000u);
  EXPECT_LE(set->addresses().memory_bytes(), 17u * 1'000'000);
  for (uint64_t i = 0; i < set->size(); i += 9973) ASSERT_EQ(set->IndexOf(set->At(i)), i);
}

TEST(SpecialRanges, FindTheirBorders) {
  for (const SpecialRange& special : SpecialRanges()) {
    EXPECT_EQ(FindSpecial(Ipv4Addr{special.range.first}), &special) << special.cidr;
    EXPECT_EQ(FindSpecial(Ipv4Addr{special.range.last}), &special) << special.cidr;
  }
  EXPECT_EQ(FindSpecial(Addr("8.8.8.8")), nullptr);
  EXPECT_EQ(FindSpecial(Addr("9.255.255.255")), nullptr);
}

}  // namespace
}  // namespace osprey
