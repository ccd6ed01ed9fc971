// SPDX-License-Identifier: Apache-2.0
#include "tests/testing/capture.h"

#include <algorithm>
#include <utility>

#include "tests/testing/golden.h"

namespace osprey::testing {
namespace {

std::optional<HostOrderPort> Port(const rapidjson::Value& value) {
  if (value.IsNull()) return std::nullopt;
  return static_cast<HostOrderPort>(value.GetUint());
}

CapturedProbe ReadProbe(const rapidjson::Value& value) {
  CapturedProbe probe;
  probe.name = Text(value["probe"]);
  probe.attempt = value["attempt"].GetInt();
  probe.sent_us = value["sent_us"].GetInt64();
  probe.ip = HexBytes(Text(value["ip"]));
  for (const rapidjson::Value& reply : value["replies"].GetArray()) {
    probe.replies.push_back({reply["recv_us"].GetInt64(), HexBytes(Text(reply["ip"]))});
  }
  return probe;
}

void ReadContext(const rapidjson::Value& context, Capture& capture) {
  capture.target = Ipv4Addr::Parse(Text(context["target_ip"])).value();
  capture.target_is_localhost = context["target_is_localhost"].GetBool();
  if (!context["target_mac_prefix"].IsNull()) {
    capture.target_mac_prefix = HexBytes(Text(context["target_mac_prefix"]));
  }
  capture.open_tcp_port = Port(context["open_tcp_port"]);
  capture.closed_tcp_port = Port(context["closed_tcp_port"]);
  capture.tcp_base_port = Port(context["tcp_probe_base_port"]).value();
  capture.seq0 = HexNumber(Text(context["tcp_seq_base"]));
  capture.ack0 = HexNumber(Text(context["tcp_ack"]));
  capture.icmp_id = static_cast<uint16_t>(context["icmp_echo_id"].GetUint());
  const rapidjson::Value& udp = context["udp_probe"];
  capture.u1_source_port = Port(udp["sport"]).value();
  capture.u1_destination_port = Port(udp["dport"]).value();
  capture.u1_ttl = static_cast<uint8_t>(udp["ttl"].GetUint());
  capture.u1_udp_checksum = static_cast<uint16_t>(HexNumber(Text(udp["udp_checksum"])));
  capture.scan_delay_ms = context["scan_delay_ms"].GetUint();
}

}  // namespace

std::vector<std::filesystem::path> CaptureFiles() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(GoldenPath("captures"))) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

Capture ReadCapture(const std::filesystem::path& path) {
  Capture capture;
  capture.json = ReadJson(path);
  capture.id = Text(capture.json["id"]);
  ReadContext(capture.json["context"], capture);
  for (const rapidjson::Value& probe : capture.json["probes"].GetArray()) {
    capture.probes.push_back(ReadProbe(probe));
  }
  const rapidjson::Value& expected = capture.expected();
  capture.baseline_differs = expected.HasMember("baseline_lines");
  capture.lines = Strings(expected[capture.baseline_differs ? "baseline_lines" : "lines"]);
  return capture;
}

}  // namespace osprey::testing
