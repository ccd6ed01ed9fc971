// SPDX-License-Identifier: Apache-2.0
#include "io/reset_guard.h"

#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "io/file_descriptor.h"

namespace osprey::io {
namespace {

struct ContextFree {
  void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};
using Context = std::unique_ptr<nft_ctx, ContextFree>;

// The context's socket owns the table.
class NftablesGuard final : public ResetGuard {
 public:
  explicit NftablesGuard(Context context) : context_(std::move(context)) {}

 private:
  Context context_;
};

// libnftables ends the program if it gets no socket, so that is tried beforehand.
absl::Status CheckSocket() {
  const FileDescriptor socket_fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (socket_fd.valid()) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("this kernel has no nftables: ", absl::ErrnoToStatus(errno, "").message()));
}

// Names come from the kernel, which allows more characters than a rule does.
absl::Status CheckName(const std::string& name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == '@';
  };
  if (!name.empty() && std::all_of(name.begin(), name.end(), is_plain)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: an interface of this name cannot stand in an nftables rule", name));
}

absl::Status RuleError(const std::string& message) {
  const std::string first = std::vector<std::string>(absl::StrSplit(message, '\n')).front();
  if (first.find("Operation not permitted") != std::string::npos) {
    return absl::PermissionDeniedError(
        "need CAP_NET_ADMIN for the nftables rule that keeps the kernel from resetting "
        "connections; run as root");
  }
  return absl::UnavailableError(
      absl::StrFormat("the kernel does not take the nftables rule that keeps it from resetting "
                      "connections (Linux 5.12 or later is needed): %s",
                      first));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ResetGuard>> ResetGuard::Install(std::span<const GuardedLink> links,
                                                                PortRange ports, GuardHook hook) {
  for (const GuardedLink& link : links) OSPREY_RETURN_IF_ERROR(CheckName(link.name));
  OSPREY_RETURN_IF_ERROR(CheckSocket());
  Context context(nft_ctx_new(NFT_CTX_DEFAULT));
  if (context == nullptr || nft_ctx_buffer_error(context.get()) != 0 ||
      nft_ctx_buffer_output(context.get()) != 0) {
    return absl::ResourceExhaustedError("no memory for nftables");
  }
  // Several scans may run at a time, also in one process.
  static int serial = 0;
  const std::string table = absl::StrFormat("osprey_%d_%d", getpid(), ++serial);
  const std::string rules = GuardRules(links, ports, hook, table);
  if (nft_run_cmd_from_buffer(context.get(), rules.c_str()) != 0) {
    return RuleError(nft_ctx_get_error_buffer(context.get()));
  }
  return std::make_unique<NftablesGuard>(std::move(context));
}

}  // namespace osprey::io
