// SPDX-License-Identifier: Apache-2.0
#pragma once
// A capture played back to an observation.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "io/wire/parse.h"
#include "matcher/host_facts.h"
#include "matcher/observation.h"
#include "matcher/probe_id.h"
#include "tests/testing/capture.h"

namespace osprey::testing {

// Feeds a capture to an observation as the engine would: in order of time, attributing replies by
// the round's ports and identifiers.
class Replayer {
 public:
  explicit Replayer(const Capture& capture) : capture_(capture) {
    round_.Begin({.seq0 = capture.seq0,
                  .ack0 = capture.ack0,
                  .u1_udp_checksum = capture.u1_udp_checksum,
                  .u1_ttl = capture.u1_ttl});
    facts_.open_tcp_port = capture.open_tcp_port;
    facts_.closed_tcp_port = capture.closed_tcp_port;
    facts_.is_localhost = capture.target_is_localhost;
    facts_.scan_delay_ms = capture.scan_delay_ms;
    if (capture.target_mac_prefix) {
      facts_.mac_known = true;
      std::copy_n(capture.target_mac_prefix->begin(), 3, facts_.mac_prefix.begin());
    }
  }

  // `print_time_s`: when the fingerprint was printed, the only absolute time in the file.
  void Run(int64_t print_time_s) {
    struct Event {
      int64_t time_us;
      const CapturedProbe* probe;
      const CapturedReply* reply;  // nullptr: the probe is sent
    };
    std::vector<Event> events;
    for (const CapturedProbe& probe : capture_.probes) {
      events.push_back({probe.sent_us, &probe, nullptr});
      for (const auto& reply : probe.replies) events.push_back({reply.received_us, &probe, &reply});
    }
    std::stable_sort(events.begin(), events.end(),
                     [](const Event& a, const Event& b) { return a.time_us < b.time_us; });
    for (const Event& event : events) {
      if (event.reply == nullptr) {
        Send(*event.probe, print_time_s);
      } else {
        Receive(event.reply->ip);
      }
    }
    facts_.AbsorbRound(round_, capture_.u1_destination_port);
  }

  const matcher::Observation& round() const { return round_; }
  const matcher::HostFacts& facts() const { return facts_; }

 private:
  static constexpr int64_t kClockStart = 123'456'789'012'345;  // any monotonic time

  void Send(const CapturedProbe& probe, int64_t print_time_s) {
    const auto it =
        std::find(std::begin(matcher::kProbeNames), std::end(matcher::kProbeNames), probe.name);
    ASSERT_NE(it, std::end(matcher::kProbeNames)) << probe.name;
    const auto index = static_cast<size_t>(it - std::begin(matcher::kProbeNames));
    ++transmissions_[index];
    if (index < matcher::Observation::kSeqCount) {
      round_.NoteSeqSent(static_cast<int>(index), kClockStart + probe.sent_us * 1000,
                         print_time_s * 1'000'000'000 + probe.sent_us * 1000);
    }
  }

  void Receive(const std::vector<uint8_t>& ip) {
    io::wire::Reply reply;
    const io::wire::ParseOutcome outcome =
        io::wire::Parse(std::as_bytes(std::span(ip)), io::LinkLayer::kNone, reply);
    if (outcome != io::wire::ParseOutcome::kAccepted || reply.source != capture_.target) return;
    if (reply.kind == io::wire::ReplyKind::kTcp) {
      const size_t offset =
          static_cast<uint16_t>(reply.tcp.destination_port - capture_.tcp_base_port);
      if (offset < matcher::kTcpProbeCount) round_.RecordTcp(offset, reply.tcp.answer);
    } else if (reply.kind == io::wire::ReplyKind::kEcho) {
      const int which = static_cast<uint16_t>(reply.echo.id - capture_.icmp_id);
      if (which > 1) return;
      const size_t probe = matcher::Index(matcher::ProbeId::kIe1) + static_cast<size_t>(which);
      round_.RecordEcho(which, reply.echo.answer, transmissions_[probe] == 1);
    } else if (reply.kind == io::wire::ReplyKind::kIcmpError && IsU1Reply(reply.icmp)) {
      round_.RecordUnreachable(reply.icmp.answer);
    }
  }

  bool IsU1Reply(const io::wire::IcmpError& error) const {
    return error.type == 3 && error.code == 3 && error.quotes_udp_header &&
           error.quoted_source_port == capture_.u1_source_port &&
           error.quoted_destination_port == capture_.u1_destination_port;
  }

  const Capture& capture_;
  matcher::Observation round_;
  matcher::HostFacts facts_;
  std::array<int, matcher::kProbeCount> transmissions_{};
};

}  // namespace osprey::testing
