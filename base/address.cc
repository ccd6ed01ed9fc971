// SPDX-License-Identifier: Apache-2.0
#include "base/address.h"

#include "absl/strings/str_format.h"

namespace osprey {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

absl::StatusOr<Ipv4Addr> Ipv4Addr::Parse(std::string_view text) {
  const auto bad = [&] {
    return absl::InvalidArgumentError(absl::StrFormat("\"%s\" is not an IPv4 address", text));
  };
  uint32_t address = 0;
  size_t at = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && (at >= text.size() || text[at++] != '.')) return bad();
    const size_t start = at;
    uint32_t value = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9' && at - start < 3) {
      value = value * 10 + static_cast<uint32_t>(text[at++] - '0');
    }
    const bool leading_zero = at - start > 1 && text[start] == '0';
    if (at == start || leading_zero || value > 255) return bad();
    address = address << 8 | value;
  }
  if (at != text.size()) return bad();
  return Ipv4Addr{address};
}

std::string Ipv4Addr::ToString() const {
  return absl::StrFormat("%d.%d.%d.%d", host_order >> 24, host_order >> 16 & 0xFF,
                         host_order >> 8 & 0xFF, host_order & 0xFF);
}

absl::StatusOr<MacAddr> MacAddr::Parse(std::string_view text) {
  MacAddr mac;
  bool good = text.size() == 17;
  for (size_t i = 0; good && i < 6; ++i) {
    const int high = HexDigit(text[3 * i]);
    const int low = HexDigit(text[3 * i + 1]);
    good = high >= 0 && low >= 0 && (i == 5 || text[3 * i + 2] == ':');
    mac.bytes[i] = static_cast<uint8_t>(high * 16 + low);
  }
  if (!good) return absl::InvalidArgumentError(absl::StrFormat("\"%s\" is not a MAC address", text));
  return mac;
}

std::string MacAddr::ToString() const {
  return absl::StrFormat("%02X:%02X:%02X:%02X:%02X:%02X", bytes[0], bytes[1], bytes[2], bytes[3],
                         bytes[4], bytes[5]);
}

}  // namespace osprey
