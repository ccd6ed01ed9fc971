// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/options.h"

#include <array>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "tools/lab/config.h"
#include "tools/lab/network_keys.h"

namespace osprey::lab {
namespace {

absl::Status Wrong(std::string_view what, std::string_view text, const char* want) {
  return absl::InvalidArgumentError(absl::StrFormat("%s: \"%s\": want %s", what, text, want));
}

// Splits at `mark`; a backslash takes the next character as it is, and is kept for the next split.
std::vector<std::string> SplitUnescaped(std::string_view text, char mark) {
  std::vector<std::string> parts(1);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      parts.back() += text[i++];
      parts.back() += text[i];
    } else if (text[i] == mark) {
      parts.emplace_back();
    } else {
      parts.back() += text[i];
    }
  }
  return parts;
}

std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    out += text[i];
  }
  return out;
}

std::optional<HostOrderPort> ParsePort(std::string_view text) {
  uint32_t port = 0;
  if (!absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &port) || port > 65535) {
    return std::nullopt;
  }
  return static_cast<HostOrderPort>(port);
}

// "LOW-HIGH" or one number.
template <class T>
absl::Status ParseSpan(const char* what, const std::string& text, Span<T>& out) {
  if (text.empty()) return absl::OkStatus();
  const std::vector<std::string> ends = absl::StrSplit(text, absl::MaxSplits('-', 1));
  double low = 0;
  double high = 0;
  if (!absl::SimpleAtod(ends[0], &low) || !absl::SimpleAtod(ends.back(), &high)) {
    return Wrong(what, text, "LOW-HIGH");
  }
  out = {static_cast<T>(low), static_cast<T>(high)};
  return absl::OkStatus();
}

absl::StatusOr<std::vector<HostOrderPort>> ParsePorts(std::string_view text) {
  OSPREY_ASSIGN_OR_RETURN(const std::vector<PortShare> shares, ParsePortShares(text));
  std::vector<HostOrderPort> ports;
  for (const PortShare& share : shares) ports.push_back(share.port);
  return ports;
}

absl::Status SetBoxOption(std::string_view key, std::string_view value, BoxSpec& box) {
  const absl::string_view text(value.data(), value.size());
  if (key == "ports") {
    OSPREY_ASSIGN_OR_RETURN(box.ports, ParsePorts(value));
  } else if (key == "stacks") {
    OSPREY_ASSIGN_OR_RETURN(box.stacks, ParseMix(value));
  } else if (key == "icmp") {
    box.icmp = true;
  } else if (key == "strip-timestamps") {
    box.strip_timestamps = true;
  } else if (key == "strip-options") {
    box.strip_options = true;
  } else if (key == "mss") {
    if (!absl::SimpleAtoi(text, &box.clamp_mss) || box.clamp_mss < 1 || box.clamp_mss > 65535) {
      return Wrong("mss", value, "1..65535");
    }
  } else if (key == "ttl") {
    if (!absl::SimpleAtoi(text, &box.set_ttl) || box.set_ttl < 1 || box.set_ttl > 255) {
      return Wrong("ttl", value, "1..255");
    }
  } else if (key == "ip-id" && (value == "zero" || value == "random")) {
    box.ip_id = value == "zero" ? BoxSpec::IpId::kZero : BoxSpec::IpId::kRandom;
  } else {
    return Wrong("box", key,
                 "ports=, stacks=, icmp, strip-timestamps, strip-options, mss=, ttl=, "
                 "ip-id=zero|random");
  }
  return absl::OkStatus();
}

absl::StatusOr<BoxKind> ParseBoxKind(std::string_view name) {
  constexpr std::array kKinds = {BoxKind::kDrop,  BoxKind::kReject,      BoxKind::kResetPort,
                                 BoxKind::kProxy, BoxKind::kPortForward, BoxKind::kLoadBalancer,
                                 BoxKind::kScrub, BoxKind::kUdpChecksum, BoxKind::kSynProxy,
                                 BoxKind::kTarpit};
  std::string known;
  for (const BoxKind kind : kKinds) {
    if (BoxName(kind) == name) return kind;
    absl::StrAppendFormat(&known, " %s", BoxName(kind));
  }
  return absl::InvalidArgumentError(
      absl::StrFormat("no middlebox is called \"%s\"; there are:%s", name, known));
}

