// SPDX-License-Identifier: Apache-2.0
#include "tools/osprey/scan_plan.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "engine/permutation.h"
#include "engine/random.h"
#include "tools/osprey/command.h"
#include "tools/osprey/exit_codes.h"

namespace osprey::tools {
namespace {

constexpr size_t kListPiece = size_t{1} << 16;

}  // namespace

std::string PortsText(std::span<const HostOrderPort> ascending) {
  std::string text;
  for (size_t i = 0; i < ascending.size();) {
    size_t end = i;
    while (end + 1 < ascending.size() && ascending[end + 1] == ascending[end] + 1) ++end;
    absl::StrAppend(&text, text.empty() ? "" : ",", ascending[i]);
    if (end > i) absl::StrAppend(&text, "-", ascending[end]);
    i = end + 1;
  }
  return text;
}

int PrintDryRun(const ScanSettings& settings) {
  const uint64_t all = settings.targets.size();
  const ShardPlan plan(all, settings.part, settings.sample);
  const uint64_t targets = plan.size();
  const uint64_t probes = targets * std::max<size_t>(settings.steps.size(), 1);
  std::printf("Targets: %llu", static_cast<unsigned long long>(targets));
  if (targets < all) std::printf(" of %llu", static_cast<unsigned long long>(all));
  std::printf("\n");
  for (const auto& removed : settings.target_report.removed) {
    std::printf("  left out: %llu in %s\n", static_cast<unsigned long long>(removed.addresses),
                std::string(removed.range->name).c_str());
  }
  if (settings.target_report.excluded > 0) {
    std::printf("  excluded: %llu\n",
                static_cast<unsigned long long>(settings.target_report.excluded));
  }
  std::printf("Ports: %s\n", PortsText(settings.ports.ascending()).c_str());
  std::printf("Discovery: %zu probes a target, %llu in all", settings.steps.size(),
              static_cast<unsigned long long>(probes));
  if (const double rate = settings.rate.packets_per_second; rate > 0) {
    std::printf(" (%.0f s at %.0f packets per second)", static_cast<double>(probes) / rate, rate);
  }
  std::printf("\nFirst targets, in order:");
  const Permutation order(all, DeriveKey(settings.seed, "permutation"));
  for (uint32_t i = 0; i < std::min<uint64_t>(targets, 8); ++i) {
    const auto position = static_cast<uint32_t>(plan.PositionAt(i));
    std::printf(" %s", settings.targets.At(order.Forward(position)).ToString().c_str());
  }
  std::printf("\nSeed: %llu\nNothing was sent.\n", static_cast<unsigned long long>(settings.seed));
  return kExitOk;
}

int PrintTargets(const ScanSettings& settings) {
  const uint64_t all = settings.targets.size();
  const ShardPlan plan(all, settings.part, settings.sample);
  const Permutation order(all, DeriveKey(settings.seed, "permutation"));
  std::string text;
  for (uint64_t step = 0; step < plan.size(); ++step) {
    const auto position = static_cast<uint32_t>(plan.PositionAt(step));
    text += settings.targets.At(order.Forward(position)).ToString();
    text += '\n';
    const bool last = step + 1 == plan.size();
    if (text.size() < kListPiece && !last) continue;
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) break;
    text.clear();
  }
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return kExitOk;
  PrintError("standard output: cannot write the list of targets");
  return kExitOutputFailed;
}

}  // namespace osprey::tools
