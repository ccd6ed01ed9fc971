// SPDX-License-Identifier: Apache-2.0
#include "io/writers/ndjson_writer.h"

#include "io/writers/record_json.h"

namespace osprey::io {
namespace {

void RenderPorts(const Record& record, JsonLine& json) {
  json.BeginArray("ports");
  for (const PortRecord& port : record.ports) {
    json.BeginObject();
    json.Member("proto", port.protocol);
    json.Member("port", uint32_t{port.port});
    json.Member("state", port.state);
    json.MemberIfAny("reason", port.reason);
    if (port.reason_ttl != 0) json.Member("ttl", port.reason_ttl);
    json.MemberIfAny("service", port.service);
    json.EndObject();
  }
  json.EndArray();
  if (record.ports_not_shown.empty()) return;
  json.BeginArray("ports_not_shown");
  for (const PortGroup& group : record.ports_not_shown) {
    json.BeginObject();
    json.Member("proto", group.protocol);
    json.Member("state", group.state);
    json.MemberIfAny("reason", group.reason);
    json.Member("count", group.count);
    json.EndObject();
  }
  json.EndArray();
}

void RenderUsedPorts(const OsRecord& os, JsonLine& json) {
  json.BeginArray("ports_used");
  for (const UsedPort& port : os.ports_used) {
    json.BeginObject();
    json.Member("proto", port.protocol);
    json.Member("port", uint32_t{port.port});
    json.Member("state", port.state);
    json.EndObject();
  }
  json.EndArray();
}

void RenderOs(const OsRecord& os, JsonLine& json) {
  json.BeginObject("os");
  json.Member("result", OsResultName(os.result));
  json.Member("perfect", os.perfect);
  json.BeginArray("matches");
  for (const OsMatchRecord& match : os.matches) RenderMatch(match, ClassCpe::kInClasses, json);
  json.EndArray();
  RenderUsedPorts(os, json);
  if (os.losses) {
    json.BeginObject("losses");
    json.Member("sequence", os.losses->sequence);
    json.Member("tests", os.losses->tests);
    json.EndObject();
  }
  json.MemberIfAny("unreliable", os.unreliable);
  json.MemberIfAny("unfit", os.unfit_reason);
  if (!os.device_types.empty()) json.Array("device_types", os.device_types);
  if (!os.running.empty()) {
    json.Array("running", os.running);
    json.Member("running_is_guess", os.running_is_guess);
  }
  if (!os.cpe.empty()) json.Array("cpe", os.cpe);
  if (!os.verdict_lines.empty()) json.Array("verdict", os.verdict_lines);
  json.MemberIfAny("printed_fingerprint", os.fingerprint_block);
  json.MemberIfAny("fingerprint", os.fingerprint);
  json.EndObject();
}

void RenderSequences(const Record& record, JsonLine& json) {
  if (record.tcp_sequence) {
    json.BeginObject("tcp_sequence");
    json.Member("index", record.tcp_sequence->index);
    json.Member("difficulty", record.tcp_sequence->difficulty);
    json.Array("values", record.tcp_sequence->values);
    json.EndObject();
  }
  const auto classed = [&](const char* key, const std::optional<ClassSequenceRecord>& sequence) {
    if (!sequence) return;
    json.BeginObject(key);
    json.Member("class", sequence->klass);
    json.Array("values", sequence->values);
    json.EndObject();
  };
  classed("ip_id_sequence", record.ip_id_sequence);
  classed("tcp_ts_sequence", record.tcp_ts_sequence);
}

void RenderMeasures(const Record& record, JsonLine& json) {
  if (record.uptime) {
    json.BeginObject("uptime");
    json.Member("seconds", record.uptime->seconds);
    json.Member("boot_s", record.uptime->boot_epoch_s);
    json.EndObject();
  }
  if (record.distance) {
    json.BeginObject("distance");
    json.Member("hops", record.distance->hops);
    json.Member("method", std::string_view(&record.distance->method, 1));
    json.EndObject();
  }
  RenderSequences(record, json);
  if (record.rtt) {
    json.BeginObject("rtt");
    json.Member("srtt_us", record.rtt->srtt_us);
    json.Member("variance_us", record.rtt->variance_us);
    json.Member("timeout_us", record.rtt->timeout_us);
    json.EndObject();
  }
}

void RenderIdentity(const Record& record, JsonLine& json) {
  json.Member("v", kRecordVersion);
  json.Member("scan", record.key.scan);
  json.Member("index", record.key.index);
  json.Member("rev", record.key.revision);
  json.Member("ip", record.address);
  json.MemberIfAny("hostname", record.hostname);
  if (record.user_name) json.Member("hostname_from", "user");
  json.MemberIfAny("mac", record.mac);
  json.Member("state", record.state);
  json.MemberIfAny("reason", record.reason);
  if (record.reason_ttl != 0) json.Member("ttl", record.reason_ttl);
  json.Member("start_ms", record.start_ms);
  json.Member("end_ms", record.end_ms);
}

}  // namespace

void RenderRecord(const Record& record, JsonLine& line) {
  line.Clear();
  line.BeginObject();
  RenderIdentity(record, line);
  RenderPorts(record, line);
  RenderOs(record.os, line);
  RenderMeasures(record, line);
  line.Member("rounds", record.rounds);
  if (!record.warnings.empty()) line.Array("warnings", record.warnings);
  line.MemberIfAny("observation", record.observation);
  line.EndObject();
  line.EndLine();
}

absl::Status NdjsonWriter::Begin(const ScanInfo&) { return absl::OkStatus(); }

absl::Status NdjsonWriter::Write(const Record& record) {
  RenderRecord(record, line_);
  return sink_.Write(line_.view());
}

absl::Status NdjsonWriter::Finish(const ScanSummary&) { return sink_.Flush(); }

}  // namespace osprey::io
