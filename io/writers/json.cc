// SPDX-License-Identifier: Apache-2.0
#include "io/writers/json.h"

#include <array>
#include <charconv>
#include <cstring>

#include "io/writers/text.h"

namespace osprey::io {
namespace {

constexpr uint64_t kOnes = 0x0101010101010101;
constexpr uint64_t kTops = kOnes * 0x80;

// Top bits of the bytes that are not plain, and perhaps of others if there is such a byte: one that
// has its own, one below ' ', or one that is '"' or '\\', which less 1 wraps round.
constexpr uint64_t NotPlain(uint64_t bytes) {
  return bytes | (bytes - kOnes * ' ') | ((bytes ^ kOnes * '"') - kOnes) |
         ((bytes ^ kOnes * '\\') - kOnes);
}

uint64_t Load(const char* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

}  // namespace

bool PlainTextWriter::IsPlain(std::string_view text) {
  constexpr size_t kWord = sizeof(uint64_t);
  uint64_t found = 0;
  if (text.size() >= kWord) {
    for (size_t i = 0; i + kWord <= text.size(); i += kWord) found |= NotPlain(Load(&text[i]));
    found |= NotPlain(Load(text.data() + text.size() - kWord));
  } else {
    uint64_t word = kOnes * ' ';
    for (const char c : text) word = word << 8 | static_cast<uint8_t>(c);
    found = NotPlain(word);
  }
  return (found & kTops) == 0;
}

void PlainTextWriter::PlainString(std::string_view text) {
  Prefix(rapidjson::kStringType);
  char* const out = os_->Push(text.size() + 2);
  out[0] = '"';
  if (!text.empty()) std::memcpy(out + 1, text.data(), text.size());
  out[text.size() + 1] = '"';
}

void JsonLine::Value(std::string_view text) {
  if (PlainTextWriter::IsPlain(text)) return writer_.PlainString(text);
  const std::string_view valid = ValidUtf8(text, scratch_);
  writer_.String(valid.data(), static_cast<rapidjson::SizeType>(valid.size()));
}

void JsonLine::Accuracy(double accuracy) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), accuracy,
                                 std::chars_format::fixed, 6);
  writer_.RawValue(digits.data(), static_cast<size_t>(end.ptr - digits.data()),
                   rapidjson::kNumberType);
}

}  // namespace osprey::io
