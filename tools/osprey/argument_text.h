// SPDX-License-Identifier: Apache-2.0
#pragma once
// Command lines as text: Nmap's way of writing options, and a line that a journal can keep.

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace osprey::tools {

// A command line as one line that a shell (and SplitArguments) reads back.
std::string JoinArguments(const std::vector<std::string>& arguments);
absl::StatusOr<std::vector<std::string>> SplitArguments(std::string_view text);

// Nmap's options of several letters behind one dash (-iL, -oX, -Pn, -PS22, -T4, -vv), spelled so
// that a usual option parser reads them. Others are passed through.
std::vector<std::string> TranslateNmapStyle(const std::vector<std::string>& arguments);

}  // namespace osprey::tools
