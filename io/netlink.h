// SPDX-License-Identifier: Apache-2.0
#pragma once
// What link, route and neighbour share: a route netlink socket and the dump of one kernel table.
// For .cc files of this folder only.

#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "base/address.h"

namespace osprey::io {

struct NlSocketFree {
  void operator()(nl_sock* socket) const { nl_socket_free(socket); }
};
struct NlCacheFree {
  void operator()(nl_cache* cache) const { nl_cache_free(cache); }
};
using NlSocket = std::unique_ptr<nl_sock, NlSocketFree>;
using NlCache = std::unique_ptr<nl_cache, NlCacheFree>;

// Unavailable, with libnl's words, if netlink cannot be reached.
absl::StatusOr<NlSocket> ConnectRouteNetlink();

// Fills a cache by `allocate(socket, &cache)`, which gives libnl's result, and tries again when the
// kernel says that the table changed meanwhile. `what` names the table in errors.
absl::StatusOr<NlCache> DumpTable(const char* what,
                                  absl::FunctionRef<int(nl_sock*, nl_cache**)> allocate);

// Calls `each` for every object of the cache, as the type the cache holds.
template <class Object, class Each>
void ForEachObject(nl_cache* cache, Each each) {
  for (nl_object* object = nl_cache_get_first(cache); object != nullptr;
       object = nl_cache_get_next(object)) {
    each(reinterpret_cast<Object*>(object));
  }
}

// False unless `address` is an IPv4 address.
bool ToIpv4(nl_addr* address, Ipv4Addr& out);

}  // namespace osprey::io
