// SPDX-License-Identifier: Apache-2.0
#pragma once
// Hosts for simulated scans: what each address is, and how it answers a packet. Written from the
// probes' description (docs/os-detection.md, section 1) alone, without the engine's code.
//
// Model: a pure function of (seed, address) says whether a host lives there, what it runs, which
// ports it has and how many routers lie before it; an answer is a function of that, the packet and
// the time. The only state is the host's counter of IP IDs. One thread. Host byte order.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.h"
#include "io/fake_wire.h"
#include "tests/testing/frame_builder.h"

namespace osprey::testing {

enum class Personality : uint8_t {
  kLinux,
  kWindows,
  kEmbedded,      // one constant IP ID, no timestamps, quotes 28 bytes
  kIcmpSilent,    // answers neither echo requests nor UDP
  kNoClosedPort,  // a firewall rejects by ICMP all but the open port
  kNoOpenPort,
  kCount,
};

// What lives at an address.
struct HostNature {
  bool alive = false;
  Personality personality = Personality::kLinux;
  uint8_t routers = 0;  // on the way
};

HostNature NatureOf(uint64_t seed, Ipv4Addr address, double alive_share, bool on_link);

// The name that SimulatedDatabase() gives to a personality.
std::string_view PersonalityName(Personality personality);

// References that match the personalities perfectly, in the grammar of docs/os-detection.md,
// section 4. All points are invented.
std::string_view SimulatedDatabase();

// Lets the host answer `probe`. `ip_id` is the host's counter.
void AnswerAs(const HostNature& nature, uint64_t seed, const SeenProbe& probe, int64_t now_ns,
              uint16_t& ip_id, io::ReplySink& sink);

}  // namespace osprey::testing
