// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/score.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tools/lab/results.h"

namespace osprey::lab {
namespace {

using ::testing::HasSubstr;

std::string Write(const std::string& name, const std::string& text) {
  const std::string path = ::testing::TempDir() + "/" + name;
  std::ofstream(path) << text;
  return path;
}

std::string Truth(const char* ip, const char* reference, const char* more = "") {
  return std::string(R"({"ip":")") + ip + R"(","reference":")" + reference +
         R"(","classes":["general purpose|Linux|Linux|2.6.X"],"open":[80])" + more + "}\n";
}

std::string Found(const char* ip, const char* name, const char* accuracy, const char* family) {
  return std::string(R"({"ip":")") + ip + R"(","state":"up","os":{"result":"success","matches":[)" +
         R"({"name":")" + name + R"(","accuracy":)" + accuracy + R"(,"classes":[{"vendor":")" +
         family + R"(","family":")" + family + R"("}]}]}})" + "\n";
}

TEST(Score, SaysOneThingOfEveryHost) {
  const std::string truth = Write(
      "truth.ndjson", "{\"lab\":1}\n" + Truth("10.0.0.1", "A") + Truth("10.0.0.2", "A") +
                          Truth("10.0.0.3", "A") + Truth("10.0.0.4", "A") +
                          Truth("10.0.0.5", "A", R"(,"boxes":["scrub"])") + Truth("10.0.0.6", "A"));
  const std::string results = Write(
      "results.ndjson",
      Found("10.0.0.1", "A", "1.000000", "Linux") + Found("10.0.0.2", "A", "0.990000", "Linux") +
          Found("10.0.0.3", "B", "1.000000", "Linux") + Found("10.0.0.4", "C", "1", "Windows") +
          "{\"ip\":\"10.0.0.5\",\"state\":\"up\",\"os\":{\"result\":\"no_matches\",\"matches\":[]}}"
          "\n" +
          Found("10.0.0.99", "A", "1.000000", "Linux"));
  const auto score = ScoreFiles(truth, results);
  ASSERT_TRUE(score.ok()) << score.status();
  EXPECT_EQ(score->all.hosts, 6u);
  EXPECT_EQ(score->all.exact, 1u);
  EXPECT_EQ(score->all.listed, 1u);
  EXPECT_EQ(score->all.family, 1u);
  EXPECT_EQ(score->all.wrong, 1u);
  EXPECT_EQ(score->all.none, 1u);
  EXPECT_EQ(score->all.missed, 1u);
  EXPECT_EQ(score->ghosts, 1u);
  EXPECT_EQ(score->by_box.at("scrub").hosts, 1u);
  EXPECT_EQ(score->by_box.at("none").hosts, 5u);
  EXPECT_THAT(ScoreTable(*score), HasSubstr("by middlebox"));
  EXPECT_THAT(ScoreJson(*score), HasSubstr("\"ghosts\":1"));
}

TEST(Score, ReadsNmapsXml) {
  const std::string truth = Write("truth2.ndjson", Truth("10.0.0.1", "A & B"));
  const std::string results = Write("results.xml",
                                    "<?xml version=\"1.0\"?>\n<nmaprun><host><status state=\"up\"/>"
                                    "<address addr=\"10.0.0.1\" addrtype=\"ipv4\"/><os>"
                                    "<osmatch name=\"A &amp; B\" accuracy=\"100\" line=\"1\">"
                                    "<osclass vendor=\"Linux\" osfamily=\"Linux\"/></osmatch></os>"
                                    "</host></nmaprun>");
  const auto score = ScoreFiles(truth, results);
  ASSERT_TRUE(score.ok()) << score.status();
  EXPECT_EQ(score->all.exact, 1u);
}

TEST(Score, ErrorsNameFileAndLine) {
  const std::string truth = Write("truth3.ndjson", Truth("10.0.0.1", "A"));
  const std::string broken = Write("broken.ndjson", "{\"ip\":\"10.0.0.1\"}\nnonsense\n");
  EXPECT_THAT(std::string(ScoreFiles(truth, broken).status().message()),
              HasSubstr("broken.ndjson:2"));
  EXPECT_THAT(std::string(ScoreFiles(broken, truth).status().message()),
              HasSubstr("broken.ndjson:1"));
  EXPECT_FALSE(ScoreFiles(truth, "/nonexistent/file").ok());
  const std::string cut = Write("cut.xml", "<nmaprun><host><status state=\"up\"/>");
  EXPECT_FALSE(ScoreFiles(truth, cut).ok());
}

}  // namespace
}  // namespace osprey::lab
