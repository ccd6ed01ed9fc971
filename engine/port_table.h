// SPDX-License-Identifier: Apache-2.0
#pragma once
// What was learned of one host's TCP ports: the states and the reasons that Nmap's outputs name.
//
// Model: ports that can be listed are kept one by one, the rest as numbers by state and reason,
// because outputs only count what is many and uninteresting. So a host with all ports filtered
// costs no more than one with thirty. Ports that were never probed are nowhere. Most hosts end with
// an open and a closed port: so few are kept in place, and only a host with more of them allocates.
//
// A plain value, owned by the lane of its host and copied into its result.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/address.h"

namespace osprey::engine {

enum class PortState : uint8_t { kUnknown, kOpen, kClosed, kFiltered };

// Why a port is thought to be in its state. The names are those of Nmap's output.
enum class PortReason : uint8_t {
  kNoResponse,
  kSynAck,
  kReset,
  kNetUnreach,
  kHostUnreach,
  kProtoUnreach,
  kPortUnreach,
  kNetProhibited,
  kHostProhibited,
  kAdminProhibited,
  kDestUnreach,  // any other code
  kCount,
};

// "syn-ack", "reset", ...
const char* ReasonName(PortReason reason);
// Of an ICMP destination unreachable message (RFC 792, RFC 1812, 5.2.7.1).
PortReason ReasonOfUnreachable(uint8_t code);

struct PortResult {
  HostOrderPort port = 0;
  PortState state = PortState::kUnknown;
  PortReason reason = PortReason::kNoResponse;
  uint8_t ttl = 0;  // of the answer; 0 without one

  friend bool operator==(const PortResult&, const PortResult&) = default;
};

class PortTable {
 public:
  // Of a state other than open, so many are kept one by one: what outputs list at most.
  static constexpr size_t kMostListed = 25;

  PortTable() = default;
  PortTable(const PortTable& other);
  PortTable& operator=(const PortTable& other);
  PortTable(PortTable&&) = default;
  PortTable& operator=(PortTable&&) = default;

  // Takes what was learned of a port. An answer replaces "filtered" that was noted before; all else
  // is to be noted once. Port 0 and kUnknown say nothing.
  void Note(const PortResult& result);
  void Clear();

  // In the order in which they were learned. Of a state that has more than kMostListed ports,
  // some of them, except for open ones.
  std::span<const PortResult> kept() const {
    if (many_ != nullptr) return many_->kept;
    return std::span(few_).first(few_count_);
  }
  // All of a state, kept or not.
  uint32_t Count(PortState state) const;
  uint32_t Count(PortState state, PortReason reason) const;
  bool IsFiltered(HostOrderPort port) const;

 private:
  static constexpr size_t kReasons = static_cast<size_t>(PortReason::kCount);

  static size_t Cell(PortState state, PortReason reason) {
    return static_cast<size_t>(state) * kReasons + static_cast<size_t>(reason);
  }
  struct Many {
    void Note(const PortResult& result);
    uint32_t Count(PortState state) const;

    std::vector<PortResult> kept;
    std::array<uint16_t, 4 * kReasons> counts{};
  };
  void ForgetFiltered(HostOrderPort port);

  std::array<PortResult, 4> few_{};
  uint8_t few_count_ = 0;
  std::unique_ptr<Many> many_;  // all of them, once they are more than `few_` holds
};
static_assert(sizeof(PortTable) <= 40, "there is one for each host in flight");

}  // namespace osprey::engine
