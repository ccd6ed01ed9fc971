// SPDX-License-Identifier: Apache-2.0
#include "io/pcap_handle.h"

#include <algorithm>
#include <climits>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "base/clock.h"

namespace osprey::io {
namespace {

constexpr size_t kCookedHeaderBytes = 16;
constexpr size_t kCooked2HeaderBytes = 20;

struct Dispatch {
  size_t skip;
  int64_t stamp_unit_ns;
  absl::FunctionRef<void(const FrameView&)> sink;
};

// With nanosecond precision libpcap puts nanoseconds into tv_usec. A file may say any time: it is
// kept to years whose differences can be computed.
int64_t StampNs(const timeval& stamp, int64_t unit_ns) {
  constexpr int64_t kLastSecond = int64_t{1} << 32;
  const int64_t seconds = std::clamp<int64_t>(stamp.tv_sec, 0, kLastSecond);
  return seconds * kNsPerSecond +
         std::clamp<int64_t>(stamp.tv_usec, 0, kNsPerSecond / unit_ns - 1) * unit_ns;
}

void OnPacket(u_char* user, const pcap_pkthdr* header, const u_char* data) {
  const Dispatch& dispatch = *reinterpret_cast<const Dispatch*>(user);
  const size_t skip = std::min<size_t>(dispatch.skip, header->caplen);
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  dispatch.sink({.bytes = {bytes + skip, header->caplen - skip},
                 .wire_length = static_cast<uint32_t>(std::max<size_t>(header->len, dispatch.skip) -
                                                      dispatch.skip),
                 .realtime_ns = StampNs(header->ts, dispatch.stamp_unit_ns)});
}

}  // namespace

absl::StatusOr<PcapLayer> LayerOf(pcap_t* handle, const std::string& where) {
  const int type = pcap_datalink(handle);
  const bool nano = pcap_get_tstamp_precision(handle) == PCAP_TSTAMP_PRECISION_NANO;
  const int64_t unit = nano ? 1 : kNsPerUs;
  switch (type) {
    case DLT_EN10MB:
      return PcapLayer{.layer = LinkLayer::kEthernet, .skip = 0, .stamp_unit_ns = unit};
    case DLT_RAW:
    case DLT_IPV4:
      return PcapLayer{.layer = LinkLayer::kNone, .skip = 0, .stamp_unit_ns = unit};
    case DLT_LINUX_SLL:
      return PcapLayer{
          .layer = LinkLayer::kNone, .skip = kCookedHeaderBytes, .stamp_unit_ns = unit};
    case DLT_LINUX_SLL2:
      return PcapLayer{
          .layer = LinkLayer::kNone, .skip = kCooked2HeaderBytes, .stamp_unit_ns = unit};
    default:
      break;
  }
  const char* name = pcap_datalink_val_to_name(type);
  return absl::UnimplementedError(absl::StrFormat("%s: cannot read frames of link type %s (%d)",
                                                  where, name != nullptr ? name : "unknown", type));
}

int DispatchFrames(pcap_t* handle, PcapLayer layer, size_t max,
                   absl::FunctionRef<void(const FrameView&)> sink) {
  if (max == 0) return 0;
  Dispatch dispatch{.skip = layer.skip, .stamp_unit_ns = layer.stamp_unit_ns, .sink = sink};
  return pcap_dispatch(handle, static_cast<int>(std::min<size_t>(max, INT_MAX)), OnPacket,
                       reinterpret_cast<u_char*>(&dispatch));
}

}  // namespace osprey::io
