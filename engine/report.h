// SPDX-License-Identifier: Apache-2.0
#pragma once
// From the result of a host to its record: which of the texts of docs/os-detection.md, sections 6
// to 8, apply, and what they say. Pure functions without clock; they run on the writers' thread and
// may allocate.
//
// Osprey's texts differ from those of the specification in one thing: they never invite people to
// send a measurement to Nmap, and V and P of the SCAN line are Osprey's own.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "db/image.h"
#include "engine/messages.h"
#include "io/writers/record.h"

namespace osprey::engine {

struct ReportOptions {
  std::string version;   // V of the SCAN line
  std::string platform;  // P
  std::string scan_id;
  int verbosity = 0;             // -v, raised by -d too
  int debugging = 0;             // -d
  bool guess = false;            // --osscan-guess
  bool treat_all_as_up = false;  // -Pn
  // The usual name of a port, empty if it has none. May be empty: no names.
  std::function<std::string_view(HostOrderPort port, bool udp)> service_name;
};

// The record of a finished host. Its revision is 0 and it has no host name: callers that know
// better set them.
io::Record MakeRecord(const HostResult& result, const db::Image& image,
                      const ReportOptions& options);

}  // namespace osprey::engine
