// SPDX-License-Identifier: Apache-2.0
#pragma once
// Worlds described by a JSON file (docs/lab.md has the keys). Unknown keys and wrong types are
// errors that name the place.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tools/lab/world_spec.h"

namespace osprey::lab {

absl::StatusOr<WorldSpec> ReadConfig(const std::string& path);
// `name` stands for the file in messages.
absl::StatusOr<WorldSpec> ParseConfig(std::string_view text, std::string_view name);

}  // namespace osprey::lab
