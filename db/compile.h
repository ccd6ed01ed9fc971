// SPDX-License-Identifier: Apache-2.0
#pragma once
// The last of the compiler's stages: rule set -> image bytes. Deterministic: the same text gives
// the same bytes, whatever the machine. Programs that only match need none of this.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "db/image.h"
#include "db/reference_text.h"
#include "db/rule_set.h"

namespace osprey::db {

// What a rule set was made from; part of the image.
struct SourceIdentity {
  std::array<uint8_t, 32> sha256{};
  uint64_t bytes = 0;
};
SourceIdentity IdentityOf(std::string_view text);

struct CompileOptions {
  uint64_t max_bytes = uint64_t{1} << 31;  // of the image
};

// ResourceExhausted if the image would be larger than allowed, or for points whose sum does not
// fit (image_format.h, kMaxPlanes).
absl::StatusOr<ImageBytes> Compile(const RuleSet& rules, const SourceIdentity& source,
                                   const CompileOptions& options = {});

struct CompiledText {
  ImageBytes bytes;
  std::vector<Diagnostic> diagnostics;  // what was left out, and why
};

// All stages. The identity is that of `text`, or the one a dumped image says it came from.
absl::StatusOr<CompiledText> CompileText(std::string_view text, std::string_view file_name,
                                         const CompileOptions& options = {});

// For small databases and tests: compiles into memory and opens the result. `diagnostics`, if
// given, receives what was left out.
absl::StatusOr<Image> ImageFromText(std::string_view text, std::string_view file_name,
                                    std::vector<Diagnostic>* diagnostics = nullptr);

}  // namespace osprey::db
