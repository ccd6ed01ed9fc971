// SPDX-License-Identifier: Apache-2.0
#include "io/netlink.h"

#include <arpa/inet.h>
#include <netlink/addr.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace osprey::io {

absl::StatusOr<NlSocket> ConnectRouteNetlink() {
  NlSocket socket(nl_socket_alloc());
  if (socket == nullptr) return absl::ResourceExhaustedError("netlink: no memory for a socket");
  if (const int result = nl_connect(socket.get(), NETLINK_ROUTE); result < 0) {
    return absl::UnavailableError(
        absl::StrFormat("netlink: cannot connect: %s", nl_geterror(result)));
  }
  // A full table of routes comes in large messages.
  nl_socket_set_buffer_size(socket.get(), 1 << 20, 0);
  return socket;
}

absl::StatusOr<NlCache> DumpTable(const char* what,
                                  absl::FunctionRef<int(nl_sock*, nl_cache**)> allocate) {
  constexpr int kTries = 5;
  OSPREY_ASSIGN_OR_RETURN(NlSocket socket, ConnectRouteNetlink());
  int result = 0;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    nl_cache* cache = nullptr;
    result = allocate(socket.get(), &cache);
    if (result >= 0) return NlCache(cache);
    if (result != -NLE_DUMP_INTR) break;
  }
  return absl::UnavailableError(
      absl::StrFormat("netlink: cannot read the %s: %s", what, nl_geterror(result)));
}

bool ToIpv4(nl_addr* address, Ipv4Addr& out) {
  if (address == nullptr || nl_addr_get_family(address) != AF_INET) return false;
  uint32_t net_order = 0;
  // A prefix may be stored with fewer bytes than an address; 0.0.0.0/0 with none.
  std::memcpy(&net_order, nl_addr_get_binary_addr(address),
              std::min<size_t>(nl_addr_get_len(address), sizeof net_order));
  out.host_order = ntohl(net_order);
  return true;
}

}  // namespace osprey::io
