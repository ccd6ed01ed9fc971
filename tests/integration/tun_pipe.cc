// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/tun_pipe.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace osprey::testing {

TunPipe::TunPipe(const ScopedNetns& netns, const std::string& near_cidr,
                 const std::string& far_cidr)
    : stop_fd_(eventfd(0, EFD_CLOEXEC)) {
  netns.Near([&] { near_fd_ = OpenDevice(); });
  netns.Far([&] { far_fd_ = OpenDevice(); });
  if (!error_.empty()) return;
  const auto up = [](const std::string& cidr) {
    return "set -e; ip addr add " + cidr + " dev tun0; ip link set tun0 up";
  };
  for (const CommandResult& result :
       {netns.NearCommand(up(near_cidr)), netns.FarCommand(up(far_cidr))}) {
    if (result.exit_status != 0) error_ = "tun0: " + result.output;
  }
  thread_ = std::thread([this] { Carry(); });
}

TunPipe::~TunPipe() {
  eventfd_write(stop_fd_, 1);
  if (thread_.joinable()) thread_.join();
  for (const int fd : {near_fd_, far_fd_, stop_fd_}) {
    if (fd >= 0) close(fd);
  }
}

int TunPipe::OpenDevice() {
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ifreq request{};
  std::strncpy(request.ifr_name, "tun0", IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0) {
    error_ = std::string("/dev/net/tun: ") + std::strerror(errno);
  }
  return fd;
}

void TunPipe::Carry() const {
  std::array<pollfd, 3> polled = {
      {{stop_fd_, POLLIN, 0}, {near_fd_, POLLIN, 0}, {far_fd_, POLLIN, 0}}};
  std::array<char, 2048> packet;
  while (poll(polled.data(), polled.size(), -1) >= 0 || errno == EINTR) {
    if ((polled[0].revents & POLLIN) != 0) return;
    for (const auto& [from, to] : {std::pair{near_fd_, far_fd_}, std::pair{far_fd_, near_fd_}}) {
      const ssize_t size = read(from, packet.data(), packet.size());
      if (size > 0 && write(to, packet.data(), static_cast<size_t>(size)) < 0) {
        // The other side's queue is full: lost, as on any link.
      }
    }
  }
}

}  // namespace osprey::testing
