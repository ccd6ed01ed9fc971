// SPDX-License-Identifier: Apache-2.0
#pragma once
// Ethernet II frames. Sent without a tag; on receive 802.1Q and 802.1ad tags are skipped.

#include <cstdint>

#include "base/address.h"
#include "io/wire/bytes.h"

namespace osprey::io::wire {

inline constexpr size_t kEthernetBytes = 14;
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
  constexpr size_t kTagBytes = 4;
  if (frame.size() < kEthernetBytes) return 0;
  size_t length = kEthernetBytes;
  out.destination = LoadMac(frame.data());
  out.source = LoadMac(frame.data() + 6);
  out.type = Load16(frame.data() + 12);
  for (int tags = 0; tags < 2; ++tags) {
    if (out.type != kEtherTypeVlan && out.type != kEtherTypeQinq) break;
    length += kTagBytes;
    if (frame.size() < length) return 0;
    out.type = Load16(frame.data() + length - 2);
  }
  return length;
}

// Writes kEthernetBytes bytes.
inline void StoreEthernet(const EthernetHeader& header, std::byte* to) {
  StoreMac(to, header.destination);
  StoreMac(to + 6, header.source);
  Store16(to + 12, header.type);
}

}  // namespace osprey::io::wire
