// SPDX-License-Identifier: Apache-2.0
#pragma once
// One lane: the thread that owns a share of the targets (by keyed hash of their /24), its hosts in
// flight, its send rings, its timers and its part of the rate. Nothing in it is locked.
//
//   replies ─┐                         ┌─► SEQ queue ──┐
//   verdicts ├─► host machine ─► wheel ┤               ├─► batch ─► send ring
//   timers  ─┘        ▲                └─► other queue ┤
//                     └── alive queue ◄── discovery ───┘
//
// RunOnce is one turn of the loop and never blocks, so tests drive a lane in simulated time with
// the same code that runs in production. Sends come in three strict classes: SEQ probes, whose
// rate was reserved before their host began, then all other probes to live hosts, then discovery
// (decision 11). A batch is stamped immediately before it is handed to the kernel (decision 10).

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/doorbell.h"
#include "base/lateness.h"
#include "engine/cookie.h"
#include "engine/delay_trend.h"
#include "engine/discovery.h"
#include "engine/discovery_probes.h"
#include "engine/done_set.h"
#include "engine/epochs.h"
#include "engine/host_state.h"
#include "engine/host_table.h"
#include "engine/identity.h"
#include "engine/lane_counters.h"
#include "engine/messages.h"
#include "engine/net_limiter.h"
#include "engine/network.h"
#include "engine/os_probes.h"
#include "engine/pacer.h"
#include "engine/reset_queue.h"
#include "engine/round_budget.h"
#include "engine/scan_controls.h"
#include "engine/slot_ring.h"
#include "engine/timer_wheel.h"
#include "engine/verdict_box.h"

namespace osprey::engine {

// What every lane of a scan shares. Immutable while the scan runs, apart from the queues.
struct LaneShared {
  const Clock* clock = nullptr;
  const Network* network = nullptr;
  const DiscoveryPlan* discovery = nullptr;
  const CookieJar* cookies = nullptr;
  const IdentitySource* identities = nullptr;
  const HostConfig* host = nullptr;
  const ExclusionSet* exclusions = nullptr;  // checked again at send time
  const ScanControls* controls = nullptr;    // what may change; nullptr: nothing does
  NetLimits net;
  JobQueue* jobs = nullptr;
  Doorbell* shard_bell = nullptr;
  ResultQueue* results = nullptr;
  Doorbell* writer_bell = nullptr;
  uint64_t seed = 0;
  uint32_t capture_threads = 1;                  // for each link: who puts in replies
  bool treat_all_as_up = false;                  // -Pn
  bool follow_delays = false;                    // counts how round trips change
  int64_t host_timeout_ns = 0;                   // 0: none
  uint64_t history_bytes = uint64_t{256} << 20;  // for earlier rounds, per lane
};

struct LaneConfig {
  uint16_t lane = 0;
  uint32_t max_hosts = 65'536;  // in flight
  PaceLimits rate;              // this lane's share
  uint64_t start = 0;           // linear position of discovery
};

class Lane {
 public:
  Lane(const LaneShared* shared, const LaneConfig& config,
       std::vector<std::unique_ptr<io::SendRing>> rings);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // --- Any thread, through lock-free queues.
  ReplyQueue& replies() { return replies_; }
  VerdictBox& verdicts() { return verdicts_; }
  Doorbell& bell() { return bell_; }
  const LaneCounters& counters() const { return counters_; }
  EpochLedger& epochs() { return epochs_; }
  // How much more than the wanted spacing lay between two SEQ probes of a round, by their stamps.
  const LatenessHistogram& sequence_lateness() const { return sequence_lateness_; }
  // No new host is started, those that wait included; those in flight are finished.
  void StopDiscovery() { stopping_.store(true, std::memory_order_relaxed); }
  // Those in flight are given up too.
  void Abandon() { abandoned_.store(true, std::memory_order_relaxed); }
  bool finished() const { return finished_.load(std::memory_order_acquire); }
  // For progress: linear position of discovery, hosts in flight.
  uint64_t position() const { return position_.load(std::memory_order_relaxed); }
  uint32_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }

  // --- Before the lane runs: an index that the journal holds already.
  void MarkDone(uint32_t target_index) { admitted_.Set(target_index); }

  // --- The lane's thread.
  // One turn. Returns whether anything was done.
  bool RunOnce();
  // When the next turn is due if nothing arrives: monotonic. INT64_MAX if finished.
  int64_t NextDeadline() const;
  // Turns until finished, sleeping between them.
  void Run();
  std::span<const std::unique_ptr<io::SendRing>> rings() const { return rings_; }
  // Hosts that were in the table at the same time. Also once the lane's thread has ended.
  uint32_t most_in_flight() const { return hosts_.used_slots(); }

