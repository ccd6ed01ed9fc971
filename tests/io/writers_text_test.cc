// SPDX-License-Identifier: Apache-2.0
// The writers for people and for Nmap's readers, and the sinks they write to.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libxml/parser.h>
#include <libxml/valid.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "io/writers/grepable_writer.h"
#include "io/writers/normal_writer.h"
#include "io/writers/text.h"
#include "io/writers/xml_writer.h"
#include "tests/testing/sample_record.h"

namespace osprey::io {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Times are printed in local time: fix it.
class WritersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC", 1);
    tzset();
  }
  const ScanInfo info_{.program_version = "0.1.0",
                       .arguments = "osprey scan --max-rate 100 192.0.2.0/24",
                       .scan_id = "5f1c0a9b",
                       .start_epoch_s = 1'700'000'000,
                       .tcp_ports = "22,80-81",
                       .tcp_port_count = 3,
                       .udp_ports = "",
                       .udp_port_count = 0,
                       .verbosity = 1,
                       .debugging = 0};
  const ScanSummary summary_{.end_epoch_s = 1'700'000'011,
                             .elapsed_s = 11.4,
                             .hosts_total = 256,
                             .hosts_up = 1,
                             .os_detection = true,
                             .error = ""};

  std::string Run(ResultWriter& writer, const MemorySink& sink, const ScanInfo& info,
                  const Record& record) {
    EXPECT_TRUE(writer.Begin(info).ok());
    EXPECT_TRUE(writer.Write(record).ok());
    EXPECT_TRUE(writer.Finish(summary_).ok());
    return sink.text();
  }
  std::string Normal(const ScanInfo& info, const Record& record,
                     NormalStyle style = NormalStyle::kTerminal) {
    MemorySink sink;
    NormalWriter writer(sink, style);
    return Run(writer, sink, info, record);
  }
  std::string Xml(const Record& record) {
    MemorySink sink;
    XmlWriter writer(sink);
    return Run(writer, sink, info_, record);
  }
  std::string Grepable(const ScanInfo& info, const Record& record) {
    MemorySink sink;
    GrepableWriter writer(sink);
    return Run(writer, sink, info, record);
  }
};

TEST_F(WritersTest, NormalOutputHasTheOrderOfTheSpecification) {
  EXPECT_EQ(Normal(info_, testing::SampleRecord()),
            R"(Starting Osprey 0.1.0 at 2023-11-14 22:13 UTC
Osprey scan report for printer.example (192.0.2.7)
Host is up (0.000040s latency).
Not shown: 28 filtered tcp ports (no-response)
PORT     STATE  SERVICE
22/tcp   open   ssh
8080/tcp closed
MAC Address: 02:00:00:AA:BB:CC
Warning: something
Device type: printer
Running: Example OS 2.X, Example embedded
OS CPE: cpe:/o:example:os:2.1 cpe:/h:example:p1
OS details: Example OS 2.1 <beta> & "friends"
TCP/IP fingerprint:
OS:SCAN(V=0.1.0%E=4)
OS:SEQ(SP=0)

Uptime guess: 1.000 days (since Mon Nov 13 22:13:21 2023)
Network Distance: 3 hops
TCP Sequence Prediction: Difficulty=261 (Good luck!)
IP ID Sequence Generation: All zeros
RST from port 22: is it really open?

OS detection performed.
Osprey done: 256 IP addresses (1 host up) scanned in 11.40 seconds
)");
}

TEST_F(WritersTest, SequencesAndUptimeNeedVerbosity) {
  ScanInfo quiet = info_;
  quiet.verbosity = 0;
  const std::string text = Normal(quiet, testing::SampleRecord());
  EXPECT_THAT(text, Not(HasSubstr("Uptime")));
  EXPECT_THAT(text, Not(HasSubstr("Sequence")));
  EXPECT_THAT(text, HasSubstr("Network Distance: 3 hops\n"));
}

TEST_F(WritersTest, DistanceOfOneIsAHopAndOfZeroAreHops) {
  Record record = testing::SampleRecord();
  record.distance = {.hops = 1, .method = 'D'};
  EXPECT_THAT(Normal(info_, record), HasSubstr("Network Distance: 1 hop\n"));
  record.distance = {.hops = 0, .method = 'L'};
  EXPECT_THAT(Normal(info_, record), HasSubstr("Network Distance: 0 hops\n"));
}

TEST_F(WritersTest, NothingAHostSaysReachesTheTerminalRaw) {
  Record record = testing::SampleRecord();
  record.hostname = "a\x1B[2Jb\nc";
  record.os.verdict_lines = {"OS details: \x07"};
  const std::string text = Normal(info_, record);
  EXPECT_THAT(text, HasSubstr("report for a?[2Jb?c (192.0.2.7)\n"));
  EXPECT_THAT(text, HasSubstr("OS details: ?\n"));
}

