// SPDX-License-Identifier: Apache-2.0
#pragma once
// One complete measurement of tests/golden/captures: probes and replies as raw IP packets with
// times, and what was concluded from them.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "rapidjson/document.h"

namespace osprey::testing {

struct CapturedReply {
  int64_t received_us = 0;
  std::vector<uint8_t> ip;  // the whole IP packet
};

struct CapturedProbe {
  std::string name;  // SEQ1, ..., U1
  int attempt = 0;   // 0: first transmission
  int64_t sent_us = 0;
  std::vector<uint8_t> ip;
  std::vector<CapturedReply> replies;
};

struct Capture {
  std::string id;
  Ipv4Addr target;
  bool target_is_localhost = false;
  std::optional<std::vector<uint8_t>> target_mac_prefix;
  std::optional<HostOrderPort> open_tcp_port;
  std::optional<HostOrderPort> closed_tcp_port;
  HostOrderPort tcp_base_port = 0;
  uint32_t seq0 = 0;
  uint32_t ack0 = 0;
  uint16_t icmp_id = 0;
  HostOrderPort u1_source_port = 0;
  HostOrderPort u1_destination_port = 0;
  uint8_t u1_ttl = 0;
  uint16_t u1_udp_checksum = 0;
  uint32_t scan_delay_ms = 0;
  std::vector<CapturedProbe> probes;  // in order of sending

  rapidjson::Document json;        // the whole file
  std::vector<std::string> lines;  // expected: the baseline's where it differs
  bool baseline_differs = false;   // the printed block then shows other lines

  const rapidjson::Value& expected() const { return json["expected"]; }
};

// All capture files, sorted by name.
std::vector<std::filesystem::path> CaptureFiles();
Capture ReadCapture(const std::filesystem::path& path);

}  // namespace osprey::testing
