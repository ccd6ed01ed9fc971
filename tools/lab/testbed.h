// SPDX-License-Identifier: Apache-2.0
#pragma once
// A private network for one run: two network namespaces joined by a veth pair, the scanner's side
// with an address and routes to the emulated ranges, the lab's side bare, so that no kernel answers
// there. Or a tun device on the scanner's side, whose other end is a descriptor; or a macvlan
// there, on a veth pair both ends of which are the lab's. No packet can leave the machine.
//
// Nothing is named: the namespaces exist as open descriptors of this process and through the
// processes inside, which die with it (also when it is killed). So nothing is left behind,
// whatever the end.

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/address.h"
#include "io/file_descriptor.h"
#include "tools/lab/world_spec.h"

namespace osprey::lab {

struct TestbedOptions {
  std::vector<Prefix> nets;  // routed to the lab
  bool on_link = false;      // without a gateway: hosts answer ARP themselves
  enum class Device : uint8_t {
    kVeth,
    kTun,      // the scanner's link is a tun device, without ARP or gateway
    kMacvlan,  // all frames pass kUnderlay's transmit path, on the lab's side, before kLabLink
  } device = Device::kVeth;
};

class Testbed {
 public:
  static constexpr const char* kScannerLink = "lab0";
  static constexpr const char* kLabLink = "lab1";
  static constexpr const char* kUnderlay = "lab2";

  // PermissionDenied without CAP_SYS_ADMIN; Unavailable, with the words of the tool, if a link or a
  // route cannot be made.
  static absl::StatusOr<std::unique_ptr<Testbed>> Create(const TestbedOptions& options);

  // Of the scanner, and of the gateway in front of the world (which the lab must answer for).
  Ipv4Addr scanner() const { return scanner_; }
  Ipv4Addr gateway() const { return gateway_; }

  // The lab's end of the tun device; nullptr if the link is a veth pair.
  const io::FileDescriptor* tun() const { return tun_.valid() ? &tun_ : nullptr; }

  // Moves the calling thread to the lab's side. Threads it makes follow.
  absl::Status EnterLab() const;

  // Runs a command on the scanner's side, in a process namespace of its own, and waits for it, at
  // most `timeout_s` seconds (0: for ever). Interrupts of the terminal and SIGTERM are the
  // command's to handle; they do not end this process meanwhile. Returns its exit status, 128 +
  // signal if killed; 124 if it ran out of time. Everything it started is gone when this returns.
  absl::StatusOr<int> Run(const std::vector<std::string>& command, int timeout_s) const;

 private:
  Testbed() = default;
  absl::Status SetUp(const TestbedOptions& options);
  absl::Status MakeVeth() const;
  absl::Status MakeMacvlan() const;
  absl::Status SetUpTun(const std::vector<Prefix>& nets);
  void ChooseAddresses(const std::vector<Prefix>& nets);

  io::FileDescriptor scanner_side_;
  io::FileDescriptor lab_side_;
  io::FileDescriptor tun_;
  Ipv4Addr scanner_{};
  Ipv4Addr gateway_{};
};

}  // namespace osprey::lab
