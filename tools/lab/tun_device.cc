// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/tun_device.h"

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
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "base/clock.h"

namespace osprey::lab {
namespace {

class TunCapture final : public io::CaptureRing {
 public:
  TunCapture(io::FileDescriptor device, io::FileDescriptor stop)
      : device_(std::move(device)), stop_(std::move(stop)) {}

  std::string_view name() const override { return "tun"; }
  io::LinkLayer link_layer() const override { return io::LinkLayer::kNone; }

  size_t Poll(int timeout_ms, size_t max,
              absl::FunctionRef<void(const io::FrameView&)> sink) override {
    std::array<pollfd, 2> ends = {{{device_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    if (poll(ends.data(), ends.size(), timeout_ms) <= 0) return 0;
    if ((ends[0].revents & (POLLERR | POLLNVAL)) != 0) return Fail(EIO);
    size_t count = 0;
    while (count < max) {
      const ssize_t size = read(device_.get(), packet_.data(), packet_.size());
      if (size < 0 && errno == EINTR) continue;
      if (size < 0 && errno != EAGAIN) return Fail(errno), count;
      if (size <= 0) break;
      const auto bytes = static_cast<size_t>(size);
      sink({.bytes = std::span(packet_).first(bytes),
            .wire_length = static_cast<uint32_t>(bytes),
            .realtime_ns = Clock::Real().RealtimeNs()});
      ++count;
    }
    received_ += count;
    return count;
  }

  void Break() override { eventfd_write(stop_.get(), 1); }
  absl::Status status() const override { return status_; }
  io::CaptureCounters Counters() override { return {.received = received_}; }

 private:
  size_t Fail(int error) {
    status_ = absl::UnavailableError(absl::StrFormat("tun device: %s", std::strerror(error)));
    return 0;
  }

  io::FileDescriptor device_;
  io::FileDescriptor stop_;
  uint64_t received_ = 0;
  absl::Status status_;
  std::array<std::byte, 2048> packet_{};  // more than the device's MTU
};

}  // namespace

absl::StatusOr<io::FileDescriptor> MakeTunDevice(const char* name) {
  io::FileDescriptor device(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (!device.valid() || ioctl(device.get(), TUNSETIFF, &request) != 0) {
    return absl::UnavailableError(
        absl::StrFormat("cannot make the tun device %s: %s", name, std::strerror(errno)));
  }
  return device;
}

absl::StatusOr<io::FileDescriptor> Duplicate(const io::FileDescriptor& file) {
  io::FileDescriptor copy(fcntl(file.get(), F_DUPFD_CLOEXEC, 3));
  if (!copy.valid()) return absl::ErrnoToStatus(errno, "cannot duplicate a descriptor");
  return copy;
}

absl::StatusOr<std::unique_ptr<io::CaptureRing>> OpenTunCapture(io::FileDescriptor device) {
  io::FileDescriptor stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop.valid()) return absl::ErrnoToStatus(errno, "eventfd");
  return std::make_unique<TunCapture>(std::move(device), std::move(stop));
}

}  // namespace osprey::lab
