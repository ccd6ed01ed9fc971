// SPDX-License-Identifier: Apache-2.0
#pragma once
// A layer-3 link between two namespaces: a tun device in each, and a thread that carries packets
// from one to the other.

#include <string>
#include <thread>

#include "tests/testing/netns.h"

namespace osprey::testing {

class TunPipe {
 public:
  // Makes `tun0` in both namespaces, up, with these addresses ("10.88.0.1/24").
  TunPipe(const ScopedNetns& netns, const std::string& near_cidr, const std::string& far_cidr);
  ~TunPipe();
  TunPipe(const TunPipe&) = delete;
  TunPipe& operator=(const TunPipe&) = delete;

  // Empty, or why there is no pipe (no /dev/net/tun, for example).
  const std::string& error() const { return error_; }

 private:
  int OpenDevice();
  void Carry() const;

  int near_fd_ = -1;
  int far_fd_ = -1;
  int stop_fd_;
  std::string error_;
  std::thread thread_;
};

}  // namespace osprey::testing
