// SPDX-License-Identifier: Apache-2.0
#pragma once
// A trunk port and hosts in VLANs behind it, for kernels with or without VLAN devices: an Ethernet
// tap device `trunk0` near, one tap `v<ID>` far for each VLAN, and a thread that plays the switch.
// What leaves trunk0 with a tag goes to that VLAN's tap without it; what comes from a tap enters
// trunk0 with its tag. Frames without a tag, or of other VLANs, are dropped and counted.

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/testing/netns.h"

namespace osprey::testing {

class VlanPipe {
 public:
  struct Vlan {
    uint16_t id = 0;
    uint16_t answers_as = 0;  // a switch that is set up wrongly: the tag of what comes back
  };
  VlanPipe(const ScopedNetns& netns, std::vector<Vlan> vlans);
  ~VlanPipe();
  VlanPipe(const VlanPipe&) = delete;
  VlanPipe& operator=(const VlanPipe&) = delete;

  // Empty, or why there is no pipe (no /dev/net/tun, for example).
  const std::string& error() const { return error_; }
  uint64_t untagged() const { return untagged_; }
  uint64_t answers() const { return answers_; }

 private:
  int OpenTap(const std::string& name);
  void Carry();
  void FromTrunk();
  void FromVlan(size_t which);

  std::vector<Vlan> vlans_;
  int trunk_fd_ = -1;
  std::vector<int> vlan_fds_;
  int stop_fd_;
  std::string error_;
  std::atomic<uint64_t> untagged_{0};
  std::atomic<uint64_t> answers_{0};  // frames into the trunk
  std::thread thread_;
};

}  // namespace osprey::testing
