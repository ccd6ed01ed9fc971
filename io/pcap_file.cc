// SPDX-License-Identifier: Apache-2.0
#include "io/pcap_file.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "io/pcap_handle.h"

namespace osprey::io {
namespace {

constexpr int kMaxFrameBytes = 262'144;  // libpcap's own bound

class PcapFileRing final : public CaptureRing {
 public:
  PcapFileRing(std::string path, PcapHandle handle, PcapLayer layer)
      : path_(std::move(path)), handle_(std::move(handle)), layer_(layer) {}

  std::string_view name() const override { return "pcap-file"; }
  LinkLayer link_layer() const override { return layer_.layer; }
  size_t Poll(int timeout_ms, size_t max, absl::FunctionRef<void(const FrameView&)> sink) override;
  void Break() override {}
  absl::Status status() const override { return status_; }
  CaptureCounters Counters() override { return counters_; }

 private:
  std::string path_;
  PcapHandle handle_;
  PcapLayer layer_;
  absl::Status status_;
  CaptureCounters counters_;
};

size_t PcapFileRing::Poll(int /*timeout_ms*/, size_t max,
                          absl::FunctionRef<void(const FrameView&)> sink) {
  if (!status_.ok() || max == 0) return 0;
  // Frames before a damaged record are handed out, so they are counted here and not by libpcap.
  size_t count = 0;
  const int result = DispatchFrames(handle_.get(), layer_, max, [&](const FrameView& frame) {
    ++count;
    sink(frame);
  });
  counters_.received += count;
  if (result == 0) {
    status_ = absl::OutOfRangeError(absl::StrFormat("%s: end of file", path_));
  } else if (result < 0) {
    status_ = absl::DataLossError(absl::StrFormat("%s: after %d frames: %s", path_,
                                                  counters_.received, pcap_geterr(handle_.get())));
  }
  return count;
}

}  // namespace

absl::StatusOr<std::unique_ptr<CaptureRing>> OpenPcapFile(const std::string& path) {
  if (path != "-") {
    // libpcap gives words only; the kind of failure is the system's.
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (file == nullptr) {
      return absl::ErrnoToStatus(errno, absl::StrFormat("%s: cannot open", path));
    }
    std::fclose(file);
  }
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  PcapHandle handle(pcap_open_offline_with_tstamp_precision(
      path.c_str(), PCAP_TSTAMP_PRECISION_NANO, error.data()));
  if (handle == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: not a capture file: %s", path, error.data()));
  }
  OSPREY_ASSIGN_OR_RETURN(const PcapLayer layer, LayerOf(handle.get(), path));
  return std::make_unique<PcapFileRing>(path, std::move(handle), layer);
}

absl::StatusOr<std::unique_ptr<PcapWriter>> PcapWriter::Create(const std::string& path,
                                                               LinkLayer layer) {
  PcapHandle handle(
      pcap_open_dead_with_tstamp_precision(layer == LinkLayer::kEthernet ? DLT_EN10MB : DLT_RAW,
                                           kMaxFrameBytes, PCAP_TSTAMP_PRECISION_NANO));
  if (handle == nullptr) return absl::ResourceExhaustedError("no memory for a capture file");
  errno = 0;
  pcap_dumper_t* dumper = pcap_dump_open(handle.get(), path.c_str());
  if (dumper == nullptr) {
    return absl::ErrnoToStatus(errno != 0 ? errno : EIO,
                               absl::StrFormat("%s: cannot write a capture file", path));
  }
  return std::unique_ptr<PcapWriter>(new PcapWriter(path, handle.release(), dumper));
}

PcapWriter::PcapWriter(std::string path, pcap_t* handle, pcap_dumper_t* dumper)
    : path_(std::move(path)), handle_(handle), dumper_(dumper) {}

PcapWriter::~PcapWriter() {
  pcap_dump_close(dumper_);
  pcap_close(handle_);
}

void PcapWriter::Write(std::span<const std::byte> frame, uint32_t wire_length,
                       int64_t realtime_ns) {
  pcap_pkthdr header{};
  header.ts.tv_sec = realtime_ns / kNsPerSecond;
  header.ts.tv_usec = realtime_ns % kNsPerSecond;
  header.caplen = static_cast<bpf_u_int32>(frame.size());
  header.len = wire_length;
  const std::lock_guard lock(mutex_);
  if (error_ != 0) return;
  pcap_dump(reinterpret_cast<u_char*>(dumper_), &header,
            reinterpret_cast<const u_char*>(frame.data()));
  if (std::ferror(pcap_dump_file(dumper_)) != 0) {
    NoteError();
  } else {
    ++frames_written_;
  }
}

void PcapWriter::NoteError() { error_ = errno != 0 ? errno : EIO; }

absl::Status PcapWriter::Flush() {
  const std::lock_guard lock(mutex_);
  if (error_ == 0 && pcap_dump_flush(dumper_) != 0) NoteError();
  if (error_ == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(error_, absl::StrFormat("%s: cannot write", path_));
}

uint64_t PcapWriter::frames_written() const {
  const std::lock_guard lock(mutex_);
  return frames_written_;
}

}  // namespace osprey::io