TEST_F(WritersTest, NormalFileHasCommentsAroundIt) {
  const std::string text = Normal(info_, testing::SampleRecord(), NormalStyle::kFile);
  EXPECT_THAT(text, StartsWith("# Osprey 0.1.0 scan initiated Tue Nov 14 22:13:20 2023 as: osprey "
                               "scan --max-rate 100 192.0.2.0/24\n"));
  EXPECT_THAT(text, EndsWith("# Osprey done at Tue Nov 14 22:13:31 2023 -- 256 IP addresses (1 "
                             "host up) scanned in 11.40 seconds\n"));
}

TEST_F(WritersTest, TextsNeverInviteSubmissionsToNmap) {
  EXPECT_THAT(Normal(info_, testing::SampleRecord()), Not(HasSubstr("nmap.org")));
}

TEST_F(WritersTest, GrepableHasOneLineForStatusAndOneForTheRest) {
  EXPECT_EQ(Grepable(info_, testing::SampleRecord()),
            "# Osprey 0.1.0 scan initiated Tue Nov 14 22:13:20 2023 as: osprey scan --max-rate 100 "
            "192.0.2.0/24\n"
            "# Ports scanned: TCP(3;22,80-81) UDP(0;) SCTP(0;) PROTOCOLS(0;)\n"
            "Host: 192.0.2.7 (printer.example)\tStatus: Up\n"
            "Host: 192.0.2.7 (printer.example)\tPorts: 22/open/tcp//ssh///, "
            "8080/closed/tcp/////\tIgnored State: filtered (28)\tOS: Example OS 2.1 <beta> & "
            "\"friends\"\tSeq Index: 261\tIP ID Seq: All zeros\n"
            "# Osprey done at Tue Nov 14 22:13:31 2023 -- 256 IP addresses (1 host up) scanned in "
            "11.40 seconds\n");
}

TEST_F(WritersTest, GrepableNamesPerfectMatchesOnlyAndSequencesOnlyWhenVerbose) {
  Record record = testing::SampleRecord();
  record.os.matches[0].accuracy = 0.99;
  ScanInfo quiet = info_;
  quiet.verbosity = 0;
  const std::string text = Grepable(quiet, record);
  EXPECT_THAT(text, Not(HasSubstr("OS:")));
  EXPECT_THAT(text, Not(HasSubstr("Seq")));
}

TEST_F(WritersTest, XmlHasTheElementsOfTheSpecification) {
  const std::string text = Xml(testing::SampleRecord());
  EXPECT_THAT(text, StartsWith("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE nmaprun>\n"
                               "<nmaprun scanner=\"nmap\" args=\"osprey scan --max-rate 100"));
  EXPECT_THAT(text, HasSubstr("<portused state=\"closed\" proto=\"udp\" portid=\"41411\"/>\n"));
  EXPECT_THAT(text, HasSubstr("<osmatch name=\"Example OS 2.1 &lt;beta&gt; &amp; &quot;friends"
                              "&quot;\" accuracy=\"100\" line=\"12\">\n"));
  EXPECT_THAT(text, HasSubstr("<osclass type=\"printer\" vendor=\"Example\" osfamily=\"Example "
                              "OS\" osgen=\"2.X\" accuracy=\"100\">\n"));
  EXPECT_THAT(text, HasSubstr("<osclass type=\"printer\" vendor=\"Example\" "
                              "osfamily=\"embedded\" accuracy=\"100\">\n"));
  EXPECT_THAT(text, HasSubstr("<cpe>cpe:/o:example:os:2.1</cpe>"));
  EXPECT_THAT(text, HasSubstr("<osmatch name=\"Example OS 3\" accuracy=\"96\" line=\"40\"/>\n"));
  EXPECT_THAT(text, HasSubstr("<osfingerprint fingerprint=\"OS:SCAN(V=0.1.0%E=4)&#xa;OS:SEQ(SP=0)"
                              "&#xa;\"/>\n"));
  EXPECT_THAT(text, HasSubstr("<uptime seconds=\"86400\" lastboot=\"Mon Nov 13 22:13:21 2023\"/>"));
  EXPECT_THAT(text, HasSubstr("<distance value=\"3\"/>"));
  EXPECT_THAT(text, HasSubstr("<tcpsequence index=\"261\" difficulty=\"Good luck!\" "
                              "values=\"91C9DF5D,0,1\"/>"));
  EXPECT_THAT(text, HasSubstr("<ipidsequence class=\"All zeros\" values=\"0,0,0\"/>"));
  EXPECT_THAT(text, HasSubstr("<tcptssequence class=\"none returned (unsupported)\"/>"));
  EXPECT_THAT(text, EndsWith("</nmaprun>\n"));
}

