// SPDX-License-Identifier: Apache-2.0
#include "tools/osprey/command.h"

#include <cstdio>
#include <string>

#include "io/writers/text.h"

namespace osprey::tools {

void PrintError(std::string_view message) {
  std::string buffer;
  const std::string_view line = io::OneLine(message, buffer);
  std::fprintf(stderr, "osprey: %.*s\n", static_cast<int>(line.size()), line.data());
}

void PrintError(const absl::Status& status) {
  const auto message = status.message();
  PrintError(std::string_view(message.data(), message.size()));
}

}  // namespace osprey::tools
