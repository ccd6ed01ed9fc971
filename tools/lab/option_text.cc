// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/option_text.h"

#include "io/wire/bytes.h"
#include "tools/lab/value_choice.h"

namespace osprey::lab {
namespace {

constexpr uint8_t kEnd = 0;
constexpr uint8_t kNop = 1;
constexpr uint8_t kMss = 2;
constexpr uint8_t kWindowScale = 3;
constexpr uint8_t kSackPermitted = 4;
constexpr uint8_t kTimestamp = 8;
constexpr uint8_t kExperimental = 254;

class Writer {
 public:
  explicit Writer(OptionTemplate& out) : out_(out) {}
  bool ok() const { return ok_; }

  void Byte(uint32_t value) {
    if (out_.size >= out_.bytes.size()) {
      ok_ = false;
      return;
    }
    out_.bytes[out_.size++] = static_cast<std::byte>(value);
  }
  void Begin(uint8_t kind, uint8_t length) { Byte(kind), Byte(length); }
  void Number(uint32_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) Byte(value >> (8 * i) & 0xFF);
  }

  void Timestamp(bool value, bool echo) {
    Begin(kTimestamp, 10);
    if (!out_.has_timestamp && value) out_.tsval_at = out_.size;
    Number(value ? 1 : 0, 4);
    if (!out_.has_timestamp && echo) out_.tsecr_at = out_.size;
    Number(echo ? 0xFFFFFFFF : 0, 4);
    out_.has_timestamp = true;
  }

  // To a whole number of words. One byte left needs a longer option: the kind and its length
  // alone take two.
  void Fill() {
    uint32_t missing = (4u - out_.size % 4u) % 4u;
    if (missing == 0) return;
    if (missing == 1) missing = 5;
    Begin(kExperimental, static_cast<uint8_t>(missing));
    for (uint32_t i = 2; i < missing; ++i) Byte(0x55);
  }

 private:
  OptionTemplate& out_;
  bool ok_ = true;
};

// Cuts the hex digits at the start of `text` off.
std::optional<uint32_t> TakeHex(std::string_view& text) {
  const size_t end = std::min(text.find_first_not_of("0123456789ABCDEF"), text.size());
  const std::optional<uint32_t> value = ParseHex(text.substr(0, end));
  text.remove_prefix(end);
  return value;
}

bool TakeTimestamp(std::string_view& text, Writer& writer) {
  if (text.size() < 2 || (text[0] & ~1) != '0' || (text[1] & ~1) != '0') return false;
  writer.Timestamp(text[0] == '1', text[1] == '1');
  text.remove_prefix(2);
  return true;
}

bool TakeNumber(std::string_view& text, uint8_t kind, int bytes, Writer& writer) {
  const std::optional<uint32_t> value = TakeHex(text);
  if (!value || *value >> (8 * bytes) != 0) return false;
  writer.Begin(kind, static_cast<uint8_t>(2 + bytes));
  writer.Number(*value, bytes);
  return true;
}

bool TakeOption(std::string_view& text, Writer& writer) {
  const char name = text[0];
  text.remove_prefix(1);
  switch (name) {
    case 'L':
      return writer.Byte(kEnd), true;
    case 'N':
      return writer.Byte(kNop), true;
    case 'S':
      return writer.Begin(kSackPermitted, 2), true;
    case 'M':
      return TakeNumber(text, kMss, 2, writer);
    case 'W':
      return TakeNumber(text, kWindowScale, 1, writer);
    case 'T':
      return TakeTimestamp(text, writer);
    default:
      return false;
  }
}

bool Wanted(uint8_t kind, const OfferedOptions& offered) {
  if (kind == kWindowScale) return offered.window_scale;
  if (kind == kTimestamp) return offered.timestamp;
  if (kind == kSackPermitted) return offered.sack;
  return kind == kMss;
}

void Note(uint8_t kind, size_t length, const std::byte* at, SeenOptions& seen) {
  if (kind == kMss) seen.offered.mss = true;
  if (kind == kWindowScale) seen.offered.window_scale = true;
  if (kind == kSackPermitted) seen.offered.sack = true;
  if (kind != kTimestamp || length != 10 || seen.offered.timestamp) return;
  seen.offered.timestamp = true;
  seen.tsval = io::wire::Load32(at + 2);
}

}  // namespace

std::optional<OptionTemplate> ParseOptionText(std::string_view text) {
  OptionTemplate out;
  Writer writer(out);
  while (!text.empty()) {
    if (!TakeOption(text, writer)) return std::nullopt;
  }
  writer.Fill();
  if (!writer.ok()) return std::nullopt;
  return out;
}

OptionTemplate KeepOffered(const OptionTemplate& from, const OfferedOptions& offered) {
  OptionTemplate out;
  Writer writer(out);
  for (size_t i = 0; i < from.size;) {
    const auto kind = static_cast<uint8_t>(from.bytes[i]);
    if (kind == kNop || kind == kEnd) {
      ++i;
      continue;
    }
    const auto length = static_cast<uint8_t>(from.bytes[i + 1]);
    if (kind == kTimestamp && Wanted(kind, offered)) {
      writer.Timestamp(from.tsval_at != 0, from.tsecr_at != 0);
    } else if (Wanted(kind, offered)) {
      for (size_t j = 0; j < length; ++j) writer.Byte(static_cast<uint8_t>(from.bytes[i + j]));
    }
    i += length;
  }
  while (out.size % 4 != 0) writer.Byte(kNop);
  return out;
}

SeenOptions ReadOptions(std::span<const std::byte> options) noexcept {
  SeenOptions seen;
  for (size_t i = 0; i < options.size();) {
    const auto kind = static_cast<uint8_t>(options[i]);
    if (kind == kEnd) break;
    if (kind == kNop) {
      ++i;
      continue;
    }
    if (i + 1 >= options.size()) break;
    const auto length = static_cast<size_t>(options[i + 1]);
    if (length < 2 || i + length > options.size()) break;
    Note(kind, length, options.data() + i, seen);
    i += length;
  }
  return seen;
}

}  // namespace osprey::lab
