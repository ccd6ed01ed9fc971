// SPDX-License-Identifier: Apache-2.0
#pragma once
// Ethernet II frames. Sent without a tag or with one of 802.1Q; on receive 802.1Q and 802.1ad tags
// are skipped.

#include <cstdint>

#include "base/address.h"
#include "io/wire/bytes.h"

namespace osprey::io::wire {

inline constexpr size_t kEthernetBytes = 14;
inline constexpr size_t kVlanBytes = 4;
inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeVlan = 0x8100;
inline constexpr uint16_t kEtherTypeQinq = 0x88A8;
inline constexpr MacAddr kBroadcastMac{{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}};

struct EthernetHeader {
  MacAddr destination{};
  MacAddr source{};
  uint16_t type = 0;  // of the payload, behind any tags
};

// Returns the length of the header with its tags (at most two are skipped), or 0 if the frame is
// shorter than that.
inline size_t LoadEthernet(ConstBytes frame, EthernetHeader& out) {
  if (frame.size() < kEthernetBytes) return 0;
  size_t length = kEthernetBytes;
  out.destination = LoadMac(frame.data());
  out.source = LoadMac(frame.data() + 6);
  out.type = Load16(frame.data() + 12);
  for (int tags = 0; tags < 2; ++tags) {
    if (out.type != kEtherTypeVlan && out.type != kEtherTypeQinq) break;
    length += kVlanBytes;
    if (frame.size() < length) return 0;
    out.type = Load16(frame.data() + length - 2);
  }
  return length;
}

// Writes kEthernetBytes bytes, and a tag of kVlanBytes if `vlan` is not 0. Returns how many.
inline size_t StoreEthernet(const EthernetHeader& header, std::byte* to, uint16_t vlan = 0) {
  StoreMac(to, header.destination);
  StoreMac(to + 6, header.source);
  if (vlan == 0) {
    Store16(to + 12, header.type);
    return kEthernetBytes;
  }
  Store16(to + 12, kEtherTypeVlan);
  Store16(to + 14, vlan);
  Store16(to + 16, header.type);
  return kEthernetBytes + kVlanBytes;
}

}  // namespace osprey::io::wire
