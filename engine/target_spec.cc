// SPDX-License-Identifier: Apache-2.0
#include "engine/target_spec.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace osprey {
namespace {

constexpr size_t kMaxNameBytes = 253;  // RFC 1035, without the trailing dot

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsNumeric(std::string_view text) {
  return text.find_first_not_of("0123456789.,-*") == std::string_view::npos;
}

bool IsNameCharacter(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
         c == '_';
}

// A decimal number of at most five digits without leading zeros, up to `max`.
std::optional<uint32_t> ParseNumber(std::string_view text, uint32_t max) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  uint32_t value = 0;
  for (const char c : text) {
    if (!IsDigit(c)) return std::nullopt;
    value = value * 10 + static_cast<uint32_t>(c - '0');
  }
  if (value > max) return std::nullopt;
  return value;
}

template <class... Args>
absl::Status Invalid(std::string_view text, const absl::FormatSpec<Args...>& format,
                     const Args&... args) {
  return absl::InvalidArgumentError(
      absl::StrFormat("target \"%s\": %s", text, absl::StrFormat(format, args...)));
}

// "7", "3-9", "-9", "3-", "-" or "*".
absl::Status AddOctetRange(std::string_view text, std::string_view part, OctetSet& octets) {
  const size_t dash = part.find('-');
  std::optional<uint32_t> low, high;
  if (part == "*") {
    low = 0, high = 255;
  } else if (dash == std::string_view::npos) {
    low = high = ParseNumber(part, 255);
  } else {
    low = dash == 0 ? 0 : ParseNumber(part.substr(0, dash), 255);
    high = dash + 1 == part.size() ? 255 : ParseNumber(part.substr(dash + 1), 255);
  }
  if (!low || !high) {
    return Invalid(text, "\"%s\" is not a number or range in 0-255 (no leading zeros)", part);
  }
  if (*low > *high) return Invalid(text, "range \"%s\" is backwards", part);
  for (uint32_t value = *low; value <= *high; ++value) octets.set(value);
  return absl::OkStatus();
}

absl::Status ParseOctet(std::string_view text, std::string_view part, OctetSet& octets) {
  size_t at = 0;
  while (true) {
    const size_t comma = part.find(',', at);
    OSPREY_RETURN_IF_ERROR(AddOctetRange(text, part.substr(at, comma - at), octets));
    if (comma == std::string_view::npos) return absl::OkStatus();
    at = comma + 1;
  }
}

// The set with all values that differ from one in it only in bits of `host_mask`.
OctetSet WidenOctet(const OctetSet& octets, uint32_t host_mask) {
  OctetSet kept;
  for (uint32_t value = 0; value < 256; ++value) {
    if (octets[value]) kept.set(value & ~host_mask & 0xFF);
  }
  OctetSet wide;
  for (uint32_t value = 0; value < 256; ++value) wide[value] = kept[value & ~host_mask & 0xFF];
  return wide;
}

uint32_t Lowest(const OctetSet& octets) {
  uint32_t value = 0;
  while (!octets[value]) ++value;
  return value;
}

uint32_t Highest(const OctetSet& octets) {
  uint32_t value = 255;
  while (!octets[value]) --value;
  return value;
}

uint64_t CountRuns(const OctetSet& octets) { return (octets & ~(octets << 1)).count(); }

absl::StatusOr<TargetSpec> ParseOctets(std::string_view text, std::string_view address, int bits) {
  TargetSpec spec;
  spec.kind = TargetSpec::Kind::kOctets;
  size_t at = 0;
  for (size_t i = 0; i < 4; ++i) {
    const size_t dot = address.find('.', at);
    if ((dot == std::string_view::npos) != (i == 3)) {
      return Invalid(text, "an address has four parts with dots between");
    }
    OSPREY_RETURN_IF_ERROR(ParseOctet(text, address.substr(at, dot - at), spec.octets[i]));
    at = dot + 1;
  }
  spec.range = {};
  for (size_t i = 0; i < 4; ++i) {
    const int host_bits = std::clamp(8 * (static_cast<int>(i) + 1) - bits, 0, 8);
    if (host_bits > 0) spec.octets[i] = WidenOctet(spec.octets[i], (1u << host_bits) - 1);
    spec.range.first = spec.range.first << 8 | Lowest(spec.octets[i]);
    spec.range.last = spec.range.last << 8 | Highest(spec.octets[i]);
  }
  if (CountIntervals(spec) == 1) spec.kind = TargetSpec::Kind::kRange;
  return spec;
}

absl::StatusOr<TargetSpec> ParseName(std::string_view text, std::string_view name, int bits) {
  const bool good = !name.empty() && name.size() <= kMaxNameBytes && name.front() != '-' &&
                    name.front() != '.' && name.find("..") == std::string_view::npos &&
                    std::all_of(name.begin(), name.end(), IsNameCharacter);
  if (!good) return Invalid(text, "neither an address, a range nor a host name");
  TargetSpec spec;
  spec.kind = TargetSpec::Kind::kName;
  spec.name = std::string(name);
  spec.prefix_bits = bits;
  return spec;
}

