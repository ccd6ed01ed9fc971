// SPDX-License-Identifier: Apache-2.0
#include "engine/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "absl/strings/str_format.h"

namespace osprey {
namespace {

absl::StatusOr<std::vector<Ipv4Addr>> AskSystem(const std::string& name) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  const int error = getaddrinfo(name.c_str(), nullptr, &hints, &raw);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> list(raw, &freeaddrinfo);
  if (error != 0) {
    const std::string message =
        absl::StrFormat("cannot resolve \"%s\": %s", name, gai_strerror(error));
    if (error == EAI_NONAME) return absl::NotFoundError(message);
    return absl::UnavailableError(message);
  }
  std::vector<Ipv4Addr> found;
  for (const addrinfo* entry = list.get(); entry != nullptr; entry = entry->ai_next) {
    sockaddr_in address;
    if (entry->ai_family != AF_INET || entry->ai_addrlen < sizeof(address)) continue;
    std::memcpy(&address, entry->ai_addr, sizeof(address));
    const Ipv4Addr addr{ntohl(address.sin_addr.s_addr)};
    if (std::find(found.begin(), found.end(), addr) == found.end()) found.push_back(addr);
  }
  if (found.empty()) {
    return absl::NotFoundError(absl::StrFormat("\"%s\" has no IPv4 address", name));
  }
  return found;
}

}  // namespace

Resolver SystemResolver() { return AskSystem; }

Resolver NoResolver() {
  return [](const std::string& name) -> absl::StatusOr<std::vector<Ipv4Addr>> {
    return absl::UnavailableError(
        absl::StrFormat("\"%s\" is a host name, and names are not looked up here", name));
  };
}

}  // namespace osprey
