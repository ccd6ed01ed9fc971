// SPDX-License-Identifier: Apache-2.0
#include "engine/service_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <optional>

#include "absl/strings/str_format.h"

namespace osprey {
namespace {

constexpr size_t kMaxFileBytes = size_t{64} << 20;

// Takes the next word off `line`; empty at its end.
std::string_view TakeWord(std::string_view& line) {
  constexpr std::string_view kBlanks = " \t\r";
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

struct PortAndProtocol {
  HostOrderPort port;
  IpProtocol protocol;
};

std::optional<PortAndProtocol> ParsePort(std::string_view word) {
  uint16_t port = 0;
  const char* const end = word.data() + word.size();
  const auto [rest, error] = std::from_chars(word.data(), end, port);
  if (error != std::errc()) return std::nullopt;
  const std::string_view protocol(rest, static_cast<size_t>(end - rest));
  if (protocol == "/tcp") return PortAndProtocol{port, IpProtocol::kTcp};
  if (protocol == "/udp") return PortAndProtocol{port, IpProtocol::kUdp};
  return std::nullopt;
}

// 0 if `word` is not a number: an alias in /etc/services.
double ParseFrequency(std::string_view word) {
  double value = 0;
  const char* const end = word.data() + word.size();
  const auto [rest, error] = std::from_chars(word.data(), end, value);
  if (error != std::errc() || rest != end || !std::isfinite(value) || value < 0) return 0;
  return value;
}

}  // namespace

ServiceTable ServiceTable::Parse(std::string_view text) {
  ServiceTable table;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = line.substr(0, line.find('#'));
    const std::string_view name = TakeWord(line);
    const std::optional<PortAndProtocol> port = ParsePort(TakeWord(line));
    if (!port) continue;
    const double frequency = ParseFrequency(TakeWord(line));
    table.entries_.push_back({std::string(name), port->port, port->protocol, frequency});
  }
  std::stable_sort(table.entries_.begin(), table.entries_.end(),
                   [](const Entry& a, const Entry& b) { return a.port < b.port; });
  return table;
}

absl::StatusOr<ServiceTable> ServiceTable::Load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrFormat("%s: cannot open", path));
  std::string text;
  std::array<char, 65536> buffer;
  while (file.read(buffer.data(), buffer.size()) || file.gcount() > 0) {
    text.append(buffer.data(), static_cast<size_t>(file.gcount()));
    if (text.size() > kMaxFileBytes) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s: too large for a list of services", path));
    }
  }
  if (file.bad()) return absl::UnavailableError(absl::StrFormat("%s: cannot read", path));
  return Parse(text);
}

ServiceTable ServiceTable::LoadInstalled() {
  for (const char* path : {kNmapServices, kEtcServices}) {
    if (absl::StatusOr<ServiceTable> table = Load(path); table.ok() && !table->empty()) {
      return *std::move(table);
    }
  }
  return {};
}

std::vector<HostOrderPort> ServiceTable::Find(std::string_view name, IpProtocol protocol) const {
  std::vector<HostOrderPort> found;
  for (const Entry& entry : entries_) {
    if (entry.protocol != protocol || entry.name != name) continue;
    if (found.empty() || found.back() != entry.port) found.push_back(entry.port);
  }
  return found;
}

std::string_view ServiceTable::NameOf(HostOrderPort port, IpProtocol protocol) const {
  auto entry = std::lower_bound(entries_.begin(), entries_.end(), port,
                                [](const Entry& e, HostOrderPort p) { return e.port < p; });
  for (; entry != entries_.end() && entry->port == port; ++entry) {
    if (entry->protocol == protocol && entry->name != "unknown") return entry->name;
  }
  return {};
}

std::vector<HostOrderPort> ServiceTable::ByFrequency(IpProtocol protocol) const {
  std::vector<Entry> counted;
  for (const Entry& entry : entries_) {
    if (entry.protocol == protocol && entry.frequency > 0) counted.push_back(entry);
  }
  std::stable_sort(counted.begin(), counted.end(),
                   [](const Entry& a, const Entry& b) { return a.frequency > b.frequency; });
  std::vector<HostOrderPort> ports;
  std::vector<bool> seen(65536);
  for (const Entry& entry : counted) {
    if (!seen[entry.port]) ports.push_back(entry.port);
    seen[entry.port] = true;
  }
  return ports;
}

}  // namespace osprey
