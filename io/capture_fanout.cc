// SPDX-License-Identifier: Apache-2.0
#include "io/capture_fanout.h"

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "absl/strings/str_format.h"

namespace osprey::io {
namespace {

constexpr uint32_t kSourceAt = 12;  // in an IPv4 header
constexpr uint32_t kSpread = 0x9E3779B1;

absl::Status Error(const std::string& link_name, const char* what) {
  return absl::ErrnoToStatus(
      errno,
      absl::StrFormat("%s: cannot share packets among capture threads: %s", link_name, what));
}

// member = high half of (source / 256 * constant), modulo members. Of an ARP packet it reads bytes
// that mean something else, which does no harm: any ring will do.
absl::Status SetProgram(int fd, const std::string& link_name, uint32_t members) {
  constexpr auto kNetwork = static_cast<uint32_t>(SKF_NET_OFF);
  std::array<sock_filter, 6> code = {
      sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0, kNetwork + kSourceAt},
      sock_filter{BPF_ALU | BPF_RSH | BPF_K, 0, 0, 8},
      sock_filter{BPF_ALU | BPF_MUL | BPF_K, 0, 0, kSpread},
      sock_filter{BPF_ALU | BPF_RSH | BPF_K, 0, 0, 16},
      sock_filter{BPF_ALU | BPF_MOD | BPF_K, 0, 0, members},
      sock_filter{BPF_RET | BPF_A, 0, 0, 0}};
  const sock_fprog program{.len = code.size(), .filter = code.data()};
  if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT_DATA, &program, sizeof program) == 0) {
    return absl::OkStatus();
  }
  return Error(link_name, "PACKET_FANOUT_DATA");
}

}  // namespace

absl::Status JoinFanout(int fd, const std::string& link_name, CaptureFanout& fanout) {
  const bool first = fanout.joined == 0;
  uint32_t argument = uint32_t{fanout.group} | uint32_t{PACKET_FANOUT_CBPF} << 16;
  if (first) argument |= uint32_t{PACKET_FANOUT_FLAG_UNIQUEID} << 16;
  if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &argument, sizeof argument) != 0) {
    return Error(link_name, "PACKET_FANOUT");
  }
  ++fanout.joined;
  if (!first) return absl::OkStatus();
  socklen_t size = sizeof argument;
  if (getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &argument, &size) != 0) {
    return Error(link_name, "PACKET_FANOUT");
  }
  fanout.group = static_cast<uint16_t>(argument);
  return SetProgram(fd, link_name, fanout.members);
}

}  // namespace osprey::io
