// SPDX-License-Identifier: Apache-2.0
// Whole scans over the in-memory network: every live host is found once and named rightly whatever
// the network does to packets, nobody else is, and at every stage what came in is what went out.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "tests/engine/simulation.h"
#include "tests/testing/frame_builder.h"

namespace osprey::engine {
namespace {

using io::wire::ParseOutcome;
using testing::Bytes;
using testing::FrameBuilder;
using testing::HostVerdict;
using testing::SimulatedNetwork;

// --- What must hold at the end of every scan ---------------------------------------------------

uint64_t Sum(const Scan& scan, LaneCounter which) {
  uint64_t sum = 0;
  for (const auto& lane : scan.lanes()) sum += lane->counters()[which];
  return sum;
}

uint64_t Sum(const Scan& scan, ShardCounter which) {
  uint64_t sum = 0;
  for (const auto& shard : scan.shards()) sum += shard->counters()[which];
  return sum;
}

void ExpectBalanced(const io::FakePathCounters& path) {
  EXPECT_EQ(path.entered + path.duplicated,
            path.lost + path.overflowed + path.delivered + path.in_flight);
}

void ExpectWireAndReceiver(const Scan& scan, const SimulatedNetwork& network) {
  ExpectBalanced(network.wire().outbound_counters());
  ExpectBalanced(network.wire().inbound_counters());
  const Receiver& receiver = *scan.receivers()[0];
  const auto& counters = receiver.counters();
  EXPECT_EQ(network.wire().inbound_counters().delivered, counters[ReceiverCounter::kFrames]);
  uint64_t parsed = 0;
  for (size_t i = 0; i < static_cast<size_t>(ParseOutcome::kCount); ++i) {
    parsed += receiver.outcomes()[static_cast<ParseOutcome>(i)];
  }
  EXPECT_EQ(counters[ReceiverCounter::kFrames], parsed);
  EXPECT_EQ(receiver.outcomes()[ParseOutcome::kAccepted],
            counters[ReceiverCounter::kNotOurs] + counters[ReceiverCounter::kForwarded] +
                counters[ReceiverCounter::kAfterEnd]);
  uint64_t waiting = 0;
  for (const auto& lane : scan.lanes()) waiting += lane->replies().ApproxSize();
  EXPECT_EQ(counters[ReceiverCounter::kForwarded], Sum(scan, LaneCounter::kRepliesIn) + waiting);
}

void ExpectLanes(const Scan& scan, const SimulatedNetwork& network) {
  using C = LaneCounter;
  uint64_t submitted = 0;
  uint64_t sent = 0;
  uint64_t refused = 0;
  for (const auto& lane : scan.lanes()) {
    const LaneCounters& c = lane->counters();
    EXPECT_EQ(c[C::kRepliesIn], c[C::kReplyAlive] + c[C::kReplyAliveAgain] + c[C::kReplyOverflow] +
                                    c[C::kReplyPort] + c[C::kReplyPortDuplicate] +
                                    c[C::kReplyProbe] + c[C::kReplyProbeDuplicate] +
                                    c[C::kReplyLate] + c[C::kReplyForged] + c[C::kReplyNotTarget] +
                                    c[C::kReplyRouterError] + c[C::kReplyOther]);
    EXPECT_EQ(c[C::kHostsAdmitted], c[C::kReplyAlive] + c[C::kTakenAsUp]);
    EXPECT_EQ(c[C::kHostsAdmitted], c[C::kHostsMatched] + c[C::kHostsSkipped] + c[C::kHostsSilent] +
                                        c[C::kHostsTimedOut] + c[C::kHostsAbandoned] +
                                        lane->in_flight());
    for (const auto& ring : lane->rings()) {
      submitted += ring->counters().submitted;
      sent += ring->counters().sent;
      refused += ring->counters().no_buffers + ring->counters().failed;
    }
  }
  EXPECT_EQ(submitted, Sum(scan, C::kSentDiscovery) + Sum(scan, C::kSentPorts) +
                           Sum(scan, C::kSentSequence) + Sum(scan, C::kSentTests));
  EXPECT_EQ(submitted, sent + refused);
  EXPECT_EQ(refused, Sum(scan, C::kUnsent));
  EXPECT_EQ(sent, network.wire().outbound_counters().entered);
}

void ExpectShardsAndCollector(const Scan& scan) {
  using C = LaneCounter;
  EXPECT_EQ(Sum(scan, ShardCounter::kJobsIn),
            Sum(scan, ShardCounter::kNextRounds) + Sum(scan, ShardCounter::kFinished));
  EXPECT_EQ(Sum(scan, C::kHostsMatched), Sum(scan, ShardCounter::kFinished));
  EXPECT_EQ(Sum(scan, C::kRoundsDone),
            Sum(scan, ShardCounter::kJobsIn) + Sum(scan, C::kHostsSilent));
  const auto& c = scan.collector().counters();
  EXPECT_EQ(c[CollectorCounter::kResultsIn], c[CollectorCounter::kWritten] +
                                                 c[CollectorCounter::kSilent] +
                                                 c[CollectorCounter::kUnwritten]);
  EXPECT_EQ(c[CollectorCounter::kResultsIn],
            Sum(scan, C::kHostsMatched) + Sum(scan, C::kHostsSkipped) + Sum(scan, C::kHostsSilent) +
                Sum(scan, C::kHostsTimedOut));
}

void ExpectConserved(const Scan& scan, const SimulatedNetwork& network) {
  ExpectWireAndReceiver(scan, network);
  ExpectLanes(scan, network);
  ExpectShardsAndCollector(scan);
}

// Each host's one verdict. Fails if a host has several, in the table or in the journal.
std::map<uint32_t, HostVerdict> OnePerHost(const testing::MemorySink& sink,
                                           testing::MemoryJournal& file) {
  std::map<uint32_t, HostVerdict> verdicts;
  for (const auto& [address, verdict] : sink.verdicts()) {
    EXPECT_TRUE(verdicts.emplace(address, verdict).second) << Ipv4Addr{address}.ToString();
  }
  std::vector<uint32_t> written = JournalAddresses(file);
  std::sort(written.begin(), written.end());
  EXPECT_TRUE(std::adjacent_find(written.begin(), written.end()) == written.end());
  EXPECT_EQ(written.size(), verdicts.size());
  for (const uint32_t address : written) EXPECT_TRUE(verdicts.contains(address));
  return verdicts;
}

// --- A scan without faults ---------------------------------------------------------------------

TEST(ScanSimulation, EveryPersonalityIsNamedFromItsAnswersAlone) {
  World world({"10.1.0.0/22"}, {.alive_share = 0.3});
  testing::MemoryJournal file;
  testing::MemorySink sink(file, SimulatedMatcher().image());
  ScanInputs inputs = world.Inputs();
  inputs.sink = &sink;
  auto scan = MakeScan(inputs);
  while (!scan->finished()) world.Turn(*scan);
  ASSERT_TRUE(scan->Finish().ok());
  ExpectConserved(*scan, world.network);
  const auto verdicts = OnePerHost(sink, file);
  const std::set<uint32_t> live = world.Live();
  EXPECT_EQ(verdicts.size(), live.size());
  std::set<testing::Personality> seen;
  for (const auto& [address, verdict] : verdicts) {
    const testing::HostNature nature = world.network.Nature({address});
    ASSERT_TRUE(nature.alive);
    seen.insert(nature.personality);
    EXPECT_THAT(verdict.names, ::testing::ElementsAre(testing::PersonalityName(nature.personality)))
        << verdict.fingerprint;
    EXPECT_EQ(verdict.perfect, 1U) << verdict.fingerprint;
    EXPECT_EQ(verdict.rounds, 1U);
    const bool u1 = nature.personality != testing::Personality::kIcmpSilent;
    const bool on_link = nature.routers == 0;
    EXPECT_EQ(verdict.hops, on_link ? 1 : u1 ? nature.routers + 1 : 0);
  }
  EXPECT_EQ(seen.size(), static_cast<size_t>(testing::Personality::kCount));
}

// --- Forgeries ---------------------------------------------------------------------------------

// Frames that nobody asked for, of every kind that the engine tells apart.
enum Forgery : size_t {
  kBadCookie,      // to discovery's ports, from hosts, dead addresses and strangers
  kBadEcho,        // to discovery's identifiers
  kBadQuote,       // port unreachable about a discovery probe that was not sent
  kBadUdp,         // datagrams
  kWrongPort,      // from a host that is being measured, to a port of another block
  kStrayEcho,      // to identifiers of OS probes, from dead addresses
  kStrayQuote,     // about ports that are nobody's
  kNotOurs,        // to other addresses and ports
  kArpOfStranger,  // who is no target on the link
  kMalformed,      // cut short, or nonsense
  kBadChecksum,
};

class Forger {
 public:
  Forger(World& world, uint64_t seed) : world_(world), random_(seed) {}

