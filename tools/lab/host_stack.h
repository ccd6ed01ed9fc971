// SPDX-License-Identifier: Apache-2.0
#pragma once
// How an emulated host answers one packet: its personality applied to the state of a port and to
// the moment. Sequence numbers and timestamps are functions of host, probe and time; only IP IDs
// and the limit on ICMP errors need the host's counters.
//
// One thread. Nothing allocates or blocks.

#include "tools/lab/probe.h"
#include "tools/lab/world.h"

namespace osprey::lab {

class HostStack {
 public:
  // `start_ns`: real time at which every host has been up for its uptime.
  HostStack(const NetworkSpec& network, int64_t start_ns);

  // Leaves reply.kind at kNone if the host stays silent. The TTL is that on arrival at the scanner.
  void Answer(const Host& host, const Probe& probe, Reply& reply) const;

  // Of a personality's line; used by middleboxes too.
  void AnswerTcp(const Host& host, const Probe& probe, const TcpBehaviour& how, int syn_index,
                 const IpIdPlan& ids, Reply& reply) const;

 private:
  void AnswerOpen(const Host& host, const Probe& probe, Reply& reply) const;
  void AnswerClosed(const Host& host, const Probe& probe, Reply& reply) const;
  void AnswerEcho(const Host& host, const Probe& probe, Reply& reply) const;
  void AnswerUdp(const Host& host, const Probe& probe, Reply& reply) const;
  void StampOptions(const Host& host, const Probe& probe, int syn_index,
                    OptionTemplate& options) const;
  uint32_t SequenceOf(const Host& host, const Probe& probe, const TcpBehaviour& how,
                      int syn_index) const;
  uint32_t TimestampOf(const Host& host, const Probe& probe, int syn_index) const;
  bool MaySendError(HostCounters& counters, int64_t now_ns) const;

  int64_t start_ns_;
  // The ICMP limit, in ticks of 10 ms; 0: none.
  uint16_t error_period_ = 0;
  uint16_t error_burst_ = 0;
};

// The next IP ID of a plan. `series`: the first of several packets whose numbers will be compared,
// before which counters near their end start over.
uint16_t NextIpId(const IpIdPlan& plan, const Host& host, bool series);

}  // namespace osprey::lab
