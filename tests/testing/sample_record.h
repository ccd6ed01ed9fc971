// SPDX-License-Identifier: Apache-2.0
#pragma once
// A record in which every member is set, for tests of writers, readers and journals.

#include "io/writers/record.h"

namespace osprey::testing {

inline io::Record SampleRecord(uint64_t index = 7, uint32_t revision = 2) {
  io::Record record;
  record.key = {.scan = "5f1c0a9b", .index = index, .revision = revision};
  record.address = "192.0.2.7";
  record.hostname = "printer.example";
  record.mac = "02:00:00:AA:BB:CC";
  record.reason = "syn-ack";
  record.reason_ttl = 64;
  record.start_ms = 1'700'000'000'125;
  record.end_ms = 1'700'000'001'500;
  record.ports = {{.port = 22,
                   .protocol = "tcp",
                   .state = "open",
                   .reason = "syn-ack",
                   .reason_ttl = 64,
                   .service = "ssh"},
                  {.port = 8080,
                   .protocol = "tcp",
                   .state = "closed",
                   .reason = "reset",
                   .reason_ttl = 64,
                   .service = ""}};
  record.ports_not_shown = {
      {.protocol = "tcp", .state = "filtered", .reason = "no-response", .count = 28}};
  record.os.result = io::OsResult::kSuccess;
  record.os.perfect = 1;
  record.os.matches = {
      {.name = "Example OS 2.1 <beta> & \"friends\"",
       .accuracy = 1,
       .db_line = 12,
       .classes = {{.vendor = "Example",
                    .family = "Example OS",
                    .generation = "2.X",
                    .type = "printer",
                    .cpe = {"cpe:/o:example:os:2.1", "cpe:/h:example:p1"}},
                   {.vendor = "Example",
                    .family = "embedded",
                    .generation = "",
                    .type = "printer",
                    .cpe = {"cpe:/h:example:p1"}}}},
      {.name = "Example OS 3", .accuracy = 0.962853, .db_line = 40, .classes = {}}};
  record.os.ports_used = {{.state = "open", .protocol = "tcp", .port = 22},
                          {.state = "closed", .protocol = "tcp", .port = 8080},
                          {.state = "closed", .protocol = "udp", .port = 41411}};
  record.os.losses = {.sequence = 1, .tests = 2};
  record.os.unreliable = "Warning: something";
  record.os.unfit_reason = "Timing level 5 (Insane) used";
  record.os.device_types = {"printer"};
  record.os.running = {"Example OS 2.X", "Example embedded"};
  record.os.cpe = {"cpe:/o:example:os:2.1", "cpe:/h:example:p1"};
  record.os.verdict_lines = {"OS details: Example OS 2.1 <beta> & \"friends\""};
  record.os.fingerprint_block = "OS:SCAN(V=0.1.0%E=4)\nOS:SEQ(SP=0)\n";
  record.os.fingerprint = "SEQ(SP=0)";
  record.uptime = {.seconds = 864'00, .boot_epoch_s = 1'699'913'601};
  record.distance = {.hops = 3, .method = 'I'};
  record.tcp_sequence = {.index = 261, .difficulty = "Good luck!", .values = {0x91C9DF5D, 0, 1}};
  record.ip_id_sequence = {.klass = "All zeros", .values = {0, 0, 0}};
  record.tcp_ts_sequence = {.klass = "none returned (unsupported)", .values = {}};
  record.rtt = {.srtt_us = 40, .variance_us = 31, .timeout_us = 100'000};
  record.rounds = 2;
  record.observation = "AQID";
  record.warnings = {"RST from port 22: is it really open?"};
  return record;
}

}  // namespace osprey::testing