  void Burst(size_t count) {
    for (size_t i = 0; i < count; ++i) One(static_cast<Forgery>(random_() % (kBadChecksum + 1)));
  }

 private:
  static constexpr HostOrderPort kOsPort = 40000;

  HostOrderPort DiscoveryPort() {
    return static_cast<HostOrderPort>(PortPlan{}.discovery_first() + random_() % 32);
  }
  Ipv4Addr AnyTarget() { return world_.targets.At(random_() % world_.targets.size()); }
  Ipv4Addr DeadTarget() {
    for (;;) {
      const Ipv4Addr address = AnyTarget();
      if (!world_.network.Nature(address).alive) return address;
    }
  }
  Ipv4Addr Anybody() {
    const Ipv4Addr stranger{0xC0000200 + static_cast<uint32_t>(random_() % 256)};
    return random_() % 4 == 0 ? stranger : AnyTarget();
  }
  uint32_t Number() { return static_cast<uint32_t>(random_()); }

  FrameBuilder From(Ipv4Addr source, Ipv4Addr to = SimulatedNetwork::kScanner) {
    FrameBuilder builder;
    builder.Eth({}, world_.network.link(0).mac).Ipv4(source, to, {.df = true, .ttl = 60});
    return builder;
  }
  Bytes SynAck(Ipv4Addr source, HostOrderPort to) {
    return From(source)
        .Tcp(443, to, {.seq = Number(), .ack = Number(), .flags = kTcpSyn | kTcpAck})
        .Options({2, 4, 5, 0xB4})
        .Build();
  }
  Bytes Quote(Ipv4Addr about, HostOrderPort from, HostOrderPort to) {
    const Bytes probe = FrameBuilder()
                            .Ipv4(SimulatedNetwork::kScanner, about)
                            .Tcp(from, to, {.seq = Number(), .flags = kTcpSyn})
                            .Build();
    return From(about).Icmp(3, 3).Data(probe).Build();
  }
  // From a host in the middle of its measurement, far from the ports that it is measured with.
  Bytes WrongPort() {
    const Ipv4Addr host = AnyTarget();
    const HostOrderPort used = world_.network.LastOsPort(host);
    const auto port = static_cast<HostOrderPort>(used < 50000 ? used + 300 : used - 300);
    return SynAck(host, used == 0 ? HostOrderPort{kOsPort} : port);
  }
  Bytes NotOurs() {
    if (random_() % 2 == 0) return SynAck(AnyTarget(), 80);
    return From(AnyTarget(), Ipv4Addr{0x0A0000FE})
        .Tcp(443, DiscoveryPort(), {.flags = kTcpSyn | kTcpAck})
        .Build();
  }
  Bytes ArpOfStranger() {
    return FrameBuilder()
        .Eth({}, world_.network.link(0).mac)
        .Arp({.operation = 2,
              .sender = Ipv4Addr{0x0A020000 + Number() % 256},
              .target = SimulatedNetwork::kScanner})
        .Build();
  }
  Bytes Malformed() {
    Bytes frame = SynAck(AnyTarget(), DiscoveryPort());
    switch (random_() % 6) {
      case 0:
        frame.resize(14 + random_() % 40);
        break;
      case 1:
        frame[14] = static_cast<std::byte>(random_() % 2 == 0 ? 0x42 : 0x65);  // lengths, version
        break;
      case 2:
        frame[16] = frame[17] = std::byte{0};  // total length
        break;
      case 3:
        frame[20] = std::byte{0x1F};  // a later fragment
        break;
      case 4:
        frame[14 + 20 + 12] = static_cast<std::byte>(random_() % 2 == 0 ? 0x10 : 0xF0);
        break;
      default:
        frame[14 + 20 + 20 + 1] = std::byte{0};  // an option that never ends
    }
    return frame;
  }
  Bytes BadChecksum() {
    Bytes frame = SynAck(AnyTarget(), DiscoveryPort());
    frame[14 + 20 + 16] ^= std::byte{0x55};
    return frame;
  }

