// SPDX-License-Identifier: Apache-2.0
#pragma once
// One live host during its ports and OS phases: what is known, and what to send next.
//
// HostMachine is a pure function of state, event and time: no clock, socket or table inside, so
// tests drive hours of scan in milliseconds. The lane owns the records, asks NextDue for the time
// of the next step, calls OnDue when it has come and the send budget allows, and feeds replies,
// stamps and verdicts. Timing and repeats are those of docs/os-detection.md, 1.7 to 1.10.
//
// Phases:   kPorts ──► kSequence ──► kTests ──► kMatching ──► kFinished
//                          ▲            (verdict) │
//                          └─────── kPause ◄──────┘
//
// Times are CLOCK_MONOTONIC nanoseconds.

#include <array>
#include <cstdint>
#include <span>

#include "base/address.h"
#include "base/answers.h"
#include "base/clock.h"
#include "engine/port_table.h"
#include "engine/rtt.h"
#include "matcher/observation.h"
#include "matcher/probe_id.h"

namespace osprey::engine {

enum class Phase : uint8_t { kFree, kPorts, kSequence, kTests, kMatching, kPause, kFinished };

// How the scan treats every host. Immutable while a scan runs.
struct HostConfig {
  std::span<const HostOrderPort> ports;  // in probing order
  bool all_ports = false;                // probe every port, then take the lowest open and closed
  uint8_t port_retries = 1;              // repeats of an unanswered port probe
  bool os_scan_limit = false;            // do not measure hosts without an open and a closed port
  uint8_t max_rounds = 5;                // 1..50
  uint8_t max_remeasures = 2;            // extra attempts for a round whose SEQ spacing was off
  int64_t seq_spacing_ns = 100'000'000;
  int64_t test_spacing_ns = 25'000'000;
  int64_t seq_spacing_slack_ns = 40'000'000;  // a SEQ gap this much over the spacing is "off"
  uint8_t test_transmissions = 4;
  uint32_t scan_delay_ms = 0;   // least time between two probes to a host; 0: the above
  uint8_t timing_template = 3;  // -T0 to -T5
  bool udp_scan_requested = false;
  bool gentle = false;  // leaves out T2, T3 and T7, which upset fragile devices
  RttParams rtt;
};

// Identity on the wire of one round: see engine/identity.h.
struct RoundPorts {
  uint16_t tcp_base = 0;
  uint16_t udp_base = 0;
  uint16_t icmp_id = 0;
  HostOrderPort closed_port = 0;  // to be used if none is remembered
  HostOrderPort udp_port = 0;     // likewise
};

// Hosts in flight are budgeted at 1 KiB each, most of which is the observation: no field wider than
// four bytes costs padding in here, and what two phases need never exists at the same time.
#pragma pack(push, 4)
// kPorts: position in the port list, and the batch under way. kPause: only the wait.
struct PortWork {
  int64_t wait_until_ns = 0;  // kPorts: end of the batch's wait; kPause: start of next round
  uint32_t cursor = 0;
  uint32_t answered = 0;  // bit i: cursor + i
  uint32_t unsent = 0;    // likewise: the kernel refused the newest probe
  uint8_t size = 0;
  uint8_t sent = 0;  // probes of this pass over the batch already sent
  uint8_t pass = 0;
  uint8_t newest = 0;                  // index in the batch of the newest port probe
  std::array<uint32_t, 15> sent_us{};  // first transmission to the batch's first ports
};

// kSequence and kTests, the probes of phase T. Bit p is ProbeId p. All zero when a round begins.
struct TestWork {
  uint64_t transmissions;            // 3 bits a probe, from kOps1
  uint32_t pending;                  // to be sent (again)
  uint32_t outstanding;              // sent, neither answered nor timed out
  std::array<uint32_t, 17> sent_us;  // newest transmission of kOps1..kU1
};
#pragma pack(pop)

struct HostState {
  int64_t last_send_ns = 0;    // newest OS probe; the phase's start before the first
  int64_t phase_start_ns = 0;  // sent_us counts from here; SEQ1's sending, once sent
  Ipv4Addr address;
  uint32_t target_index = 0;
  RttState rtt;
  Phase phase = Phase::kFree;
  uint8_t round = 0;       // 0-based
  uint8_t serial = 0;      // rounds begun, remeasured ones included
  uint8_t remeasured = 0;  // of this round
  uint8_t seq_next = 0;    // 0..6
  uint8_t refusals = 0;    // probes the kernel refused, in this phase
  bool distance_known : 1 = false;
  bool spoke : 1 = false;          // any valid reply at all
  bool local : 1 = false;          // one of our own addresses
  bool on_link : 1 = false;        // next_hop is the host's own MAC
  bool queued : 1 = false;         // in a lane's due queue
  bool seq_unsent : 1 = false;     // the kernel refused a SEQ probe of this round
  bool reset_warning : 1 = false;  // a RST came for a SEQ probe: is the port really open?
  bool reserved : 1 = false;       // holds a share of the rate for its SEQ phase
  bool skipped : 1 = false;        // os_scan_limit left it unmeasured
  RoundPorts identity;
  HostOrderPort open_port = 0;    // remembered; 0: none
  HostOrderPort closed_port = 0;  // remembered; 0: none
  HostOrderPort udp_closed = 0;   // learned from U1; 0: none
  int16_t hop_distance = 0;
  uint16_t max_span_ms = 0;  // between SEQ1 and SEQ6, worst round
  uint16_t epoch = 0;        // of the low-water mark: see engine/epochs.h
  uint16_t generation = 0;   // of the slot: old completions do not match
  uint8_t link = 0;
  uint8_t source = 0;  // index into the link's source addresses
  MacAddr next_hop;
  union {
    PortWork ports = {};
    TestWork tests;
  };
};

struct HostRecord {
  HostState state;
  matcher::Observation observation;
};
static_assert(sizeof(HostRecord) == 1024, "hosts in flight are budgeted at 1 KiB each");

// What OnDue wants done. At most one packet a call.
struct HostAction {
  enum class Kind : uint8_t {
    kNothing,      // ask NextDue again
    kSendPort,     // a discovery SYN to `port`
    kPortsSilent,  // the ports of `silent` did not answer; ask NextDue again
    kSendProbe,    // OS probe `probe`, transmission 1..4
    kBeginRound,   // needs an identity: call BeginRound; also asks for SEQ budget
    kRoundDone,    // the observation is complete: hand it to a matcher
    kNotMeasured,  // the ports phase ended and the host is not to be measured
  };
  Kind kind = Kind::kNothing;
  HostOrderPort port = 0;
  matcher::ProbeId probe = matcher::ProbeId::kSeq1;
  uint8_t transmission = 0;
  uint32_t first_port = 0;  // index into HostConfig::ports
  uint32_t silent = 0;      // bit i: first_port + i
};

// What the matcher thinks of a finished round (decision 17).
enum class RoundVerdict : uint8_t { kFinished, kNextRound };

class HostMachine {
 public:
  using ProbeId = matcher::ProbeId;

