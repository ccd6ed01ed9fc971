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

PortTable::PortTable(const PortTable& other)
    : few_(other.few_),
      few_count_(other.few_count_),
      many_(other.many_ != nullptr ? std::make_unique<Many>(*other.many_) : nullptr) {}

PortTable& PortTable::operator=(const PortTable& other) {
  if (this != &other) *this = PortTable(other);
  return *this;
}

void PortTable::Note(const PortResult& result) {
  if (result.port == 0 || result.state == PortState::kUnknown) return;
  if (result.state != PortState::kFiltered) ForgetFiltered(result.port);
  if (many_ == nullptr && few_count_ < few_.size()) {
    few_[few_count_++] = result;
    return;
  }
  if (many_ == nullptr) {
    many_ = std::make_unique<Many>();
    for (const PortResult& known : few_) many_->Note(known);
  }
  many_->Note(result);
}

void PortTable::Clear() {
  few_count_ = 0;
  many_.reset();
}

uint32_t PortTable::Count(PortState state) const {
  if (many_ != nullptr) return many_->Count(state);
  const auto ports = kept();
  return static_cast<uint32_t>(std::count_if(
      ports.begin(), ports.end(), [state](const PortResult& port) { return port.state == state; }));
}

uint32_t PortTable::Count(PortState state, PortReason reason) const {
  if (many_ != nullptr) return many_->counts[Cell(state, reason)];
  const auto ports = kept();
  return static_cast<uint32_t>(
      std::count_if(ports.begin(), ports.end(), [state, reason](const PortResult& port) {
        return port.state == state && port.reason == reason;
      }));
}

bool PortTable::IsFiltered(HostOrderPort port) const {
  const auto ports = kept();
  return std::any_of(ports.begin(), ports.end(), [port](const PortResult& known) {
    return known.port == port && known.state == PortState::kFiltered;
  });
}

void PortTable::ForgetFiltered(HostOrderPort port) {
  const auto is_it = [port](const PortResult& known) {
    return known.port == port && known.state == PortState::kFiltered;
  };
  if (many_ == nullptr) {
    const auto end = few_.begin() + few_count_;
    few_count_ = static_cast<uint8_t>(std::remove_if(few_.begin(), end, is_it) - few_.begin());
    return;
  }
  const auto known = std::find_if(many_->kept.begin(), many_->kept.end(), is_it);
  if (known == many_->kept.end()) return;
  --many_->counts[Cell(PortState::kFiltered, known->reason)];
  many_->kept.erase(known);
}

void PortTable::Many::Note(const PortResult& result) {
  const bool keep = result.state == PortState::kOpen || Count(result.state) < kMostListed;
  ++counts[Cell(result.state, result.reason)];
  if (keep) kept.push_back(result);
}

uint32_t PortTable::Many::Count(PortState state) const {
  const auto first = counts.begin() + static_cast<ptrdiff_t>(static_cast<size_t>(state) * kReasons);
  return std::accumulate(first, first + kReasons, uint32_t{0});
}

}  // namespace osprey::engine
