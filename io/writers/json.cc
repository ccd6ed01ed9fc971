// SPDX-License-Identifier: Apache-2.0
#include "io/writers/json.h"

#include <array>
#include <charconv>

#include "io/writers/text.h"

namespace osprey::io {

void JsonLine::Value(std::string_view text) {
  const std::string_view valid = ValidUtf8(text, scratch_);
  writer_.String(valid.data() == nullptr ? "" : valid.data(),
                 static_cast<rapidjson::SizeType>(valid.size()));
}

void JsonLine::Accuracy(double accuracy) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), accuracy,
                                 std::chars_format::fixed, 6);
  writer_.RawValue(digits.data(), static_cast<size_t>(end.ptr - digits.data()),
                   rapidjson::kNumberType);
}

}  // namespace osprey::io
