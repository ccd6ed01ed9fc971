// SPDX-License-Identifier: Apache-2.0
#pragma once
// Returning early with an absl::Status.

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define OSPREY_RETURN_IF_ERROR(expression)                          \
  do {                                                              \
    if (absl::Status osprey_status = (expression); !osprey_status.ok()) return osprey_status; \
  } while (false)

#define OSPREY_MACRO_JOIN_INNER(a, b) a##b
#define OSPREY_MACRO_JOIN(a, b) OSPREY_MACRO_JOIN_INNER(a, b)

// OSPREY_ASSIGN_OR_RETURN(auto value, Function());
#define OSPREY_ASSIGN_OR_RETURN(declaration, expression) \
  OSPREY_ASSIGN_OR_RETURN_INNER(OSPREY_MACRO_JOIN(osprey_status_or_, __LINE__), declaration, expression)
#define OSPREY_ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                          \
  if (!result.ok()) return result.status();                            \
  declaration = *std::move(result)