  // `config` outlives the machine.
  explicit HostMachine(const HostConfig* config) : config_(config) {}

  // Puts a live host at the start of its ports phase. `state` has address, target_index, link,
  // next_hop, local, on_link, epoch and any port already known; the rest is set here. A first
  // round trip, if discovery measured one, is given in `rtt_us` (negative: none).
  void Start(HostState& state, int64_t rtt_us, int64_t now) const;

  // When OnDue wants to be called. May lie in the past; INT64_MAX while waiting for a verdict.
  int64_t NextDue(const HostRecord& host) const;

  // One step. Sending happens afterwards: the caller reports it with OnSent or OnUnsent.
  HostAction OnDue(HostRecord& host, int64_t now) const;

  // Starts a round (after kBeginRound) with its identity.
  void BeginRound(HostRecord& host, const RoundPorts& identity,
                  const matcher::RoundContext& context, int64_t now) const;

  // A probe was handed to the kernel at `now` (`realtime` on the real-time clock).
  void OnSent(HostRecord& host, ProbeId probe, int64_t now, int64_t realtime) const;
  // The kernel refused it: it counts as not sent and is due again. A link that refuses again and
  // again is given up, so that the host comes to an end.
  void OnUnsent(HostRecord& host, ProbeId probe) const;

  // The port probe that OnDue asked for last was handed to the kernel.
  void OnPortSent(HostState& state, int64_t now) const;
  // The kernel refused the probe to this port.
  void OnPortUnsent(HostState& state, HostOrderPort port) const;
  // A valid answer to a port probe (or to a discovery probe). `first_try`: to the first probe that
  // OnDue asked for, so that its round trip counts. False if it says nothing new.
  bool OnPort(HostState& state, HostOrderPort port, PortState port_state, bool first_try,
              int64_t received) const;
  // Round trip of any answered probe that was sent once.
  void OnRtt(HostState& state, int64_t rtt_us) const { state.rtt.Add(rtt_us, config_->rtt); }

