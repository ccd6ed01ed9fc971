// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/test_network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace osprey::testing {

Listener::Listener(std::function<void(absl::FunctionRef<void()>)> enter,
                   std::vector<uint16_t> ports)
    : stop_fd_(eventfd(0, EFD_CLOEXEC)) {
  // A socket belongs to the namespace it was made in, whichever thread uses it.
  enter([&] { Open(ports); });
  thread_ = std::thread([this] { Serve(); });
}

Listener::~Listener() {
  eventfd_write(stop_fd_, 1);
  thread_.join();
  for (const int fd : sockets_) close(fd);
  close(stop_fd_);
}

void Listener::Open(const std::vector<uint16_t>& ports) {
  for (const uint16_t port : ports) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    sockets_.push_back(fd);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        listen(fd, 1024) != 0) {
      error_ = absl::StrFormat("cannot listen on port %d: %s", port, std::strerror(errno));
      return;
    }
  }
}

void Listener::Serve() const {
  std::vector<pollfd> polled = {{stop_fd_, POLLIN, 0}};
  for (const int fd : sockets_) polled.push_back({fd, POLLIN, 0});
  while (poll(polled.data(), polled.size(), -1) >= 0 || errno == EINTR) {
    if ((polled[0].revents & POLLIN) != 0) return;
    for (const int fd : sockets_) {
      const int connection = accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection >= 0) close(connection);
    }
  }
}

absl::StatusOr<std::unique_ptr<TestNetwork>> TestNetwork::Create(const Options& options) {
  std::unique_ptr<TestNetwork> network(new TestNetwork(options));
  OSPREY_RETURN_IF_ERROR(network->SetUp());
  return network;
}

absl::Status TestNetwork::SetUp() {
  OSPREY_ASSIGN_OR_RETURN(
      outer_,
      ScopedNetns::Create({.near_cidr = "10.77.0.1/24",
                           .far_cidr = options_.routed ? "10.77.0.254/24" : "10.77.0.2/24"}));
  if (options_.routed) OSPREY_RETURN_IF_ERROR(Route());
  if (!options_.host_setup.empty()) {
    const CommandResult result = HostCommand("set -e\n" + options_.host_setup);
    if (result.exit_status != 0) {
      return absl::FailedPreconditionError(
          absl::StrCat("cannot set up the host: ", options_.host_setup, ": ", result.output));
    }
  }
  listener_ = std::make_unique<Listener>(
      [this](absl::FunctionRef<void()> body) { host().Far(body); }, options_.listen);
  if (!listener_->error().empty()) return absl::InternalError(listener_->error());
  return absl::OkStatus();
}

// The inner pair's near end moves to the outer pair's far side, which becomes the router.
absl::Status TestNetwork::Route() {
  OSPREY_ASSIGN_OR_RETURN(
      inner_,
      ScopedNetns::Create({.near_link = "inside", .near_cidr = "", .far_cidr = "10.78.0.2/24"}));
  const std::vector<CommandResult> steps = {
      inner_->NearCommand("ip link set inside netns " + outer_->far_path()),
      outer_->FarCommand("set -e; ip addr add 10.78.0.254/24 dev inside; ip link set inside up; "
                         "sysctl -qw net.ipv4.ip_forward=1"),
      inner_->FarCommand("ip route add default via 10.78.0.254"),
      outer_->NearCommand("ip route add 10.78.0.0/24 via 10.77.0.254")};
  for (const CommandResult& step : steps) {
    if (step.exit_status != 0)
      return absl::InternalError("cannot set up the router: " + step.output);
  }
  return absl::OkStatus();
}

}  // namespace osprey::testing
