// SPDX-License-Identifier: Apache-2.0
#pragma once
// Addresses that must never be probed. Subtracted from the targets when a scan is set up, and asked
// again before each send, so that a list read anew during a scan takes effect at once.
//
// Nothing here is lenient: an entry that cannot be read or resolved is an error, because the
// alternative is to probe somebody who asked not to be. ExclusionSet is immutable and may be
// read by any thread; Contains neither allocates nor blocks, and takes a bit's look-up in every /16
// that no entry touches.

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/interval_set.h"
#include "engine/resolver.h"

namespace osprey {

class ExclusionSet {
 public:
  ExclusionSet() = default;

  bool Contains(Ipv4Addr addr) const noexcept {
    return !touched_.empty() && touched_[addr.host_order >> 16] && addresses_.Contains(addr);
  }
  const IntervalSet& addresses() const noexcept { return addresses_; }

 private:
  friend class ExclusionSetBuilder;
  explicit ExclusionSet(IntervalSet addresses);

  IntervalSet addresses_;
  std::vector<bool> touched_;  // by /16; none if nothing is excluded
};

// One thread. After an error the builder is only good for destruction.
class ExclusionSetBuilder {
 public:
  // Host names go to `resolver`; all their addresses are excluded.
  explicit ExclusionSetBuilder(Resolver resolver = NoResolver());

  // A comma-separated list (--exclude): any form of target_spec.h without a port.
  absl::Status AddList(std::string_view text);
  // A file (--excludefile), or stdin for "-". Errors name file and line.
  absl::Status AddFile(const std::string& path);

  ExclusionSet Build();

 private:
  absl::Status Add(std::string_view text);

  Resolver resolver_;
  IntervalCollector collector_;
};

}  // namespace osprey
