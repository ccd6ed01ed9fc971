// SPDX-License-Identifier: Apache-2.0
#pragma once
// A scanner's namespace and one host to scan, next to it or behind a router, with TCP services.
//
//   direct:  scanner 10.77.0.1 ──────────────────────────────── 10.77.0.2 host
//   routed:  scanner 10.77.0.1 ── 10.77.0.254 router 10.78.0.254 ── 10.78.0.2 host
//
// Everything exists as open descriptors and threads of this object and goes with it.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/testing/netns.h"

namespace osprey::testing {

// Listens on ports inside a namespace, on every address; accepts and closes each connection.
class Listener {
 public:
  // Blocks until all ports listen. `enter` runs a function inside the namespace.
  Listener(std::function<void(absl::FunctionRef<void()>)> enter, std::vector<uint16_t> ports);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Empty, or what went wrong.
  const std::string& error() const { return error_; }

 private:
  void Open(const std::vector<uint16_t>& ports);
  void Serve() const;

  std::vector<int> sockets_;
  int stop_fd_;
  std::string error_;
  std::thread thread_;
};

class TestNetwork {
 public:
  struct Options {
    bool routed = false;
    std::vector<uint16_t> listen = {80};
    std::string host_setup;  // shell commands run on the host, "set -e"
  };
  // PermissionDenied where namespaces may not be made.
  static absl::StatusOr<std::unique_ptr<TestNetwork>> Create(const Options& options);

  std::string target() const { return options_.routed ? "10.78.0.2" : "10.77.0.2"; }
  const ScopedNetns& scanner_side() const { return *outer_; }
  CommandResult ScannerCommand(const std::string& command) const {
    return outer_->NearCommand(command);
  }
  CommandResult HostCommand(const std::string& command) const { return host().FarCommand(command); }

 private:
  explicit TestNetwork(const Options& options) : options_(options) {}
  const ScopedNetns& host() const { return options_.routed ? *inner_ : *outer_; }
  absl::Status SetUp();
  absl::Status Route();

  Options options_;
  std::unique_ptr<ScopedNetns> outer_;  // near: the scanner; far: the host or the router
  std::unique_ptr<ScopedNetns> inner_;  // far: the host behind the router
  std::unique_ptr<Listener> listener_;
};

}  // namespace osprey::testing
