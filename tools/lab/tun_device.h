// SPDX-License-Identifier: Apache-2.0
#pragma once
// The scanner's link as a tun device: packets without a link header, which the lab reads from a
// file instead of a second link. Slower than a veth pair, since every packet is a system call; here
// for scanners that must cope with layer-3 links.

#include <memory>

#include "absl/status/statusor.h"
#include "io/capture_ring.h"
#include "io/file_descriptor.h"

namespace osprey::lab {

// Makes the device in the calling thread's network namespace; it exists until the last copy of the
// descriptor is closed. Unavailable names the device and the reason. Reads never block.
absl::StatusOr<io::FileDescriptor> MakeTunDevice(const char* name);

// Another descriptor of the same file.
absl::StatusOr<io::FileDescriptor> Duplicate(const io::FileDescriptor& file);

// What the scanner sends into such a device. One thread; Break from any. Stamps are those of the
// moment of reading.
absl::StatusOr<std::unique_ptr<io::CaptureRing>> OpenTunCapture(io::FileDescriptor device);

}  // namespace osprey::lab