 private:
  // A live host that waits for a place in the table.
  struct Alive {
    Ipv4Addr address;
    uint32_t index = 0;
    PortResult port;  // that discovery learned, if any
    uint16_t epoch = 0;
    bool spoke = false;
    MacAddr mac;
  };
  // A discovery probe that the kernel refused, to be sent again.
  struct Refused {
    DiscoveryTarget target;
    uint32_t attempts = 0;
  };
  // A discovery probe whose /24 has had its share for now.
  struct Postponed {
    int64_t due_ns = 0;
    DiscoveryTarget target;
    uint32_t attempts = 0;

    // The earliest one comes out of a heap first.
    friend bool operator<(const Postponed& a, const Postponed& b) { return a.due_ns > b.due_ns; }
  };
  // Somebody who asked for the MAC address of one of our source addresses.
  struct ArpOwed {
    Ipv4Addr to;
    MacAddr mac;
    uint8_t link = 0;
    uint8_t source = 0;
  };
  // What a frame of the batch was, to be noted when it is handed over.
  struct Stamp {
    enum class Kind : uint8_t { kNone, kPort, kProbe };
    uint32_t slot = 0;
    Kind kind = Kind::kNone;
    matcher::ProbeId probe = matcher::ProbeId::kSeq1;
    uint32_t frame = 0;  // which of the batch
  };
  // How discovery reaches a range of addresses.
  struct Way {
    enum class Kind : uint8_t { kNone, kTakeAsUp, kArp, kStep };
    PathRange range;
    Kind kind = Kind::kNone;
  };
  // What a pass asks.
  struct StepOfPass {
    uint32_t pass = 0;
    uint32_t repeat = 0;
    bool arp = false;  // of targets on the link
    bool any = false;  // of others; then:
    ProbeKind kind = ProbeKind::kSyn;
    HostOrderPort port = 0;
  };
  static constexpr size_t kDiscoveryBatch = 64;
  // Of the targets of a batch: port asked (0: none is known), hash that the cookie comes from.
  struct DiscoveryNumbers {
    std::array<HostOrderPort, kDiscoveryBatch> ports{};
    std::array<uint64_t, kDiscoveryBatch> hashes{};
  };
  struct Templates {
    explicit Templates(const io::wire::SendPath& path) : os(path), discovery(path) {}
    OsProbes os;
    DiscoveryProbes discovery;
  };
  struct Port {  // one link's way out
    io::SendRing* ring = nullptr;
    std::vector<Templates> sources;
    std::vector<io::SendEntry> batch;  // capacity kBatch
    std::vector<Stamp> stamps;         // of those in the batch that have one, in its order
  };
  static constexpr size_t kBatch = 128;
  static constexpr size_t kAliveCapacity = 1 << 15;
  static constexpr size_t kRefusedCapacity = 1 << 12;
  static constexpr size_t kPostponedCapacity = 1 << 12;
  static constexpr size_t kArpCapacity = 64;
  static constexpr uint32_t kDiscoveryNoise = 0x80;  // "probe number" of discovery packets

  // Replies.
  bool DrainReplies();
  void HandleReply(const io::wire::Reply& reply);
  void HandleTcp(const io::wire::Reply& reply, int64_t received);
  void CountSequenceAnswer(uint32_t slot, uint32_t n, int64_t received);
  void HandleDiscoveryTcp(const io::wire::Reply& reply, int64_t received);
  void HandleEcho(const io::wire::Reply& reply, int64_t received);
  void HandleUdp(const io::wire::Reply& reply);
  void HandleIcmpError(const io::wire::Reply& reply, int64_t received);
  void HandleArp(const io::wire::Reply& reply);
  // A valid answer to a discovery or port probe. `repeat` says to which transmission.
  void HandleLife(const io::wire::Reply& reply, const PortResult& port, uint32_t repeat,
                  int64_t received);
  void CountProbeReply(uint32_t slot, bool fresh);
  // A TCP reply to an OS port that says nothing new: is it a SYN-ACK of a connection of ours that
  // nobody has reset?
  void CountRepeat(const io::wire::Reply& reply);
  // How often a probe was sent that is now answered for the first time.
  void CountAttempt(uint32_t transmissions);
  // Whether the SEQ probe two before this one was answered, if that can be told.
  void CountSequence(const HostRecord& host, size_t n);
  // What became of a host that showed life, or is taken to be up.
  enum class Admission : uint8_t { kAdmitted, kAgain, kNoRoom };
  Admission Admit(uint32_t index, Ipv4Addr address, const MacAddr& mac, const PortResult& port,
                  bool spoke);
  void CountAdmission(Admission admission);