absl::StatusOr<GroupSpec> GroupTemplate(const WorldOptions& options) {
  GroupSpec group;
  group.up = options.up;
  group.closed_filtered = options.closed_filtered;
  if (!options.mix.empty()) {
    OSPREY_ASSIGN_OR_RETURN(group.mix, ParseMix(options.mix));
  }
  if (!options.open.empty()) {
    OSPREY_ASSIGN_OR_RETURN(group.open, ParsePortShares(options.open));
  }
  if (!options.filtered.empty()) {
    OSPREY_ASSIGN_OR_RETURN(group.filtered, ParsePorts(options.filtered));
  }
  OSPREY_RETURN_IF_ERROR(ParseSpan("--hops", options.hops, group.hops));
  OSPREY_RETURN_IF_ERROR(ParseSpan("--uptime", options.uptime, group.uptime_days));
  return group;
}

}  // namespace

absl::StatusOr<std::vector<WeightedName>> ParseMix(std::string_view text) {
  std::vector<WeightedName> mix;
  for (const std::string& entry : SplitUnescaped(text, ',')) {
    const std::vector<std::string> parts = SplitUnescaped(entry, ':');
    WeightedName name{.name = Unescape(parts[0])};
    const bool weighted = parts.size() == 2 && absl::SimpleAtod(parts[1], &name.weight);
    if (name.name.empty() || (parts.size() > 1 && !weighted) || !(name.weight > 0)) {
      return Wrong("mix", entry, "NAME or NAME:WEIGHT");
    }
    mix.push_back(std::move(name));
  }
  return mix;
}

absl::StatusOr<std::vector<PortShare>> ParsePortShares(std::string_view text) {
  std::vector<PortShare> shares;
  if (text == "none") return shares;
  for (const std::string& entry : SplitUnescaped(text, ',')) {
    const std::vector<std::string> parts = SplitUnescaped(entry, ':');
    const std::vector<std::string> ends = SplitUnescaped(parts[0], '-');
    double share = 1;
    const auto low = ParsePort(ends[0]);
    const auto high = ParsePort(ends.back());
    const bool good_share =
        parts.size() == 1 ||
        (parts.size() == 2 && absl::SimpleAtod(parts[1], &share) && share >= 0 && share <= 1);
    if (!low || !high || *high < *low || ends.size() > 2 || !good_share) {
      return Wrong("ports", entry, "PORT, LOW-HIGH or either with :SHARE");
    }
    for (uint32_t port = *low; port <= *high; ++port) {
      shares.push_back({static_cast<HostOrderPort>(port), share});
    }
  }
  return shares;
}

absl::StatusOr<BoxSpec> ParseBox(std::string_view text) {
  // Semicolons separate, since names of stacks contain blanks and commas.
  const std::vector<std::string> words = SplitUnescaped(text, ';');
  if (words.size() < 2) return Wrong("--box", text, "KIND;PREFIX[;OPTION...]");
  BoxSpec box;
  OSPREY_ASSIGN_OR_RETURN(box.kind, ParseBoxKind(words[0]));
  OSPREY_ASSIGN_OR_RETURN(box.prefix, Prefix::Parse(words[1]));
  for (size_t i = 2; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    const std::string value = equals == std::string::npos ? "" : words[i].substr(equals + 1);
    OSPREY_RETURN_IF_ERROR(SetBoxOption(words[i].substr(0, equals), value, box));
  }
  const bool needs_ports = box.kind == BoxKind::kResetPort || box.kind == BoxKind::kProxy ||
                           box.kind == BoxKind::kPortForward;
  if (needs_ports && box.ports.empty()) return Wrong("--box", text, "ports= for this kind");
  return box;
}

