// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes of a capture file, opening it fails cleanly or replaying it ends cleanly, and
// every frame handed out can be read to its end.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "io/file_descriptor.h"
#include "io/pcap_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const osprey::io::FileDescriptor file(memfd_create("pcap_file_fuzz", MFD_CLOEXEC));
  OSPREY_CHECK(file.valid());
  if (size > 0) OSPREY_CHECK(write(file.get(), data, size) == static_cast<ssize_t>(size));
  auto ring = osprey::io::OpenPcapFile("/proc/self/fd/" + std::to_string(file.get()));
  if (!ring.ok()) return 0;
  unsigned sum = 0;
  // A record takes at least 16 bytes, so the file ends within that many polls.
  for (size_t polls = 0; (*ring)->status().ok(); ++polls) {
    OSPREY_CHECK(polls <= size);
    (*ring)->Poll(0, 4, [&](const osprey::io::FrameView& frame) {
      for (const std::byte byte : frame.bytes) sum += static_cast<unsigned>(byte);
    });
  }
  volatile unsigned sink = sum;
  static_cast<void>(sink);
  return 0;
}
