// SPDX-License-Identifier: Apache-2.0
#pragma once
// What stands in front of the IP header in the frames of a link.

#include <cstddef>
#include <cstdint>

namespace osprey::io {

enum class LinkLayer : uint8_t {
  kEthernet,  // 14 bytes
  kNone,      // layer-3 device (tun), or raw IP through the kernel's routing
};

// Bytes in front of the IP header in a frame that we send, with or without a VLAN tag.
constexpr size_t HeaderBytes(LinkLayer layer, bool tagged = false) {
  return layer != LinkLayer::kEthernet ? 0 : tagged ? 18 : 14;
}

}  // namespace osprey::io
