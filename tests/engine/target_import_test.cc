// SPDX-License-Identifier: Apache-2.0
// Samples in tests/engine/import were written by masscan 1.3.2, ZMap 4.3 and Nmap 7.93 in a private
// network of four hosts: 10.77.0.2 with port 80 open, 10.77.0.3 with 8080 open, all others closed.
#include "engine/target_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "engine/import_lines.h"

namespace osprey {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ByteSource Chunks(std::string_view text, size_t step) {
  return [text, step](char* buffer, size_t size) mutable -> absl::StatusOr<size_t> {
    const size_t n = std::min({step, size, text.size()});
    std::memcpy(buffer, text.data(), n);
    text.remove_prefix(n);
    return n;
  };
}

struct Imported {
  TargetSet set;
  ImportReport report;
  std::string error;
};

Imported Finish(const absl::StatusOr<ImportReport>& report, TargetSetBuilder& builder) {
  Imported imported;
  imported.error = std::string(report.status().message());
  if (!report.ok()) return imported;
  imported.report = *report;
  auto set = builder.Build({});
  if (set.ok()) imported.set = *std::move(set);
  return imported;
}

Imported ImportText(std::string_view text, size_t step = 1 << 20) {
  TargetSetBuilder builder;
  return Finish(ImportTargets(Chunks(text, step), "in", builder), builder);
}

Imported ImportSample(const std::string& name) {
  TargetSetBuilder builder;
  const std::string path = absl::StrCat(OSPREY_TEST_DIR "/engine/import/", name);
  return Finish(ImportTargetsFromFile(path, builder), builder);
}

std::vector<std::string> Hints(const TargetSet& set) {
  std::vector<std::string> out;
  for (const PortHint& hint : set.hints()) {
    out.push_back(
        absl::StrCat(hint.addr.ToString(), " ", hint.port, hint.closed ? " closed" : " open"));
  }
  return out;
}

struct SampleCase {
  const char* file;
  ImportFormat format;
  uint64_t entries;
};

class RealResults : public testing::TestWithParam<SampleCase> {};

TEST_P(RealResults, GiveHostsAndPorts) {
  const Imported got = ImportSample(GetParam().file);
  ASSERT_EQ(got.error, "");
  EXPECT_EQ(got.report.format, GetParam().format);
  EXPECT_EQ(got.report.hosts, GetParam().entries);
  EXPECT_EQ(got.report.malformed, 0u) << got.report.first_problem;
  ASSERT_EQ(got.set.size(), 4u);
  const auto hints = Hints(got.set);
  // What all of them saw.
  EXPECT_THAT(hints, testing::IsSupersetOf({"10.77.0.2 80 open", "10.77.0.3 80 closed",
                                            "10.77.0.4 80 closed", "10.77.0.5 80 closed"}));
}

INSTANTIATE_TEST_SUITE_P(Samples, RealResults,
                         testing::Values(SampleCase{"masscan.list", ImportFormat::kMasscanList, 8},
                                         SampleCase{"masscan.json", ImportFormat::kJson, 8},
                                         SampleCase{"masscan.xml", ImportFormat::kXml, 8},
                                         SampleCase{"masscan.gnmap", ImportFormat::kGrepable, 8},
                                         SampleCase{"zmap.csv", ImportFormat::kCsv, 4},
                                         SampleCase{"zmap.json", ImportFormat::kJson, 4}),
                         [](const auto& sample) {
                           std::string name = sample.param.file;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST(TargetImport, NmapsResultsKeepTheLowestOpenAndClosedPort) {
  for (const char* file : {"nmap.xml", "nmap.gnmap"}) {
    const Imported got = ImportSample(file);
    ASSERT_EQ(got.error, "") << file;
    EXPECT_EQ(got.report.malformed, 0u) << got.report.first_problem;
    EXPECT_EQ(got.set.size(), 4u) << file;
    EXPECT_THAT(Hints(got.set),
                ElementsAre("10.77.0.2 9 closed", "10.77.0.2 80 open", "10.77.0.3 9 closed",
                            "10.77.0.3 8080 open", "10.77.0.4 9 closed", "10.77.0.5 9 closed"))
        << file;
  }
}

TEST(TargetImport, UdpPortsAreNoHints) {
  const Imported got = ImportSample("nmap_udp.xml");
  EXPECT_THAT(Hints(got.set), ElementsAre("10.77.0.2 80 open"));
}

TEST(TargetImport, ZmapsDefaultOutputIsAListOfTargets) {
  const Imported got = ImportSample("zmap.txt");
  EXPECT_EQ(got.report.format, ImportFormat::kTargetList);
  EXPECT_EQ(got.set.size(), 1u);
}

TEST(TargetImport, TheSizeOfTheChunksDoesNotMatter) {
  const std::string_view texts[] = {
      "#masscan\nopen tcp 80 10.0.0.1 17\r\nclosed tcp 81 10.0.0.2 17\n# end",
      "[\n{\"ip\":\"10.0.0.1\",\"ports\":[{\"port\":80,\"proto\":\"tcp\",\"status\":\"open\"}]},\n"
      "{\"ip\":\"10.0.0.2\",\n\"ports\":[{\"port\":81,\"proto\":\"tcp\",\"status\":\"closed\"}]}]",
      "\xEF\xBB\xBFsaddr,sport,classification\n10.0.0.1,80,synack\n\"10.0.0.2\",81,rst\n",
      "Host: 10.0.0.1 (a)\tPorts: 80/open/tcp//x//1.2, (y)/\nHost: 10.0.0.2 ()\tPorts: "
      "81/closed/tcp/////",
      "<nmaprun><host><address addr=\"10.0.0.1\"/><ports><port protocol=\"tcp\" portid=\"80\">"
      "<state state=\"open\"/></port></ports></host><host><address addrtype=\"ipv4\" "
      "addr=\"10.0.0.2\"/><ports><port protocol=\"tcp\" portid=\"81\"><state state=\"closed\"/>"
      "</port></ports></host></nmaprun>"};
  for (const std::string_view text : texts) {
    for (const size_t step : {1UL, 2UL, 7UL, 100'000UL}) {
      const Imported got = ImportText(text, step);
      ASSERT_EQ(got.error, "") << text;
      EXPECT_EQ(got.report.malformed, 0u) << got.report.first_problem;
      EXPECT_THAT(Hints(got.set), ElementsAre("10.0.0.1 80 open", "10.0.0.2 81 closed")) << text;
    }
  }
}

TEST(TargetImport, AMalformedEntryCostsOnlyItself) {
  const Imported list = ImportText(
      "open tcp 80 10.0.0.1 17\nopen tcp x 10.0.0.2 17\nnonsense\n"
      "open tcp 70000 10.0.0.3 17\nopen tcp 80 10.0.0.256 17\n"
      "open tcp 80 239.0.0.1 17\nopen tcp 80 10.0.0.4 17\n");
  EXPECT_EQ(list.report.malformed, 5u);
  EXPECT_THAT(list.report.first_problem, HasSubstr("in:2: "));
  EXPECT_EQ(list.set.size(), 2u);
  const Imported json = ImportText(
      "[{\"ip\":\"10.0.0.1\"},{\"ip\":\"10.0.0.2\",\"ports\":[{\n"
      "{\"ip\":\"10.0.0.3\n{\"ip\":\"10.0.0.4\"},{\"x\":1}\n");
  EXPECT_EQ(json.report.malformed, 1u);
  EXPECT_EQ(json.report.left_out, 1u);
  EXPECT_EQ(json.set.size(), 2u);
  const Imported csv = ImportText("saddr,sport\n10.0.0.1,80\n10.0.0.2\n10.0.0.3,\n10.0.0.4,-1\n");
  EXPECT_EQ(csv.report.malformed, 2u);
  EXPECT_EQ(csv.set.size(), 2u);
}

TEST(TargetImport, AnInterruptedXmlFileGivesWhatItHas) {
  const Imported got = ImportText(
      "<?xml version=\"1.0\"?>\n<nmaprun>\n<host><address addr=\"10.0.0.1\"/></host>\n<host><addr");
  ASSERT_EQ(got.error, "");
  EXPECT_EQ(got.set.size(), 1u);
  EXPECT_EQ(got.report.malformed, 1u);
  EXPECT_THAT(got.report.first_problem, HasSubstr("in:4: "));
}

TEST(TargetImport, NothingReadableIsAnErrorWithItsPlace) {
  EXPECT_THAT(ImportText("# Nmap 7.93 scan initiated\nNmap scan report for 10.0.0.1\n").error,
              HasSubstr("in:2: no line of grepable output (-oG)"));
  EXPECT_THAT(ImportText("<nmaprun><host").error, HasSubstr("in:1: "));
  EXPECT_THAT(ImportText("{broken").error, HasSubstr("in:1: broken JSON object"));
  EXPECT_THAT(ImportText("10.0.0.1\n10.0.0.256\n").error, HasSubstr("in:2: "));
  TargetSetBuilder builder;
  EXPECT_TRUE(absl::IsNotFound(ImportTargetsFromFile("/nonexistent", builder).status()));
}

TEST(TargetImport, ACsvWithoutAddressesIsAnErrorWithItsPlace) {
  // "saddr" is as far as the format is looked for.
  const std::string filler(kImportPeekBytes - 6, 'a');
  EXPECT_THAT(ImportText(filler + ",saddrx\n1,10.0.0.1\n").error,
              HasSubstr("in:2: the header has no column saddr or ip"));
  // Inside of quotes that are never closed it names no column: this is no CSV.
  EXPECT_THAT(ImportText("a\"b,saddr\n1,10.0.0.1\n").error, HasSubstr("in:1: target "));
  EXPECT_EQ(ImportText("\"saddr\",\"sport\"\n10.0.0.1,80\n").set.size(), 1u);
}

TEST(TargetImport, HostsThatAreDownAndIpv6AreLeftOut) {
  const Imported got = ImportText(
      "Host: 10.0.0.1 ()\tStatus: Down\nHost: fe80::1 ()\tStatus: Up\n"
      "Host: 10.0.0.2 ()\tStatus: Up\n");
  EXPECT_EQ(got.report.left_out, 2u);
  EXPECT_EQ(got.set.size(), 1u);
}

TEST(TargetImport, ResultsWithoutHostsAreEmptyAndNotWrong) {
  for (const char* text : {"#masscan\n# end\n", "# Nmap 7.93 scan initiated\n# Nmap done\n",
                           "[\n]\n", "saddr,sport\n", "<nmaprun></nmaprun>", ""}) {
    const Imported got = ImportText(text);
    EXPECT_EQ(got.error, "") << text;
    EXPECT_EQ(got.report.hosts, 0u) << text;
  }
}

TEST(TargetImport, PortsOfUncertainStateMakeTargetsWithoutHints) {
  const Imported got = ImportText(
      "saddr,sport,classification\n10.0.0.1,80,other\n10.0.0.2,0,synack\n10.0.0.3,443,synack\n");
  EXPECT_EQ(got.set.size(), 3u);
  EXPECT_THAT(Hints(got.set), ElementsAre("10.0.0.3 443 open"));
  EXPECT_THAT(Hints(ImportText("Host: 10.0.0.1 ()\tPorts: 80/open|filtered/tcp/////\n").set),
              IsEmpty());
}

TEST(TargetImport, APortCalledBothOpenAndClosedCountsAsOpen) {
  const Imported got = ImportText("closed tcp 80 10.0.0.1 17\nopen tcp 80 10.0.0.1 18\n");
  EXPECT_THAT(Hints(got.set), ElementsAre("10.0.0.1 80 open"));
}

TEST(TargetImport, OspreysOwnResultsAreTargetsToo) {
  const Imported got = ImportText(
      "{\"v\":1,\"ip\":\"10.0.0.1\",\"state\":\"up\",\"ports\":[{\"proto\":\"tcp\",\"port\":22,"
      "\"state\":\"open\"},{\"proto\":\"tcp\",\"port\":9,\"state\":\"closed\"}]}\n");
  EXPECT_THAT(Hints(got.set), ElementsAre("10.0.0.1 9 closed", "10.0.0.1 22 open"));
}

TEST(TargetImport, MoreHintsThanAllowedAreRefused) {
  TargetPolicy policy;
  policy.max_hints = 1000;
  TargetSetBuilder builder(NoResolver(), policy);
  std::string text;
  for (uint32_t i = 0; i < 70'000; ++i) {
    absl::StrAppend(&text, "open tcp 80 ", Ipv4Addr{0x0A000000 + i}.ToString(), " 17\n");
  }
  const auto report = ImportTargets(Chunks(text, 4096), "in", builder);
  EXPECT_TRUE(absl::IsResourceExhausted(report.status())) << report.status();
  EXPECT_THAT(std::string(report.status().message()), HasSubstr("in: more than 1000"));
}

TEST(TargetImport, AMillionEntriesBecomeAMillionTargets) {
  uint32_t next = 0;
  std::string pending;
  const ByteSource source = [&](char* buffer, size_t size) -> absl::StatusOr<size_t> {
    while (next < 1'000'000 && pending.size() < size) {
      absl::StrAppend(&pending, "open tcp 80 ", Ipv4Addr{0x0A000000 + next * 7}.ToString(),
                      " 17\n");
      ++next;
    }
    const size_t n = std::min(size, pending.size());
    std::memcpy(buffer, pending.data(), n);
    pending.erase(0, n);
    return n;
  };
  TargetSetBuilder builder;
  ASSERT_TRUE(ImportTargets(source, "generated", builder).ok());
  const auto set = builder.Build({});
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->size(), 1'000'000u);
  EXPECT_EQ(set->hints().size(), 1'000'000u);
}

TEST(ImportLines, ALineThatIsTooLongIsSkippedAndCounted) {
  const std::string text = absl::StrCat("a\n", std::string(5 << 20, 'x'), "\nb");
  const ByteSource source = Chunks(text, 10'000);
  ImportLines lines(source);
  ImportLines::Line line;
  ASSERT_TRUE(*lines.Next(line));
  EXPECT_EQ(line.text, "a");
  ASSERT_TRUE(*lines.Next(line));
  EXPECT_TRUE(line.too_long);
  ASSERT_TRUE(*lines.Next(line));
  EXPECT_EQ(line.text, "b");
  EXPECT_EQ(line.number, 3u);
  EXPECT_FALSE(*lines.Next(line));
}

}  // namespace
}  // namespace osprey
