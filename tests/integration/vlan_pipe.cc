// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/vlan_pipe.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace osprey::testing {
namespace {

constexpr size_t kAddressBytes = 12;
constexpr size_t kTagBytes = 4;
using FrameBuffer = std::array<unsigned char, 2048>;

// Lost, if the other side's queue is full, as on any link.
void Forward(int fd, const unsigned char* frame, size_t size) {
  if (write(fd, frame, size) < 0) return;
}

}  // namespace

VlanPipe::VlanPipe(const ScopedNetns& netns, std::vector<Vlan> vlans)
    : vlans_(std::move(vlans)), stop_fd_(eventfd(0, EFD_CLOEXEC)) {
  netns.Near([&] { trunk_fd_ = OpenTap("trunk0"); });
  netns.Far([&] {
    for (const Vlan& vlan : vlans_) vlan_fds_.push_back(OpenTap(absl::StrCat("v", vlan.id)));
  });
  if (!error_.empty()) return;
  const CommandResult up = netns.NearCommand("ip link set trunk0 up");
  if (up.exit_status != 0) error_ = "trunk0: " + up.output;
  thread_ = std::thread([this] { Carry(); });
}

VlanPipe::~VlanPipe() {
  eventfd_write(stop_fd_, 1);
  if (thread_.joinable()) thread_.join();
  for (const int fd : vlan_fds_) close(fd);
  for (const int fd : {trunk_fd_, stop_fd_}) {
    if (fd >= 0) close(fd);
  }
}

int VlanPipe::OpenTap(const std::string& name) {
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ifreq request{};
  std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0) {
    error_ = std::string("/dev/net/tun: ") + std::strerror(errno);
  }
  return fd;
}

void VlanPipe::FromTrunk() {
  FrameBuffer frame;
  const ssize_t size = read(trunk_fd_, frame.data(), frame.size());
  if (size < static_cast<ssize_t>(kAddressBytes + kTagBytes)) return;
  const bool tagged = frame[kAddressBytes] == 0x81 && frame[kAddressBytes + 1] == 0;
  const int id = (frame[kAddressBytes + 2] & 0x0F) << 8 | frame[kAddressBytes + 3];
  const auto vlan =
      std::find_if(vlans_.begin(), vlans_.end(), [id](const Vlan& v) { return v.id == id; });
  if (!tagged || vlan == vlans_.end()) {
    ++untagged_;
    return;
  }
  std::memmove(frame.data() + kTagBytes, frame.data(), kAddressBytes);
  Forward(vlan_fds_[static_cast<size_t>(vlan - vlans_.begin())], frame.data() + kTagBytes,
          static_cast<size_t>(size) - kTagBytes);
}

void VlanPipe::FromVlan(size_t which) {
  FrameBuffer frame;
  unsigned char* const inner = frame.data() + kTagBytes;
  const ssize_t size = read(vlan_fds_[which], inner, frame.size() - kTagBytes);
  if (size < static_cast<ssize_t>(kAddressBytes)) return;
  std::memmove(frame.data(), inner, kAddressBytes);
  frame[kAddressBytes] = 0x81;
  frame[kAddressBytes + 1] = 0;
  const Vlan& vlan = vlans_[which];
  const uint16_t tag = vlan.answers_as != 0 ? vlan.answers_as : vlan.id;
  frame[kAddressBytes + 2] = static_cast<unsigned char>(tag >> 8);
  frame[kAddressBytes + 3] = static_cast<unsigned char>(tag);
  ++answers_;
  Forward(trunk_fd_, frame.data(), static_cast<size_t>(size) + kTagBytes);
}

void VlanPipe::Carry() {
  std::vector<pollfd> polled = {{stop_fd_, POLLIN, 0}, {trunk_fd_, POLLIN, 0}};
  for (const int fd : vlan_fds_) polled.push_back({fd, POLLIN, 0});
  while (poll(polled.data(), polled.size(), -1) >= 0 || errno == EINTR) {
    if ((polled[0].revents & POLLIN) != 0) return;
    if ((polled[1].revents & POLLIN) != 0) FromTrunk();
    for (size_t i = 0; i < vlan_fds_.size(); ++i) {
      if ((polled[2 + i].revents & POLLIN) != 0) FromVlan(i);
    }
  }
}

}  // namespace osprey::testing
