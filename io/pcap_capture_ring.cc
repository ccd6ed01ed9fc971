// SPDX-License-Identifier: Apache-2.0
#include "io/pcap_capture_ring.h"

#include <linux/if_packet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "io/file_descriptor.h"
#include "io/pcap_handle.h"

namespace osprey::io {
namespace {

class PcapCaptureRing final : public CaptureRing {
 public:
  PcapCaptureRing(std::string link_name, PcapHandle handle, PcapLayer layer, FileDescriptor bell)
      : link_name_(std::move(link_name)),
        handle_(std::move(handle)),
        layer_(layer),
        bell_(std::move(bell)) {}

  std::string_view name() const override { return "pcap"; }
  LinkLayer link_layer() const override { return layer_.layer; }
  size_t Poll(int timeout_ms, size_t max, absl::FunctionRef<void(const FrameView&)> sink) override;
  void Break() override;
  absl::Status status() const override { return status_; }
  CaptureCounters Counters() override;

 private:
  size_t Read(size_t max, absl::FunctionRef<void(const FrameView&)> sink);
  // True if the ring may have frames, false after `timeout_ms` or a Break.
  bool Wait(int timeout_ms);

  std::string link_name_;
  PcapHandle handle_;
  PcapLayer layer_;
  FileDescriptor bell_;  // eventfd
  absl::Status status_;
  CaptureCounters counters_;
  pcap_stat last_stat_{};
};

size_t PcapCaptureRing::Poll(int timeout_ms, size_t max,
                             absl::FunctionRef<void(const FrameView&)> sink) {
  // First: libpcap may hold the rest of a block, for which the descriptor is not readable.
  if (const size_t count = Read(max, sink); count > 0 || timeout_ms == 0) return count;
  return Wait(timeout_ms) ? Read(max, sink) : 0;
}

size_t PcapCaptureRing::Read(size_t max, absl::FunctionRef<void(const FrameView&)> sink) {
  if (!status_.ok()) return 0;
  const int result = DispatchFrames(handle_.get(), layer_, max, sink);
  if (result < 0) {
    status_ = absl::UnavailableError(
        absl::StrFormat("%s: capture ended: %s", link_name_, pcap_geterr(handle_.get())));
    return 0;
  }
  counters_.received += static_cast<size_t>(result);
  return static_cast<size_t>(result);
}

bool PcapCaptureRing::Wait(int timeout_ms) {
  // A dead ring stays readable for ever; then only Break counts.
  const int ring_fd = status_.ok() ? pcap_get_selectable_fd(handle_.get()) : -1;
  std::array<pollfd, 2> waiting = {pollfd{.fd = ring_fd, .events = POLLIN, .revents = 0},
                                   pollfd{.fd = bell_.get(), .events = POLLIN, .revents = 0}};
  if (poll(waiting.data(), waiting.size(), timeout_ms) <= 0) return false;
  if (waiting[1].revents != 0) {
    eventfd_t rings = 0;
    eventfd_read(bell_.get(), &rings);
  }
  return waiting[0].revents != 0;
}

void PcapCaptureRing::Break() { eventfd_write(bell_.get(), 1); }

CaptureCounters PcapCaptureRing::Counters() {
  pcap_stat now{};
  if (pcap_stats(handle_.get(), &now) == 0) {
    // libpcap counts in 32 bits: the difference is right across a wrap.
    counters_.dropped_kernel += now.ps_drop - last_stat_.ps_drop;
    counters_.dropped_interface += now.ps_ifdrop - last_stat_.ps_ifdrop;
    last_stat_ = now;
  }
  return counters_;
}

absl::Status ActivationError(const std::string& name, int code, pcap_t* handle) {
  switch (code) {
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
      return absl::PermissionDeniedError(
          absl::StrFormat("%s: need CAP_NET_RAW to capture packets; run as root", name));
    case PCAP_ERROR_NO_SUCH_DEVICE:
      return absl::NotFoundError(absl::StrFormat("%s: no such interface", name));
    case PCAP_ERROR_IFACE_NOT_UP:
      return absl::FailedPreconditionError(absl::StrFormat("%s: the interface is down", name));
    default:
      return absl::ResourceExhaustedError(
          absl::StrFormat("%s: cannot open the capture ring: %s: %s", name, pcap_statustostr(code),
                          pcap_geterr(handle)));
  }
}

absl::Status Activate(pcap_t* handle, const std::string& name, const CaptureOptions& options) {
  pcap_set_snaplen(handle, options.snap_bytes);
  pcap_set_promisc(handle, options.promiscuous ? 1 : 0);
  pcap_set_timeout(handle, options.block_ms);
  pcap_set_buffer_size(handle, options.buffer_bytes);
  pcap_set_immediate_mode(handle, options.immediate ? 1 : 0);
  // For nanoseconds libpcap has the kernel stamp every packet that comes in anywhere on the
  // machine, at 25 ns each; for microseconds the ring stamps what it takes, a moment later.
  pcap_set_tstamp_precision(handle, PCAP_TSTAMP_PRECISION_MICRO);
  if (const int code = pcap_activate(handle); code < 0) {
    return ActivationError(name, code, handle);
  }
  return absl::OkStatus();
}

absl::Status SetFilter(pcap_t* handle, const std::string& name, const std::string& expression) {
  bpf_program program{};
  if (pcap_compile(handle, &program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
    return absl::InternalError(absl::StrFormat("%s: cannot compile the filter \"%s\": %s", name,
                                               expression, pcap_geterr(handle)));
  }
  const int result = pcap_setfilter(handle, &program);
  pcap_freecode(&program);
  if (result != 0) {
    return absl::InternalError(
        absl::StrFormat("%s: cannot set the filter: %s", name, pcap_geterr(handle)));
  }
  return absl::OkStatus();
}

absl::Status SetBpfProgram(int fd, const std::string& name, int program) {
  if (program < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof program) == 0) {
    return absl::OkStatus();
  }
  return absl::ErrnoToStatus(errno, name + ": cannot attach the BPF program");
}

// Kernels before 4.20 lack the option; libpcap's direction check then does it, one copy later.
absl::Status IgnoreOutgoing(pcap_t* handle, const std::string& name) {
  const int on = 1;
  setsockopt(pcap_fileno(handle), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  if (pcap_setdirection(handle, PCAP_D_IN) != 0 || pcap_setnonblock(handle, 1, error.data()) != 0) {
    return absl::InternalError(
        absl::StrFormat("%s: cannot set up capture: %s", name, pcap_geterr(handle)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<CaptureRing>> OpenPcapCapture(const Link& link,
                                                             const CaptureFilter& filter,
                                                             const CaptureOptions& options) {
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  PcapHandle handle(pcap_create(link.name.c_str(), error.data()));
  if (handle == nullptr) {
    return absl::UnavailableError(
        absl::StrFormat("%s: cannot capture: %s", link.name, error.data()));
  }
  OSPREY_RETURN_IF_ERROR(Activate(handle.get(), link.name, options));
  OSPREY_ASSIGN_OR_RETURN(const PcapLayer layer, LayerOf(handle.get(), link.name));
  OSPREY_RETURN_IF_ERROR(SetFilter(handle.get(), link.name, ToPcapExpression(filter, layer.layer)));
  OSPREY_RETURN_IF_ERROR(SetBpfProgram(pcap_fileno(handle.get()), link.name, options.bpf_program));
  OSPREY_RETURN_IF_ERROR(IgnoreOutgoing(handle.get(), link.name));
  if (options.fanout != nullptr) {
    OSPREY_RETURN_IF_ERROR(JoinFanout(pcap_fileno(handle.get()), link.name, *options.fanout));
  }
  FileDescriptor bell(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!bell.valid()) return absl::ErrnoToStatus(errno, "cannot make an eventfd");
  return std::make_unique<PcapCaptureRing>(link.name, std::move(handle), layer, std::move(bell));
}

}  // namespace osprey::io
