// SPDX-License-Identifier: Apache-2.0
#pragma once
// The emulated network as a function from a frame (or packet) to the one that answers it: ARP,
// middleboxes, hosts. What delays, loses or repeats frames is elsewhere (channel.h).
//
// One thread. Nothing allocates or blocks; every frame that is not answered is counted by reason.

#include <cstdint>
#include <span>

#include "base/address.h"
#include "io/wire/ethernet.h"
#include "tools/lab/boxes.h"
#include "tools/lab/host_stack.h"
#include "tools/lab/world.h"

namespace osprey::lab {

struct ResponderCounters {
  uint64_t frames = 0;
  uint64_t answered = 0;
  uint64_t arp_answered = 0;
  uint64_t not_ours = 0;   // other protocols and addresses outside the world
  uint64_t malformed = 0;  // short, bad lengths
  uint64_t fragments = 0;
  uint64_t no_host = 0;   // nothing at the address
  uint64_t silent = 0;    // the host, or a box in front of it, does not answer
  uint64_t too_long = 0;  // the answer fits no frame
};

class Responder {
 public:
  // `gateway` answers ARP in front of the world (not used on-link) and signs what boxes reject.
  // `world` outlives the responder.
  Responder(World& world, Ipv4Addr gateway, int64_t start_ns);

  // Returns the length of the answer in `out`, 0 if there is none.
  size_t Handle(std::span<const std::byte> frame, int64_t arrival_ns, std::span<std::byte> out);
  // The same for links without Ethernet header: from IP packet to IP packet.
  size_t HandlePacket(std::span<const std::byte> packet, int64_t arrival_ns,
                      std::span<std::byte> out);

  const ResponderCounters& counters() const { return counters_; }

 private:
  size_t HandleArp(std::span<const std::byte> packet, std::span<std::byte> out);
  size_t AnswerPacket(std::span<const std::byte> packet, int64_t arrival_ns,
                      std::span<std::byte> out);
  bool Decide(const Probe& probe);
  size_t Count(ReadResult result);

  World& world_;
  Ipv4Addr gateway_;
  HostStack stack_;
  Boxes boxes_;
  ResponderCounters counters_;
  Reply reply_;
};

// The link address of a host on its own link, and of the gateway.
MacAddr MacOf(Ipv4Addr address);

}  // namespace osprey::lab