absl::StatusOr<TargetSpec> ParseFullRange(std::string_view text, Ipv4Addr first,
                                          std::string_view last_text) {
  const absl::StatusOr<Ipv4Addr> last = Ipv4Addr::Parse(last_text);
  if (!last.ok()) return Invalid(text, "%s", std::string(last.status().message()));
  if (first > *last) return Invalid(text, "range is backwards");
  TargetSpec spec;
  spec.range = {first.host_order, last->host_order};
  return spec;
}

// Without port.
absl::StatusOr<TargetSpec> ParseAddresses(std::string_view text, std::string_view rest) {
  const size_t slash = rest.find('/');
  int bits = 32;
  if (slash != std::string_view::npos) {
    const std::string_view number = rest.substr(slash + 1);
    const std::optional<uint32_t> parsed = ParseNumber(number, 32);
    if (!parsed) return Invalid(text, "\"/%s\" is not a prefix length in 0-32", number);
    bits = static_cast<int>(*parsed);
    rest = rest.substr(0, slash);
  }
  if (!IsNumeric(rest) || rest.empty()) return ParseName(text, rest, bits);
  // The usual cases first: lists have millions of these.
  if (const auto addr = Ipv4Addr::Parse(rest); addr.ok()) {
    TargetSpec spec;
    spec.range = NetworkOf(*addr, bits);
    return spec;
  }
  const size_t dash = rest.find('-');
  if (dash != std::string_view::npos && slash == std::string_view::npos) {
    const auto first = Ipv4Addr::Parse(rest.substr(0, dash));
    const bool full = rest.find('.', dash) != std::string_view::npos;
    if (first.ok() && full) return ParseFullRange(text, *first, rest.substr(dash + 1));
  }
  return ParseOctets(text, rest, bits);
}

absl::Status VisitOctets(const std::array<OctetSet, 4>& octets, size_t level, uint32_t prefix,
                         const IntervalVisitor& visit) {
  const OctetSet& here = octets[level];
  const uint32_t shift = static_cast<uint32_t>(8 * (3 - level));
  const bool rest_is_full = std::all_of(octets.begin() + static_cast<std::ptrdiff_t>(level) + 1,
                                        octets.end(), [](const OctetSet& o) { return o.all(); });
  for (uint32_t value = 0; value < 256; ++value) {
    if (!here[value]) continue;
    if (!rest_is_full) {
      OSPREY_RETURN_IF_ERROR(VisitOctets(octets, level + 1, prefix | value << shift, visit));
      continue;
    }
    const uint32_t first = value;
    while (value < 255 && here[value + 1]) ++value;
    const uint32_t below = shift == 0 ? 0 : 0xFFFFFFFFu >> (32 - shift);
    OSPREY_RETURN_IF_ERROR(visit({prefix | first << shift, prefix | value << shift | below}));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TargetSpec> ParseTargetSpec(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return ParseAddresses(text, text);
  if (text.find(':', colon + 1) != std::string_view::npos) {
    return Invalid(text, "IPv6 targets are not supported");
  }
  const absl::StatusOr<Ipv4Addr> addr = Ipv4Addr::Parse(text.substr(0, colon));
  if (!addr.ok()) return Invalid(text, "a port may only follow a single address");
  const std::optional<uint32_t> port = ParseNumber(text.substr(colon + 1), 65535);
  if (!port || *port == 0) {
    return Invalid(text, "\"%s\" is not a port in 1-65535", text.substr(colon + 1));
  }
  TargetSpec spec;
  spec.range = {addr->host_order, addr->host_order};
  spec.port = static_cast<HostOrderPort>(*port);
  return spec;
}

AddressInterval NetworkOf(Ipv4Addr addr, int bits) {
  OSPREY_CHECK(bits >= 0 && bits <= 32);
  const uint32_t host_mask = bits == 32 ? 0 : 0xFFFFFFFFu >> bits;
  return {addr.host_order & ~host_mask, addr.host_order | host_mask};
}

uint64_t CountIntervals(const TargetSpec& spec) {
  OSPREY_CHECK(spec.kind != TargetSpec::Kind::kName);
  if (spec.kind == TargetSpec::Kind::kRange) return 1;
  size_t level = 3;  // the last octet that is not full
  while (level > 0 && spec.octets[level].all()) --level;
  uint64_t count = CountRuns(spec.octets[level]);
  for (size_t i = 0; i < level; ++i) count *= spec.octets[i].count();
  return count;
}

absl::Status ForEachInterval(const TargetSpec& spec, const IntervalVisitor& visit) {
  OSPREY_CHECK(spec.kind != TargetSpec::Kind::kName);
  if (spec.kind == TargetSpec::Kind::kRange) return visit(spec.range);
  return VisitOctets(spec.octets, 0, 0, visit);
}

std::vector<std::string_view> SplitTargetSpecs(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string_view part = text.substr(at, end - at);
    const bool continues = !parts.empty() && !part.empty() && IsNumeric(part) &&
                           part.find('.') == std::string_view::npos;
    if (continues) {
      const std::string_view before = parts.back();
      const auto start = static_cast<size_t>(before.data() - text.data());
      parts.back() = text.substr(start, end - start);
    } else {
      parts.push_back(part);
    }
    at = end + 1;
  }
  return parts;
}

}  // namespace osprey
