// SPDX-License-Identifier: Apache-2.0
#pragma once
// Capture files: reading one as a capture ring, and writing frames to one.

#include <pcap/pcap.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "io/capture_ring.h"

namespace osprey::io {

// Replays a pcap or pcapng file ("-": standard input) as fast as it is polled, with the stamps of
// the file. Poll never waits. At the end Poll gives 0 and status() is OutOfRange; a damaged file
// ends with DataLoss, naming the file. One thread; Break does nothing.
// NotFound, PermissionDenied, InvalidArgument (not a capture file), Unimplemented (link type).
absl::StatusOr<std::unique_ptr<CaptureRing>> OpenPcapFile(const std::string& path);

// Writes frames with nanosecond stamps to a pcap file. Any thread may write; a lock orders them.
class PcapWriter {
 public:
  // Replaces an existing file. PermissionDenied, NotFound etc. name the file.
  static absl::StatusOr<std::unique_ptr<PcapWriter>> Create(const std::string& path,
                                                            LinkLayer layer);
  ~PcapWriter();
  PcapWriter(const PcapWriter&) = delete;
  PcapWriter& operator=(const PcapWriter&) = delete;

  // Appends one frame. Errors are kept for Flush; after the first nothing more is written.
  void Write(std::span<const std::byte> frame, uint32_t wire_length, int64_t realtime_ns);
  // Hands everything to the kernel. The first error of any Write since Create, e.g. a full disk.
  absl::Status Flush();
  uint64_t frames_written() const;

 private:
  PcapWriter(std::string path, pcap_t* handle, pcap_dumper_t* dumper);
  void NoteError();

  std::string path_;
  pcap_t* handle_;
  pcap_dumper_t* dumper_;
  mutable std::mutex mutex_;
  uint64_t frames_written_ = 0;
  int error_ = 0;  // errno of the first failure
};

}  // namespace osprey::io