// The DTD is Nmap's own, where it is installed.
TEST_F(WritersTest, XmlIsValidForNmapsDtd) {
  constexpr const char* kDtd = "/usr/share/nmap/nmap.dtd";
  if (!std::filesystem::exists(kDtd)) GTEST_SKIP() << kDtd << " is not installed";
  Record strange = testing::SampleRecord();
  strange.hostname = "\x01\xFF\"<";
  strange.user_name = true;
  Record plain;
  plain.address = "192.0.2.9";
  for (const Record& record : {testing::SampleRecord(), strange, plain}) {
    const std::string text = Xml(record);
    xmlDocPtr document = xmlReadMemory(text.data(), static_cast<int>(text.size()), "out.xml",
                                       nullptr, XML_PARSE_NONET);
    ASSERT_NE(document, nullptr) << text;
    xmlDtdPtr dtd = xmlParseDTD(nullptr, reinterpret_cast<const xmlChar*>(kDtd));
    ASSERT_NE(dtd, nullptr);
    xmlValidCtxtPtr context = xmlNewValidCtxt();
    EXPECT_EQ(xmlValidateDtd(context, document, dtd), 1) << text;
    xmlFreeValidCtxt(context);
    xmlFreeDtd(dtd);
    xmlFreeDoc(document);
  }
}

TEST_F(WritersTest, XmlSaysWhyAScanEndedEarly) {
  MemorySink sink;
  XmlWriter writer(sink);
  ASSERT_TRUE(writer.Begin(info_).ok());
  ScanSummary summary = summary_;
  summary.error = "eth0: link went down";
  ASSERT_TRUE(writer.Finish(summary).ok());
  EXPECT_THAT(sink.text(), HasSubstr("exit=\"error\" errormsg=\"eth0: link went down\""));
}

TEST(Text, ReplacesWhatIsNotUtf8) {
  std::string buffer;
  EXPECT_EQ(ValidUtf8("plain", buffer), "plain");
  EXPECT_EQ(ValidUtf8("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", buffer),
            "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(ValidUtf8("\xE9", buffer), "\xC3\xA9");                          // Latin-1
  EXPECT_EQ(ValidUtf8("\xC0\xAF", buffer), "\xC3\x80\xC2\xAF");              // overlong
  EXPECT_EQ(ValidUtf8("\xED\xA0\x80", buffer), "\xC3\xAD\xC2\xA0\xC2\x80");  // surrogate
  EXPECT_EQ(ValidUtf8("\xF4\x90\x80\x80", buffer), "\xC3\xB4\xC2\x90\xC2\x80\xC2\x80");
  EXPECT_EQ(ValidUtf8("a\xE2\x82", buffer), "a\xC3\xA2\xC2\x82");  // cut short
}

TEST(Text, XmlKeepsOnlyTheControlCharactersItMayHold) {
  std::string buffer;
  EXPECT_EQ(ValidXml("a\tb\nc\rd", buffer), "a\tb\nc\rd");
  EXPECT_EQ(ValidXml("\x01", buffer), "\xEF\xBF\xBD");
  EXPECT_EQ(ValidXml("\xEF\xBF\xBF", buffer), "\xEF\xBF\xBD");
}

TEST(Text, OneLineHasNoControlCharacters) {
  std::string buffer;
  EXPECT_EQ(OneLine("a\tb\x7F\xC2\x9B"
                    "c\x80",
                    buffer),
            "a?b??c?");
}

TEST(FdSink, NamesTheFileThatCannotBeOpened) {
  const auto sink = FdSink::Open("/nonexistent/out.xml");
  EXPECT_EQ(sink.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(sink.status().message(),
            "/nonexistent/out.xml: cannot open for writing: No such file or directory");
}

TEST(FdSink, AFullDiskIsAnErrorThatStays) {
  auto sink = FdSink::Open("/dev/full");
  ASSERT_TRUE(sink.ok()) << sink.status();
  ASSERT_TRUE((*sink)->Write("some text").ok());
  const absl::Status status = (*sink)->Flush();
  EXPECT_EQ(status.message(), "/dev/full: cannot write: No space left on device");
  EXPECT_EQ((*sink)->Write("more"), status);
  EXPECT_EQ((*sink)->Flush(), status);
}

TEST(FdSink, AClosedPipeIsAnErrorNotASignal) {
  IgnoreBrokenPipes();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  FdSink sink(ends[1], true, "pipe");
  ASSERT_TRUE(sink.Write("x").ok());
  EXPECT_EQ(sink.Flush().message(), "pipe: cannot write: Broken pipe");
}

TEST(FdSink, WritesMoreThanItsBufferInOrder) {
  char path[] = "/tmp/osprey_sink_XXXXXX";
  const int fd = mkstemp(path);
  ASSERT_GE(fd, 0);
  std::string expected;
  {
    FdSink sink(fd, true, path);
    for (int i = 0; i < 3; ++i) {
      for (const size_t size : {size_t{1000}, size_t{300'000}, size_t{1}}) {
        const std::string piece(size, static_cast<char>('a' + i));
        expected += piece;
        ASSERT_TRUE(sink.Write(piece).ok());
      }
    }
    ASSERT_TRUE(sink.Flush().ok());
  }
  std::string back(expected.size() + 1, '\0');
  const int again = open(path, O_RDONLY);
  EXPECT_EQ(read(again, back.data(), back.size()), static_cast<ssize_t>(expected.size()));
  back.resize(expected.size());
  EXPECT_EQ(back, expected);
  close(again);
  unlink(path);
}

}  // namespace
}  // namespace osprey::io
