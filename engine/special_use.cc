// SPDX-License-Identifier: Apache-2.0
#include "engine/special_use.h"

#include <algorithm>
#include <array>

namespace osprey {
namespace {

constexpr SpecialRange Range(uint32_t a, uint32_t b, uint32_t c, int bits, SpecialClass kind,
                             std::string_view cidr, std::string_view name) {
  const uint32_t first = a << 24 | b << 16 | c << 8;
  return {{first, first | 0xFFFFFFFFu >> bits}, kind, cidr, name};
}

using enum SpecialClass;

constexpr auto kRanges = std::to_array<SpecialRange>({
    Range(0, 0, 0, 8, kNotUnicast, "0.0.0.0/8", "this network"),
    Range(10, 0, 0, 8, kPrivate, "10.0.0.0/8", "private use"),
    Range(100, 64, 0, 10, kPrivate, "100.64.0.0/10", "shared address space"),
    Range(127, 0, 0, 8, kLocal, "127.0.0.0/8", "loopback"),
    Range(169, 254, 0, 16, kLocal, "169.254.0.0/16", "link-local"),
    Range(172, 16, 0, 12, kPrivate, "172.16.0.0/12", "private use"),
    Range(192, 0, 0, 24, kTesting, "192.0.0.0/24", "protocol assignments"),
    Range(192, 0, 2, 24, kTesting, "192.0.2.0/24", "documentation"),
    Range(192, 88, 99, 24, kTesting, "192.88.99.0/24", "6to4 relay anycast"),
    Range(192, 168, 0, 16, kPrivate, "192.168.0.0/16", "private use"),
    Range(198, 18, 0, 15, kTesting, "198.18.0.0/15", "benchmarking"),
    Range(198, 51, 100, 24, kTesting, "198.51.100.0/24", "documentation"),
    Range(203, 0, 113, 24, kTesting, "203.0.113.0/24", "documentation"),
    Range(224, 0, 0, 4, kNotUnicast, "224.0.0.0/4", "multicast"),
    {{0xF0000000, 0xFFFFFFFE}, kNotUnicast, "240.0.0.0/4", "reserved"},
    {{0xFFFFFFFF, 0xFFFFFFFF}, kNotUnicast, "255.255.255.255", "broadcast"},
});

constexpr bool IsSortedAndDisjoint() {
  for (size_t i = 1; i < kRanges.size(); ++i) {
    if (kRanges[i].range.first <= kRanges[i - 1].range.last) return false;
  }
  return true;
}
static_assert(IsSortedAndDisjoint());

}  // namespace

std::span<const SpecialRange> SpecialRanges() { return kRanges; }

const SpecialRange* FindSpecial(Ipv4Addr addr) noexcept {
  const auto* found =
      std::lower_bound(kRanges.begin(), kRanges.end(), addr.host_order,
                       [](const SpecialRange& range, uint32_t a) { return range.range.last < a; });
  if (found == kRanges.end() || !found->range.Contains(addr.host_order)) return nullptr;
  return found;
}

}  // namespace osprey