  // What changed while the scan runs (lane_limits.cc).
  void TakeControls();
  bool IsExcluded(Ipv4Addr address) const {
    return exclusions_ != nullptr && exclusions_->Contains(address);
  }
  bool MayStartHosts() const;
  // The /24 of a host: whether it may begin a round now, else it is told when; and that it ended.
  bool EnterNet(uint32_t slot);
  void LeaveNet(uint32_t slot);
  // Whether its /24 has had its share for now; then it is visited again when that has passed.
  bool WaitForNet(uint32_t slot);
  void Postpone(const DiscoveryTarget& target, uint32_t attempts, int64_t due_ns);
  bool SendPostponed(uint32_t allowance);
  // Discovery probes are still to be sent, or may still be answered, that the walk has left behind.
  bool LaggingBehindWalk() const;

  // What we owe to others where the kernel does not give it (lane_answers.cc).
  static bool IsSynAck(const io::wire::Reply& reply);
  // Who sends the reset for a SYN-ACK.
  enum class Resetter : uint8_t { kNobody, kKernel, kLane };
  Resetter ResetterOf(const io::wire::Reply& syn_ack) const;
  // A SYN-ACK to one of the OS ports: it has its reset if it belongs to the round under way or
  // acknowledges a probe of an earlier one.
  void AnswerOsSynAck(const io::wire::Reply& reply);
  bool AcknowledgesRound(const io::wire::Reply& reply, uint32_t serial) const;
  bool AcknowledgesAnyRound(const io::wire::Reply& reply) const;
  // Queues a reset, or puts the kernel's on the bill. `proven`: its number shows that it answers a
  // probe.
  void AnswerSynAck(const io::wire::Reply& reply, bool proven);
  void QueueReset(const io::wire::Reply& reply, bool proven);
  void TakeOverResets();
  void SendResets(uint32_t allowance);
  // An ARP request for a source address that the kernel does not own.
  void OweArp(const io::wire::Reply& request);
  void SendArpAnswers(uint32_t allowance);

  // Hosts.
  bool DrainVerdicts();
  void StartHosts();
  void AbandonWaiting();
  // Whether so many probes that are due are more than the rate can send soon. More hosts would only
  // wait, all for the same things, and after a cut of the rate for seconds.
  bool IsBacklog(double probes) const;
  // Whether so many live hosts wait that discovery has to.
  bool EnoughAlive() const;
  bool ReserveSequence() const;
  void ReleaseSequence(uint32_t slot);
  void BeginRound(uint32_t slot);
  bool FireTimers();
  void Enqueue(uint32_t slot);
  void Reschedule(uint32_t slot);
  // Lets the host, which has just left a queue, take one step.
  void Visit(uint32_t slot);
  void NoteCost(const HostRecord& host);
  MatchJob JobFor(uint32_t slot) const;
  void SubmitJob(uint32_t slot);
  void RetryBlocked();
  void EndHost(uint32_t slot, HostOutcome outcome);
  void Erase(uint32_t slot);
  void RememberPort(uint32_t slot, const PortResult& port);
  void RememberSilentPorts(uint32_t slot, const HostAction& action);
  void KeepRound(uint32_t slot);

  // Sending.
  bool Fill();
  // Takes the ports that are known from elsewhere, unless what was seen speaks against it.
  void TakeHints(HostState& host, const Alive& alive) const;
  void SendPort(uint32_t slot, HostOrderPort to_port);
  void SendProbe(uint32_t slot, const HostAction& action);
  // How many frames can be written, wherever they go: the free buffers of the link that has fewest.
  size_t Room();
  io::FrameSlot Lease(Port& port);  // REQUIRES: Room() > 0
  void HandleUnsent(uint64_t tag);
  // Adds a leased frame to its link's batch, and flushes a full one.
  void Add(Port& port, const io::FrameSlot& frame, uint32_t length, uint64_t tag, Stamp stamp);
  // Notes that the probe was handed over.
  void TakeStamp(const Stamp& stamp, int64_t sent);
  void Flush(Port& port);
  void FlushAll();
  void ReapAll();

