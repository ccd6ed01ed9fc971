// SPDX-License-Identifier: Apache-2.0
#pragma once
// Names and frequencies of ports, read from files that the user's machine has: Nmap's
// nmap-services (with frequencies) or /etc/services (names only). None of that data is part of
// this program; where neither file exists, lookups find nothing and top ports come from the
// project's own short order (port_list.h).
//
// Immutable after reading; any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/address.h"

namespace osprey {

enum class IpProtocol : uint8_t { kTcp, kUdp };

class ServiceTable {
 public:
  static constexpr const char* kNmapServices = "/usr/share/nmap/nmap-services";
  static constexpr const char* kEtcServices = "/etc/services";

  ServiceTable() = default;

  // Both formats: "name port/protocol [frequency] ...", '#' comments. Lines of other protocols or
  // forms are skipped: the file is not ours to criticise.
  static ServiceTable Parse(std::string_view text);
  // NotFound or Unavailable if the file cannot be read, InvalidArgument if it is absurdly large.
  static absl::StatusOr<ServiceTable> Load(const std::string& path);
  // The first of the two files that can be read, else an empty table.
  static ServiceTable LoadInstalled();

  bool empty() const { return entries_.empty(); }

  // Ports with exactly this name, ascending; empty if there is none.
  std::vector<HostOrderPort> Find(std::string_view name, IpProtocol protocol) const;
  // The usual name of a port; empty if it has none. Valid as long as the table.
  std::string_view NameOf(HostOrderPort port, IpProtocol protocol) const;
  // Ports with a frequency above 0, most frequent first, equals by number.
  std::vector<HostOrderPort> ByFrequency(IpProtocol protocol) const;

 private:
  struct Entry {
    std::string name;
    HostOrderPort port = 0;
    IpProtocol protocol = IpProtocol::kTcp;
    double frequency = 0;
  };

  std::vector<Entry> entries_;  // by port
};

}  // namespace osprey
