// SPDX-License-Identifier: Apache-2.0
#include "engine/pacer.h"

#include <algorithm>

#include "base/check.h"
#include "base/clock.h"

namespace osprey {
namespace {

constexpr double kFixedPerSecond = 1e9 * 4294967296.0;

bool IsValidRate(double rate) { return rate == 0 || (rate >= 1e-3 && rate <= 1e12); }

}  // namespace

Pacer::Pacer(const PaceLimits& limits, int64_t now_ns, int64_t catch_up_ns)
    : limits_(limits), catch_up_ns_(catch_up_ns) {
  OSPREY_CHECK(catch_up_ns >= 0 && catch_up_ns <= kNsPerSecond && now_ns >= 0);
  packets_.due = bytes_.due = FromNs(now_ns);
  SetLimits(limits, now_ns);
}

void Pacer::Schedule::SetRate(double units_per_second, Fixed now) noexcept {
  const Fixed old_cost = cost;
  owed = 0;
  cost = units_per_second > 0 ? static_cast<Fixed>(kFixedPerSecond / units_per_second) : 0;
  if (cost == 0 || old_cost == 0) {
    due = now;
  } else if (due > now) {
    const double scale = static_cast<double>(cost) / static_cast<double>(old_cost);
    due = now + static_cast<Fixed>(static_cast<double>(due - now) * scale);
  }
}

uint64_t Pacer::Schedule::Allowance(Fixed now, uint64_t unit) const noexcept {
  if (cost == 0) return std::numeric_limits<uint64_t>::max();
  if (now < due) return 0;
  // A unit may leave as soon as `due` has come; late is at most the catch-up, so this fits.
  return 1 + static_cast<uint64_t>((now - due) / (cost * static_cast<Fixed>(unit)));
}

void Pacer::Bill(uint32_t bytes) noexcept {
  const Fixed each = std::max(packets_.cost, bytes_.cost * static_cast<Fixed>(bytes));
  if (each == 0 || static_cast<Fixed>(billed_) * each > FromNs(kMostOwedNs)) return;
  ++billed_;
  billed_bytes_ = bytes;
}

void Pacer::NoticeStall(Fixed now) noexcept {
  if (idle_ && billed_ != 0) {
    Pay(std::min(packets_.Allowance(now, 1),
                 bytes_.Allowance(now, std::max<uint32_t>(billed_bytes_, 1))));
  }
  const Fixed earliest = now - FromNs(catch_up_ns_);
  // Nobody was kept from sending while the other limit was not due yet.
  Fixed due = earliest;
  if (packets_.cost != 0) due = packets_.due;
  if (bytes_.cost != 0) due = packets_.cost != 0 ? std::max(due, bytes_.due) : bytes_.due;
  const Fixed lost = std::max(earliest - due, Fixed{0});
  const Fixed most = idle_ ? 0 : FromNs(kMostOwedNs);
  Fixed forfeited = 0;
  for (Schedule* schedule : {&packets_, &bytes_}) {
    schedule->SkipTo(earliest);
    const Fixed kept = std::min(lost, std::max(most - schedule->owed, Fixed{0}));
    schedule->owed += kept;
    forfeited = std::max(forfeited, lost - kept);
  }
  forfeited_ns_ += static_cast<int64_t>(forfeited >> 32);
  idle_ = false;
}

uint32_t Pacer::Allowance(int64_t now_ns, uint32_t max, uint32_t bytes_each) noexcept {
  const Fixed now = FromNs(now_ns);
  NoticeStall(now);
  const uint64_t by_packets = packets_.Allowance(now, 1);
  const uint64_t by_bytes = bytes_.Allowance(now, std::max<uint32_t>(bytes_each, 1));
  return static_cast<uint32_t>(std::min({by_packets, by_bytes, uint64_t{max}}));
}

int64_t Pacer::NextDeadline(int64_t now_ns) const noexcept {
  Fixed due = FromNs(now_ns);
  if (packets_.cost != 0) due = std::max(due, packets_.due);
  if (bytes_.cost != 0) due = std::max(due, bytes_.due);
  // Rounded up: at the returned time the packet may really leave.
  const Fixed ns = (due + ((Fixed{1} << 32) - 1)) >> 32;
  return static_cast<int64_t>(std::min(ns, Fixed{kNever}));
}

void Pacer::SetLimits(const PaceLimits& limits, int64_t now_ns) noexcept {
  OSPREY_CHECK(IsValidRate(limits.packets_per_second) && IsValidRate(limits.bits_per_second));
  limits_ = limits;
  packets_.SetRate(limits.packets_per_second, FromNs(now_ns));
  bytes_.SetRate(limits.bits_per_second / 8, FromNs(now_ns));
}

}  // namespace osprey