  // Discovery (lane_discovery.cc).
  bool FillDiscovery(uint32_t allowance);
  // REQUIRES: all of one pass, at least one and at most kDiscoveryBatch; Room() for all.
  void SendDiscovery(std::span<const DiscoveryTarget> targets, uint32_t attempts);
  StepOfPass StepFor(uint32_t pass) const;
  void HashStep(const StepOfPass& step, std::span<const DiscoveryTarget> targets,
                DiscoveryNumbers& numbers) const;
  const Way& WayTo(Ipv4Addr address);  // valid until the next call
  Way LookUpWay(Ipv4Addr address) const;
  // Whether a frame goes to the target now. Else it was taken care of.
  bool AsksNow(const StepOfPass& step, const Way& way, const DiscoveryTarget& target,
               HostOrderPort port, uint32_t attempts);
  void TakeWithoutAsking(const Way& way, const DiscoveryTarget& target);
  // The port by which this target is known from elsewhere, an open one if there is any; 0: none.
  HostOrderPort KnownPort(Ipv4Addr address) const;
  uint32_t WriteStep(const StepOfPass& step, const DiscoveryProbes& probes,
                     const io::wire::Destination& to, HostOrderPort port, uint64_t hash,
                     std::byte* frame) const;
  void HandleUnsentDiscovery(uint64_t tag);

  void WatchClocks();
  // When to look again for what the pacer holds back.
  int64_t PacedWake(int64_t now) const;
  int64_t ToMonotonic(int64_t realtime_ns) const { return realtime_ns - clock_offset_ns_; }
  void UpdateProgress();

  const LaneShared* shared_;
  LaneConfig config_;
  std::vector<std::unique_ptr<io::SendRing>> rings_;
  std::vector<Port> ports_;
  HostMachine machine_;
  HostTable hosts_;
  TimerWheel wheel_;
  Pacer pacer_;
  DoneSet admitted_;  // shown life, or done before
  Discovery discovery_;
  Way way_;  // of the newest target
  EpochLedger epochs_;
  SlotRing sequence_due_;   // SEQ probes whose time has come
  SlotRing other_due_;      // everything else whose time has come
  SlotRing sequence_wait_;  // rounds waiting for SEQ budget
  SlotRing blocked_;        // finished rounds that the matchers had no room for
  std::vector<HostResultPtr> blocked_results_;
  std::deque<Refused> refused_;       // at most kRefusedCapacity
  std::vector<Postponed> postponed_;  // heap, at most kPostponedCapacity
  int64_t resent_ns_;                 // when the newest discovery probe out of order was sent
  bool resets_taken_over_ = false;
  ResetQueue resets_;
  std::vector<ArpOwed> arp_owed_;  // at most kArpCapacity
  NetLimiter nets_;
  uint64_t controls_seen_ = 0;
  const ExclusionSet* exclusions_;
  std::shared_ptr<const ExclusionSet> new_exclusions_;  // of the controls, if they have any
  bool admitting_ = true;
  std::vector<Alive> alive_;  // ring buffer
  size_t alive_first_ = 0;
  size_t alive_count_ = 0;
  std::vector<std::unique_ptr<RoundHistory>> history_;  // by slot
  std::vector<PortTable> results_;                      // by slot
  std::vector<int64_t> started_ns_;                     // by slot; monotonic
  uint64_t history_used_ = 0;
  uint32_t in_sequence_ = 0;  // hosts with a SEQ reservation
  RoundBudget rounds_;
  bool spare_ = false;  // the last turn left a part of the rate unused
  uint64_t overflows_ = 0;    // since discovery was last repeated
  bool overflowed_ = false;   // the low-water mark stays until the scan ends
  int64_t clock_offset_ns_;   // real time minus monotonic time
  int64_t now_ = 0;           // of this turn
  uint32_t frames_this_turn_ = 0;
  int64_t sequence_late_ns_ = 0;  // of the SEQ probes of this turn: the latest one
  std::vector<io::wire::Reply> reply_batch_;
  std::vector<uint32_t> fired_;  // slots whose timers went off in this turn

  LaneCounters counters_;
  LatenessHistogram sequence_lateness_;
  DelayTrend delays_;
  ReplyQueue replies_;
  VerdictBox verdicts_;
  Doorbell bell_;
  JobQueue::Producer job_producer_;
  ResultQueue::Producer result_producer_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> abandoned_{false};
  std::atomic<bool> finished_{false};
  std::atomic<uint64_t> position_{0};
  std::atomic<uint32_t> in_flight_{0};
};

}  // namespace osprey::engine