  // Answers to OS probes, already attributed; `received` is monotonic. False: late or duplicate.
  bool OnTcp(HostRecord& host, size_t offset, const TcpAnswer& answer, int64_t received) const;
  bool OnEcho(HostRecord& host, int which, const EchoAnswer& answer, int64_t received) const;
  bool OnUnreachable(HostRecord& host, const UnreachableAnswer& answer, int64_t received) const;

  void OnVerdict(HostState& state, RoundVerdict verdict, int64_t now) const;

  // How often a probe of phase T was sent in this round; 0 outside of kSequence and kTests.
  // REQUIRES: probe >= kOps1.
  static uint32_t TransmissionsOf(const HostState& state, ProbeId probe);

  // Packets that the round under way took so far. REQUIRES: kTests, or kMatching.
  static uint32_t PacketsOf(const HostRecord& host);
  // When SEQ probe `n` (0..5) was sent, if it was. phase_start_ns is that of the first.
  static int64_t SeqSentNs(const HostRecord& host, size_t n) {
    return host.state.phase_start_ns + int64_t{host.observation.seq(n).sent_us} * kNsPerUs;
  }

  // Ports this round's probes go to.
  static HostOrderPort ClosedPort(const HostState& s) {
    return s.closed_port != 0 ? s.closed_port : s.identity.closed_port;
  }
  static HostOrderPort UdpPort(const HostState& s) {
    return s.udp_closed != 0 ? s.udp_closed : s.identity.udp_port;
  }
  // The round's SEQ probes were not sent as the specification wants.
  bool SpacingWasOff(const HostRecord& host) const;

  const HostConfig& config() const { return *config_; }

 private:
  HostAction PortsDue(HostState& state, int64_t now) const;
  HostAction ProbePort(HostState& state, uint8_t i, int64_t now) const;
  HostAction EndBatch(HostState& state) const;
  HostAction EndPorts(HostState& state) const;
  HostAction SequenceDue(HostRecord& host, int64_t now) const;
  int64_t SequenceNextDue(const HostRecord& host) const;
  HostAction TestsDue(HostRecord& host, int64_t now) const;
  void BeginTests(HostRecord& host) const;
  void ExpireTests(HostRecord& host, int64_t now) const;
  int64_t TestsNextDue(const HostRecord& host) const;
  void Answered(HostState& state, ProbeId probe, int64_t received) const;
  void NoteFirstAnswer(HostRecord& host, ProbeId probe) const;
  uint8_t NextBatchSize(const HostState& state) const;

  const HostConfig* config_;
};

}  // namespace osprey::engine
