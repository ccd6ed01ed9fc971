// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a lane counts. Every reply that reaches a lane ends in exactly one kReply* counter below
// kRepliesIn, and every admitted host in exactly one kHosts* counter below kHostsAdmitted or is
// still in flight; tests check both sums.

#include <string_view>

#include "base/counter.h"

namespace osprey::engine {

enum class LaneCounter : uint8_t {
  // Targets.
  kTargetsProbed,       // discovery probes sent to a target, repeats included
  kTargetsUnreachable,  // no route
  // Packets handed to a ring, by class.
  kSentDiscovery,
  kSentPorts,
  kSentSequence,
  kSentTests,
  kSentResets,        // of our own, for SYN-ACKs; 0 where the kernel sends them
  kKernelResets,      // the kernel's, for connections of ours: what must have been sent
  kSentArpReplies,    // for source addresses that the kernel does not own
  kArpOverflowed,     // found no room: the neighbour asks again
  kUnsent,            // refused by the kernel afterwards, and sent again if it matters
  kResetsOverflowed,  // found no room: sent when the target repeats its SYN-ACK
  kResetsWithheld,    // to a connection that was answered often enough
  kTargetsLost,       // discovery probes given up because the kernel refused them again and again
  // Replies.
  kRepliesIn,
  kReplyAlive,       // admitted a host
  kReplyAliveAgain,  // valid, but the host is admitted or done already
  kReplyOverflow,    // valid, but the alive queue was full: probed again
  kReplyPort,        // state of a port, new
  kReplyPortDuplicate,
  kReplyProbe,  // filled something of a round
  kReplyProbeDuplicate,
  kReplyLate,         // to an OS port or identifier, but no such host is being measured
  kReplyForged,       // fails the cookie, or answers what was not sent
  kReplyNotTarget,    // from an address that is not to be scanned
  kReplyRouterError,  // ICMP error from somewhere on the way
  kReplyOther,
  // Hosts.
  kHostsAdmitted,  // each by a kReplyAlive, or by request:
  kTakenAsUp,      // admitted without a reply: our own addresses, or all are to be taken as up
  kHostsMatched,   // finished with a verdict
  kHostsSkipped,   // left unmeasured by --osscan-limit
  kHostsSilent,    // treated as up by request, and never said a word
  kHostsTimedOut,
  kHostsAbandoned,  // in flight when the scan was stopped
  kRoundsDone,
  kRoundsRemeasured,  // SEQ spacing was off
  kRoundsWithLosses,  // of those done: see Observation::lost_seq_answers
  kHistoryExhausted,  // rounds cut short for want of memory
  kHostsExcluded,     // left because exclusions grew during the scan
  kClockSteps,
  // Signs of loss, of what is counted above (engine/rate_control.h).
  kSentToLive,        // first transmissions of port and OS probes to hosts that said something
  kAnsweredSequence,  // of these, SEQ probes, which are sent once
  kSequenceDue,       // SEQ probes that a host which answers them should have answered by now
  kSequenceKept,      // of these, those that it has
  kDelayPairs,        // SEQ probes answered like the one before, with --rate auto:
  kDelayGrownUs,      // by how much their round trips were longer, in all
  kDelayShrunkUs,     // and shorter
  kAnsweredFirst,     // port probes and phase T: answered at the first transmission
  kAnsweredSecond,    // at the second
  kSynAcksRepeated,   // to OS ports, too late or a second time: was there no reset?
  kProhibited,        // ICMP errors about our probes that say "administratively prohibited"
  kCount,
};

inline constexpr std::string_view kLaneCounterNames[] = {
    "targets_probed",
    "targets_unreachable",
    "sent_discovery",
    "sent_ports",
    "sent_sequence",
    "sent_tests",
    "sent_resets",
    "kernel_resets",
    "sent_arp_replies",
    "arp_overflowed",
    "unsent",
    "resets_overflowed",
    "resets_withheld",
    "targets_lost",
    "replies_in",
    "reply_alive",
    "reply_alive_again",
    "reply_overflow",
    "reply_port",
    "reply_port_duplicate",
    "reply_probe",
    "reply_probe_duplicate",
    "reply_late",
    "reply_forged",
    "reply_not_target",
    "reply_router_error",
    "reply_other",
    "hosts_admitted",
    "taken_as_up",
    "hosts_matched",
    "hosts_skipped",
    "hosts_silent",
    "hosts_timed_out",
    "hosts_abandoned",
    "rounds_done",
    "rounds_remeasured",
    "rounds_with_losses",
    "history_exhausted",
    "hosts_excluded",
    "clock_steps",
    "sent_to_live",
    "answered_sequence",
    "sequence_due",
    "sequence_kept",
    "delay_pairs",
    "delay_grown_us",
    "delay_shrunk_us",
    "answered_first",
    "answered_second",
    "syn_acks_repeated",
    "prohibited",
};
static_assert(std::size(kLaneCounterNames) == static_cast<size_t>(LaneCounter::kCount));

using LaneCounters = CounterSet<LaneCounter>;

}  // namespace osprey::engine
