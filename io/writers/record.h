// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is known about one host, as plain strings and numbers: the neutral form between the engine,
// which decides what is said (engine/report), and the writers, which decide how it looks.
//
// Everything that sections 6, 7 and 8 of docs/os-detection.md print for one host is here; nothing
// here knows what a probe, a fingerprint or a database is. A plain value: copy and move freely.
// Text is expected to be UTF-8; writers replace what is not (io/writers/text.h).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace osprey::io {

// Names a record for ever: the same target measured again has a higher revision, and the highest
// one counts.
struct RecordKey {
  std::string scan;    // id of the scan
  uint64_t index = 0;  // of the target, in the scan's target set
  uint32_t revision = 0;

  friend bool operator==(const RecordKey&, const RecordKey&) = default;
};

struct PortRecord {
  uint16_t port = 0;
  std::string protocol = "tcp";  // "tcp" or "udp"
  std::string state;             // "open", "closed", "filtered", "unfiltered", "open|filtered"
  std::string reason;            // "syn-ack", "reset", "no-response", ...
  uint32_t reason_ttl = 0;       // of the answer; 0 without one
  std::string service;           // usual name of the port; empty if it has none

  friend bool operator==(const PortRecord&, const PortRecord&) = default;
};

// Probed ports that are only counted because they are many and of one uninteresting state.
struct PortGroup {
  std::string protocol = "tcp";
  std::string state;
  std::string reason;
  uint32_t count = 0;

  friend bool operator==(const PortGroup&, const PortGroup&) = default;
};

// A port that OS detection used and remembered (2.1).
struct UsedPort {
  std::string state;  // "open" or "closed"
  std::string protocol = "tcp";
  uint16_t port = 0;

  friend bool operator==(const UsedPort&, const UsedPort&) = default;
};

struct OsClassRecord {
  std::string vendor;
  std::string family;
  std::string generation;  // empty: none
  std::string type;
  std::vector<std::string> cpe;

  friend bool operator==(const OsClassRecord&, const OsClassRecord&) = default;
};

struct OsMatchRecord {
  std::string name;
  double accuracy = 0;   // 0..1
  uint32_t db_line = 0;  // line of the reference in the database file, from 1
  std::vector<OsClassRecord> classes;

  friend bool operator==(const OsMatchRecord&, const OsMatchRecord&) = default;
};

// Signs of loss in the round that counts: see os.losses in docs/output.md.
struct LossRecord {
  uint32_t sequence = 0;  // SEQ probes
  uint32_t tests = 0;     // all others

  friend bool operator==(const LossRecord&, const LossRecord&) = default;
};

enum class OsResult : uint8_t { kNotMeasured, kSuccess, kNoMatches, kTooManyMatches };

struct OsRecord {
  OsResult result = OsResult::kNotMeasured;
  uint32_t perfect = 0;                // perfect matches found, listed or not
  std::vector<OsMatchRecord> matches;  // those to be listed (7.5), best first
  std::vector<UsedPort> ports_used;    // order: open TCP, closed TCP, closed UDP

  std::optional<LossRecord> losses;  // if there are any
  std::string unreliable;            // the warning of 2.2, or empty
  std::string unfit_reason;          // first reason of 6.1, or empty

  // The three lines of 7.1; all empty when they are not printed.
  std::vector<std::string> device_types;
  std::vector<std::string> running;  // each with its " (P%)" where it has one
  bool running_is_guess = false;
  std::vector<std::string> cpe;

  // The texts of 6.2 and 7.2, whole lines in order ("OS details: ...").
  std::vector<std::string> verdict_lines;

  // The block of 6.2 as printed, wrapped or not, every row ended by a newline. Empty: not printed.
  std::string fingerprint_block;
  // The measured lines of the round that counts, joined without separators and without SCAN.
  std::string fingerprint;

  friend bool operator==(const OsRecord&, const OsRecord&) = default;
};

struct TcpSequenceRecord {
  uint32_t index = 0;      // SP, decimal
  std::string difficulty;  // text of 7.4
  std::vector<uint32_t> values;

  friend bool operator==(const TcpSequenceRecord&, const TcpSequenceRecord&) = default;
};

struct ClassSequenceRecord {
  std::string klass;             // text of 7.4
  std::vector<uint32_t> values;  // empty: none shown

  friend bool operator==(const ClassSequenceRecord&, const ClassSequenceRecord&) = default;
};

struct UptimeRecord {
  int64_t seconds = 0;
  int64_t boot_epoch_s = 0;  // seconds since 1970

  friend bool operator==(const UptimeRecord&, const UptimeRecord&) = default;
};

struct DistanceRecord {
  int32_t hops = 0;
  char method = 'I';  // L this host, D same link, I from the UDP answer, T traceroute

  friend bool operator==(const DistanceRecord&, const DistanceRecord&) = default;
};

struct RttRecord {
  int64_t srtt_us = 0;
  int64_t variance_us = 0;
  int64_t timeout_us = 0;

  friend bool operator==(const RttRecord&, const RttRecord&) = default;
};

struct Record {
  RecordKey key;

  std::string address;
  std::string hostname;    // empty: none known
  bool user_name = false;  // `hostname` is what the user typed, not a reverse lookup
  std::string mac;         // "AA:BB:CC:DD:EE:FF" or empty
  std::string state = "up";
  std::string reason;  // why it is thought to be up: "syn-ack", "echo-reply", "user-set", ...
  uint32_t reason_ttl = 0;
  int64_t start_ms = 0;  // first packet to the host, milliseconds since 1970
  int64_t end_ms = 0;    // verdict

  std::vector<PortRecord> ports;  // by protocol, then number
  std::vector<PortGroup> ports_not_shown;

  OsRecord os;
  std::optional<UptimeRecord> uptime;
  std::optional<DistanceRecord> distance;
  std::optional<TcpSequenceRecord> tcp_sequence;
  std::optional<ClassSequenceRecord> ip_id_sequence;
  std::optional<ClassSequenceRecord> tcp_ts_sequence;
  std::optional<RttRecord> rtt;

  uint32_t rounds = 0;                // measured
  std::string observation;            // compact measurement of the round that counts, or empty
  std::vector<std::string> warnings;  // anything else a person should read about this host

  friend bool operator==(const Record&, const Record&) = default;
};

// Names used in every format.
const char* OsResultName(OsResult result);  // "not_measured", "success", ...

// floor(accuracy * 100) in double precision, as all percentages are cut (7.2).
inline int Percent(double accuracy) { return static_cast<int>(accuracy * 100); }

}  // namespace osprey::io