void DescribeWorldOptions(CLI::App& app, WorldOptions& options) {
  app.add_option("--config", options.config, "File that describes the world (JSON)");
  app.add_option("--net", options.nets, "Emulated range, e.g. 10.0.0.0/16 (may be repeated)")
      ->allow_extra_args(false);
  app.add_option("--mix", options.mix,
                 "References of the hosts: NAME[:WEIGHT],... NAME is a reference, a part of its "
                 "name, vendor, family or type, #LINE, or all");
  app.add_option("--up", options.up, "Share of addresses with a host")->check(CLI::Range(0., 1.));
  app.add_option("--open", options.open, "Open ports: PORT[-PORT][:SHARE],... or none");
  app.add_option("--filtered", options.filtered, "Ports that drop everything");
  app.add_option("--closed-filtered", options.closed_filtered,
                 "Share of hosts that drop what goes to closed ports")
      ->check(CLI::Range(0., 1.));
  app.add_option("--hops", options.hops, "Distance: LOW-HIGH");
  app.add_option("--uptime", options.uptime, "Days since the hosts' start: LOW-HIGH");
  app.add_option("--seed", options.seed, "Makes another world of the same description");
  app.add_option("--db", options.database, "Database text (default: the installed one)");
  app.add_option("--box", options.boxes, "Middlebox: KIND;PREFIX[;OPTION...] (may be repeated)")
      ->allow_extra_args(false);
  app.add_flag("--on-link", options.on_link, "Hosts answer ARP themselves, without a gateway");
  NetworkSpec& network = options.network;
  app.add_option("--delay", network.delay_ms, "Milliseconds one way")->check(CLI::Range(0., 1e4));
  app.add_option("--jitter", network.jitter_ms, "Deviation of the delay, ms")
      ->check(CLI::Range(0., 1e4));
  app.add_option("--loss", network.loss, "Share of packets lost each way")
      ->check(CLI::Range(0., 1.));
  app.add_option("--duplicate", network.duplicate, "Share of answers that come twice")
      ->check(CLI::Range(0., 1.));
  app.add_option("--reorder", network.reorder, "Share of answers held back")
      ->check(CLI::Range(0., 1.));
  app.add_option("--bandwidth", network.bandwidth_bps, "Towards the scanner, bits per second")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--icmp-rate", network.icmp_per_second, "ICMP errors of one host per second")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--icmp-burst", network.icmp_burst, "and how many at once")
      ->check(CLI::Range(1., 20.));
  app.add_option("--change", options.changes,
                 "Other conditions from that second on: SECONDS;KEY=VALUE[;...], the keys those of "
                 "the config file, e.g. 10;loss=0.3 (may be repeated)")
      ->allow_extra_args(false);
}

absl::StatusOr<WorldSpec> MakeWorldSpec(const WorldOptions& options) {
  WorldSpec spec;
  if (!options.config.empty()) {
    OSPREY_ASSIGN_OR_RETURN(spec, ReadConfig(options.config));
  } else {
    spec.seed = options.seed;
    spec.network = options.network;
  }
  OSPREY_ASSIGN_OR_RETURN(const GroupSpec group, GroupTemplate(options));
  for (const std::string& net : options.nets) {
    spec.groups.push_back(group);
    OSPREY_ASSIGN_OR_RETURN(spec.groups.back().prefix, Prefix::Parse(net));
  }
  for (const std::string& text : options.boxes) {
    OSPREY_ASSIGN_OR_RETURN(BoxSpec box, ParseBox(text));
    spec.boxes.push_back(std::move(box));
  }
  for (const std::string& text : options.changes) {
    OSPREY_ASSIGN_OR_RETURN(const NetworkChange change, ParseChange(text, LastConditions(spec)));
    spec.changes.push_back(change);
  }
  OSPREY_RETURN_IF_ERROR(CheckOrder(spec.changes));
  spec.on_link = spec.on_link || options.on_link;
  return spec;
}

}  // namespace osprey::lab
