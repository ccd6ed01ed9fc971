// SPDX-License-Identifier: Apache-2.0
#pragma once
// Host names to addresses. Whoever needs it takes a Resolver, so tests need no network.

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/address.h"

namespace osprey {

// All IPv4 addresses of a name, in the order in which the system prefers them; never an empty list.
// NotFound if the name has none, Unavailable if nobody could be asked. May block.
using Resolver = std::function<absl::StatusOr<std::vector<Ipv4Addr>>(const std::string& name)>;

// getaddrinfo: /etc/hosts, then DNS, as the machine is set up.
Resolver SystemResolver();

// Answers every name with an error that says that names are not looked up (-n).
Resolver NoResolver();

}  // namespace osprey
