// SPDX-License-Identifier: Apache-2.0
#include "tools/osprey/scan_status.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

namespace osprey::tools {
namespace {

using engine::LaneCounter;
using engine::ReceiverCounter;
using io::wire::ParseOutcome;
using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

constexpr int64_t kUpdateNs = kNsPerSecond;

uint64_t Sum(const engine::Scan& scan, LaneCounter which) {
  uint64_t sum = 0;
  for (const auto& lane : scan.lanes()) sum += lane->counters()[which];
  return sum;
}

void Field(JsonWriter& json, std::string_view name, uint64_t value) {
  json.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
  json.Uint64(value);
}

void Field(JsonWriter& json, std::string_view name, std::string_view value) {
  json.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
  json.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

template <class Enum, class Names>
void Fields(JsonWriter& json, const CounterSet<Enum>& counters, const Names& names) {
  for (size_t i = 0; i < CounterSet<Enum>::kSize; ++i) {
    Field(json, names[i], counters[static_cast<Enum>(i)]);
  }
}

void AddSequenceLateness(const engine::Scan& scan, LatenessHistogram& all) {
  for (const auto& lane : scan.lanes()) all.Merge(lane->sequence_lateness());
}

void LatenessJson(JsonWriter& json, const engine::Scan& scan) {
  LatenessHistogram lateness;
  AddSequenceLateness(scan, lateness);
  json.StartObject();
  Field(json, "gaps", lateness.count());
  for (const auto& [name, share] : {std::pair{"p50_ns", 0.5},
                                    {"p90_ns", 0.9},
                                    {"p99_ns", 0.99},
                                    {"p999_ns", 0.999},
                                    {"most_ns", 1.0}}) {
    Field(json, name, static_cast<uint64_t>(lateness.Quantile(share)));
  }
  json.EndObject();
}

void LaneJson(JsonWriter& json, const engine::Lane& lane, const engine::Network& network) {
  json.StartObject();
  Fields(json, lane.counters(), engine::kLaneCounterNames);
  Field(json, "most_in_flight", lane.most_in_flight());
  json.Key("rings");
  json.StartArray();
  for (size_t i = 0; i < lane.rings().size(); ++i) {
    const io::SendRing& ring = *lane.rings()[i];
    const io::SendCounters& c = ring.counters();
    json.StartObject();
    Field(json, "link", network.link(i).name);
    Field(json, "ring", ring.name());
    Field(json, "submitted", c.submitted);
    Field(json, "sent", c.sent);
    Field(json, "no_buffers", c.no_buffers);
    Field(json, "failed", c.failed);
    Field(json, "system_calls", c.system_calls);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

void ReceiverJson(JsonWriter& json, const engine::Receiver& receiver, const std::string& link) {
  json.StartObject();
  Field(json, "link", link);
  Field(json, "ring", receiver.ring_name());
  Fields(json, receiver.counters(), engine::kReceiverCounterNames);
  json.Key("outcomes");
  json.StartObject();
  for (size_t i = 0; i < CounterSet<ParseOutcome>::kSize; ++i) {
    const auto outcome = static_cast<ParseOutcome>(i);
    Field(json, io::wire::ParseOutcomeName(outcome), receiver.outcomes()[outcome]);
  }
  json.EndObject();
  json.EndObject();
}

}  // namespace

ProgressLine::ProgressLine(const engine::Scan* scan, const Clock* clock)
    : scan_(scan),
      clock_(clock),
      terminal_(isatty(STDERR_FILENO) == 1),
      started_ns_(clock->MonotonicNs()),
      next_ns_(started_ns_ + kUpdateNs),
      last_ns_(started_ns_) {}

void ProgressLine::Update() {
  const int64_t now = clock_->MonotonicNs();
  if (!terminal_ || now < next_ns_) return;
  next_ns_ = now + kUpdateNs;
  const engine::ScanProgress p = scan_->progress();
  const double done =
      p.end == 0 ? 1 : std::min(1.0, static_cast<double>(p.position) / static_cast<double>(p.end));
  const double elapsed = static_cast<double>(now - started_ns_) / 1e9;
  const double rate =
      static_cast<double>(p.packets_sent - last_sent_) * 1e9 / static_cast<double>(now - last_ns_);
  last_sent_ = p.packets_sent;
  last_ns_ = now;
  std::string line =
      absl::StrFormat("%5.1f%% probed, %d up, %d named, %d in flight, %.0f packets/s", done * 100,
                      p.alive, p.finished, p.in_flight, rate);
  if (p.rate > 0) absl::StrAppendFormat(&line, " of at most %.0f", p.rate);
  if (done > 0.01 && done < 1) {
    absl::StrAppendFormat(&line, ", %.0f s left", elapsed / done * (1 - done));
  }
  if (!p.admitting) absl::StrAppend(&line, ", outside the scan window");
  if (p.capture_drops > 0) absl::StrAppend(&line, ", ", p.capture_drops, " replies DROPPED");
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
  shown_ = true;
}

void ProgressLine::Clear() {
  if (shown_) std::fputs("\r\033[K", stderr);
  shown_ = false;
}

std::string ScanSummaryText(const engine::Scan& scan, const engine::Network& network) {
  std::string text = absl::StrFormat(
      "Sent: %d discovery, %d port, %d SEQ, %d other OS probes, %d resets, %d resets by the "
      "kernel; "
      "refused by the kernel: %d\n",
      Sum(scan, LaneCounter::kSentDiscovery), Sum(scan, LaneCounter::kSentPorts),
      Sum(scan, LaneCounter::kSentSequence), Sum(scan, LaneCounter::kSentTests),
      Sum(scan, LaneCounter::kSentResets), Sum(scan, LaneCounter::kKernelResets),
      Sum(scan, LaneCounter::kUnsent));
  for (const auto& lane : scan.lanes()) {
    for (size_t i = 0; i < lane->rings().size(); ++i) {
      const io::SendRing& ring = *lane->rings()[i];
      absl::StrAppendFormat(&text, "  %s through %s: %d frames in %d system calls\n",
                            network.link(i).name, std::string(ring.name()), ring.counters().sent,
                            ring.counters().system_calls);
    }
  }
  absl::StrAppendFormat(
      &text, "Replies: %d; late %d, forged %d, duplicate %d, from routers %d\n",
      Sum(scan, LaneCounter::kRepliesIn), Sum(scan, LaneCounter::kReplyLate),
      Sum(scan, LaneCounter::kReplyForged),
      Sum(scan, LaneCounter::kReplyProbeDuplicate) + Sum(scan, LaneCounter::kReplyPortDuplicate),
      Sum(scan, LaneCounter::kReplyRouterError));
  for (const auto& each : scan.receivers()) {
    const engine::Receiver& receiver = *each;
    const uint64_t frames = receiver.counters()[ReceiverCounter::kFrames];
    const uint64_t forwarded = receiver.counters()[ReceiverCounter::kForwarded];
    absl::StrAppendFormat(&text,
                          "  %s: %d frames, %d not ours or malformed, %d dropped by the kernel\n",
                          receiver.link_name(), frames, frames - forwarded,
                          receiver.counters()[ReceiverCounter::kKernelDrops]);
  }
  uint64_t most_in_flight = 0;
  for (const auto& lane : scan.lanes()) most_in_flight += lane->most_in_flight();
  absl::StrAppendFormat(&text,
                        "Hosts: %d up, %d measured, %d rounds, %d with lost answers, %d measured "
                        "again, at most %d in "
                        "flight\n",
                        Sum(scan, LaneCounter::kHostsAdmitted),
                        Sum(scan, LaneCounter::kHostsMatched), Sum(scan, LaneCounter::kRoundsDone),
                        Sum(scan, LaneCounter::kRoundsWithLosses),
                        Sum(scan, LaneCounter::kRoundsRemeasured), most_in_flight);
  LatenessHistogram lateness;
  AddSequenceLateness(scan, lateness);
  if (lateness.count() > 0) {
    const auto us = [&](double share) {
      return static_cast<double>(lateness.Quantile(share)) / 1e3;
    };
    absl::StrAppendFormat(&text,
                          "SEQ spacing: %d gaps, later than wanted by at most %.0f us in half of "
                          "them, %.0f us in 90 %%, %.0f us in 99 %%, %.0f us in 99.9 %%, %.0f us\n",
                          lateness.count(), us(0.5), us(0.9), us(0.99), us(0.999), us(1));
  }
  return text;
}

std::string CountersJson(const engine::Scan& scan, const engine::Network& network) {
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartObject();
  json.Key("lanes");
  json.StartArray();
  for (const auto& lane : scan.lanes()) LaneJson(json, *lane, network);
  json.EndArray();
  json.Key("receivers");
  json.StartArray();
  for (const auto& receiver : scan.receivers()) {
    ReceiverJson(json, *receiver, receiver->link_name());
  }
  json.EndArray();
  json.Key("matchers");
  json.StartArray();
  for (const auto& shard : scan.shards()) {
    json.StartObject();
    Fields(json, shard->counters(), engine::kShardCounterNames);
    json.EndObject();
  }
  json.EndArray();
  json.Key("sequence_lateness");
  LatenessJson(json, scan);
  json.Key("collector");
  json.StartObject();
  Fields(json, scan.collector().counters(), engine::kCollectorCounterNames);
  json.EndObject();
  json.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

}  // namespace osprey::tools
