// SPDX-License-Identifier: Apache-2.0
#include "io/packet_socket.h"

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"

namespace osprey::io {
namespace {

absl::Status OpenError(const std::string& where, const char* what, int error) {
  if (error == EPERM || error == EACCES) {
    return absl::PermissionDeniedError(
        absl::StrFormat("%s: need CAP_NET_RAW to open a %s socket; run as root", where, what));
  }
  if (error == ENODEV || error == ENXIO) {
    return absl::NotFoundError(absl::StrFormat("%s: no such interface", where));
  }
  if (error == ENETDOWN) {
    return absl::FailedPreconditionError(absl::StrFormat("%s: the interface is down", where));
  }
  return absl::ErrnoToStatus(error, absl::StrFormat("%s: cannot open a %s socket", where, what));
}

// Best effort: a smaller buffer only makes ENOBUFS come sooner, and that is counted.
void SetSendBuffer(int fd, int bytes) {
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  }
}

// What frames are given out for if they are opaque: the EtherType that IEEE 802 leaves to local
// experiments. The socket then receives that type; the filter drops it.
constexpr uint16_t kOpaque = 0x88B5;

bool ReceiveNothing(int fd) {
  sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{.len = 1, .filter = &drop};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

}  // namespace

absl::StatusOr<FileDescriptor> OpenPacketSender(const std::string& link_name, int link_index,
                                                const SocketOptions& options) {
  FileDescriptor fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return OpenError(link_name, "packet", errno);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = link_index;
  if (options.opaque_frames && ReceiveNothing(fd.get())) address.sll_protocol = htons(kOpaque);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return OpenError(link_name, "packet", errno);
  }
  const int on = 1;
  if (setsockopt(fd.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) != 0) {
    return OpenError(link_name, "packet", errno);
  }
  SetSendBuffer(fd.get(), options.send_buffer_bytes);
  return fd;
}

absl::StatusOr<FileDescriptor> OpenRawIpSender(const std::string& link_name,
                                               const SocketOptions& options) {
  const std::string where = link_name.empty() ? "raw IP" : link_name;
  FileDescriptor fd(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  if (!fd.valid()) return OpenError(where, "raw IP", errno);
  if (!link_name.empty() && setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, link_name.c_str(),
                                       static_cast<socklen_t>(link_name.size() + 1)) != 0) {
    return OpenError(where, "raw IP", errno);
  }
  SetSendBuffer(fd.get(), options.send_buffer_bytes);
  return fd;
}

}  // namespace osprey::io