  Bytes Make(Forgery kind) {
    switch (kind) {
      case kBadCookie:
        return SynAck(Anybody(), DiscoveryPort());
      case kBadEcho:
        return From(AnyTarget()).Icmp(0, 0, 0xF0000000 | Number()).Data(Bytes(8)).Build();
      case kBadQuote:
        return Quote(AnyTarget(), DiscoveryPort(), 80);
      case kBadUdp:
        return From(AnyTarget()).Udp(53, DiscoveryPort()).Build();
      case kWrongPort:
        return WrongPort();
      case kStrayEcho:
        return From(DeadTarget()).Icmp(0, 0, Number() & 0x7FFFFFFF).Data(Bytes(120)).Build();
      case kStrayQuote:
        return Quote(DeadTarget(), 1024, 5353);
      case kNotOurs:
        return NotOurs();
      case kArpOfStranger:
        return ArpOfStranger();
      case kMalformed:
        return Malformed();
      case kBadChecksum:
        break;
    }
    return BadChecksum();
  }
  void One(Forgery kind) {
    world_.network.Forge(Make(kind), kind, static_cast<int64_t>(random_() % 20) * kNsPerMs);
  }

  World& world_;
  std::mt19937_64 random_;
};

// What the scan has taken of each kind lies in the counter that is for it. Late replies and
// routers' errors come from honest hosts too.
void ExpectForgeriesRefused(const Scan& scan, const SimulatedNetwork& network) {
  const auto taken = [&](size_t kind) { return network.forged_taken(kind); };
  using C = LaneCounter;
  EXPECT_EQ(Sum(scan, C::kReplyForged),
            taken(kBadCookie) + taken(kBadEcho) + taken(kBadQuote) + taken(kBadUdp));
  EXPECT_GE(Sum(scan, C::kReplyLate), taken(kWrongPort) + taken(kStrayEcho));
  EXPECT_GE(Sum(scan, C::kReplyRouterError), taken(kStrayQuote));
  EXPECT_EQ(Sum(scan, C::kReplyNotTarget), taken(kArpOfStranger));
  const Receiver& receiver = *scan.receivers()[0];
  EXPECT_EQ(receiver.counters()[ReceiverCounter::kNotOurs], taken(kNotOurs));
  EXPECT_EQ(
      receiver.counters()[ReceiverCounter::kFrames] - receiver.outcomes()[ParseOutcome::kAccepted],
      taken(kMalformed) + taken(kBadChecksum));
  for (size_t kind = 0; kind <= kBadChecksum; ++kind) EXPECT_GT(taken(kind), 0U) << kind;
}

// --- The big scan ------------------------------------------------------------------------------

testing::SimulatedNetworkOptions Faults() {
  testing::SimulatedNetworkOptions options;
  options.alive_share = 0.15;
  options.first_on_link = Ipv4Addr{0x0A010000};
  options.last_on_link = Ipv4Addr{0x0A010FFF};
  options.wire.outbound = {
      .jitter_ns = 2 * kNsPerMs, .loss = 0.02, .duplication = 0.01, .reordering = 0.05};
  options.wire.inbound = {.jitter_ns = 2 * kNsPerMs,
                          .loss = 0.02,
                          .duplication = 0.01,
                          .reordering = 0.05,
                          .late = 0.005};
  options.wire.send_failure = 0.005;
  return options;
}

struct BigScan {
  std::map<uint32_t, HostVerdict> verdicts;
  std::set<uint32_t> heard;
  std::set<uint32_t> heard_in_time;
};

BigScan RunBigScan(const testing::SimulatedNetworkOptions& options, bool forge) {
  // 65,536 + 32,768 + 1,536 + 160 = 100,000 targets.
  World world({"10.1.0.0/16", "10.2.0.0/17", "10.2.128.0-10.2.133.255", "10.2.134.0-10.2.134.159"},
              options);
  EXPECT_EQ(world.targets.size(), 100'000U);
  testing::MemoryJournal file;
  testing::MemorySink sink(file, SimulatedMatcher().image());
  ScanInputs inputs = world.Inputs();
  inputs.sink = &sink;
  inputs.rate.packets_per_second = 200'000;
  inputs.max_hosts = 65'536;
  auto scan = MakeScan(inputs);
  Forger forger(world, 77);
  uint64_t turns = 0;
  while (!scan->finished()) {
    world.Turn(*scan);
    if (forge && ++turns % 64 == 0) forger.Burst(2);
  }
  EXPECT_TRUE(scan->Finish().ok());
  ExpectConserved(*scan, world.network);
  if (forge) ExpectForgeriesRefused(*scan, world.network);
  EXPECT_EQ(scan->collector().counters()[CollectorCounter::kSilent], 0U);
  BigScan out;
  out.verdicts = OnePerHost(sink, file);
  out.heard = {world.network.heard().begin(), world.network.heard().end()};
  out.heard_in_time = {world.network.heard_in_time().begin(), world.network.heard_in_time().end()};
  for (const auto& [address, verdict] : out.verdicts) {
    EXPECT_TRUE(world.network.Nature({address}).alive) << Ipv4Addr{address}.ToString();
  }
  return out;
}

TEST(ScanSimulation, HundredThousandTargetsThroughEveryFaultAreNamedAsInAQuietNetwork) {
  testing::SimulatedNetworkOptions quiet;
  quiet.alive_share = Faults().alive_share;
  quiet.first_on_link = Faults().first_on_link;
  quiet.last_on_link = Faults().last_on_link;
  const BigScan reference = RunBigScan(quiet, false);
  const BigScan faulty = RunBigScan(Faults(), true);

  // Every live host that the scan could hear is there, and none that it could not.
  for (const uint32_t host : faulty.heard_in_time) EXPECT_TRUE(faulty.verdicts.contains(host));
  for (const auto& [host, verdict] : faulty.verdicts) EXPECT_TRUE(faulty.heard.contains(host));
  EXPECT_EQ(reference.verdicts.size(), reference.heard.size());
  // One in six answers a single step of discovery only: of those four in a hundred are lost.
  EXPECT_GT(faulty.verdicts.size(), reference.verdicts.size() * 99 / 100);

  // Lost packets cost rounds, hardly ever the answer, and never give a wrong one: a host whose open
  // port was not found may match more than its own reference, but its own too.
  size_t imperfect = 0;
  size_t vague = 0;
  for (const auto& [host, verdict] : faulty.verdicts) {
    const HostVerdict& want = reference.verdicts.at(host);
    if (verdict.perfect == 0) {
      ++imperfect;
      continue;
    }
    EXPECT_EQ(verdict.accuracy, 1);
    EXPECT_THAT(verdict.names, ::testing::Contains(want.names[0])) << verdict.fingerprint;
    if (verdict.names != want.names) ++vague;
    // Known or not known, but never wrong.
    if (verdict.hops != 0) {
      EXPECT_EQ(verdict.hops, want.hops);
    }
  }
  EXPECT_LT(imperfect, faulty.verdicts.size() / 100);
  EXPECT_LT(vague, faulty.verdicts.size() / 1000);
}

TEST(ScanSimulation, LanesShardsAndASmallTableChangeNothing) {
  testing::SimulatedNetworkOptions options = Faults();
  options.alive_share = 0.5;
  options.ring_slots = 8;  // the ring is full all the time
  World world({"10.1.0.0/20"}, options);
  testing::MemoryJournal file;
  testing::MemorySink sink(file, SimulatedMatcher().image());
  ScanInputs inputs = world.Inputs();
  inputs.sink = &sink;
  inputs.lanes = 3;
  inputs.shards = 2;
  inputs.max_hosts = 90;  // thirty places a lane for some seven hundred hosts each
  auto scan = MakeScan(inputs);
  Forger forger(world, 78);
  uint64_t turns = 0;
  while (!scan->finished()) {
    world.Turn(*scan);
    if (++turns % 64 == 0) forger.Burst(1);
  }
  EXPECT_TRUE(scan->Finish().ok());
  ExpectConserved(*scan, world.network);
  const auto verdicts = OnePerHost(sink, file);
  for (const uint32_t host : world.network.heard_in_time()) {
    EXPECT_TRUE(verdicts.contains(host)) << Ipv4Addr{host}.ToString();
  }
  for (const auto& [host, verdict] : verdicts) {
    EXPECT_TRUE(world.network.Nature({host}).alive) << Ipv4Addr{host}.ToString();
  }
  for (const auto& lane : scan->lanes()) {
    EXPECT_GT(lane->counters()[LaneCounter::kHostsMatched], 100U);
  }
}

}  // namespace
}  // namespace osprey::engine
