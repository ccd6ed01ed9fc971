// SPDX-License-Identifier: Apache-2.0
#include "engine/port_table.h"

#include <algorithm>
#include <numeric>

namespace osprey::engine {

const char* ReasonName(PortReason reason) {
  switch (reason) {
    case PortReason::kNoResponse:
      return "no-response";
    case PortReason::kSynAck:
      return "syn-ack";
    case PortReason::kReset:
      return "reset";
    case PortReason::kNetUnreach:
      return "net-unreach";
    case PortReason::kHostUnreach:
      return "host-unreach";
    case PortReason::kProtoUnreach:
      return "proto-unreach";
    case PortReason::kPortUnreach:
      return "port-unreach";
    case PortReason::kNetProhibited:
      return "net-prohibited";
    case PortReason::kHostProhibited:
      return "host-prohibited";
    case PortReason::kAdminProhibited:
      return "admin-prohibited";
    case PortReason::kDestUnreach:
      return "dest-unreach";
    case PortReason::kCount:
      break;
  }
  return "unknown-response";
}

PortReason ReasonOfUnreachable(uint8_t code) {
  switch (code) {
    case 0:
      return PortReason::kNetUnreach;
    case 1:
      return PortReason::kHostUnreach;
    case 2:
      return PortReason::kProtoUnreach;
    case 3:
      return PortReason::kPortUnreach;
    case 9:
      return PortReason::kNetProhibited;
    case 10:
      return PortReason::kHostProhibited;
    case 13:
      return PortReason::kAdminProhibited;
    default:
      return PortReason::kDestUnreach;
  }
}

void PortTable::Note(const PortResult& result) {
  if (result.port == 0 || result.state == PortState::kUnknown) return;
  if (result.state != PortState::kFiltered) ForgetFiltered(result.port);
  const bool keep = result.state == PortState::kOpen || Count(result.state) < kMostListed;
  ++counts_[Cell(result.state, result.reason)];
  if (keep) kept_.push_back(result);
}

void PortTable::Clear() {
  kept_.clear();
  counts_.fill(0);
}

uint32_t PortTable::Count(PortState state) const {
  const auto first =
      counts_.begin() + static_cast<ptrdiff_t>(static_cast<size_t>(state) * kReasons);
  return std::accumulate(first, first + kReasons, uint32_t{0});
}

bool PortTable::IsFiltered(HostOrderPort port) const {
  return std::any_of(kept_.begin(), kept_.end(), [port](const PortResult& known) {
    return known.port == port && known.state == PortState::kFiltered;
  });
}

void PortTable::ForgetFiltered(HostOrderPort port) {
  if (Count(PortState::kFiltered) == 0) return;
  const auto known = std::find_if(kept_.begin(), kept_.end(), [port](const PortResult& kept) {
    return kept.port == port && kept.state == PortState::kFiltered;
  });
  if (known == kept_.end()) return;
  --counts_[Cell(PortState::kFiltered, known->reason)];
  kept_.erase(known);
}

}  // namespace osprey::engine
