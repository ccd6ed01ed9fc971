// SPDX-License-Identifier: Apache-2.0
#include "io/writers/text.h"

#include <algorithm>
#include <array>
#include <ctime>

namespace osprey::io {
namespace {

uint8_t Byte(std::string_view text, size_t i) { return static_cast<uint8_t>(text[i]); }

bool IsContinuation(std::string_view text, size_t i) {
  return i < text.size() && (Byte(text, i) & 0xC0) == 0x80;
}

struct Decoded {
  uint32_t code = 0;
  size_t length = 0;  // 0: no valid sequence starts here
};

// One character of RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
Decoded DecodeOne(std::string_view text, size_t i) {
  const uint32_t lead = Byte(text, i);
  if (lead < 0x80) return {lead, 1};
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return {};
  uint32_t code = lead & (0x7Fu >> length);
  for (size_t k = 1; k < length; ++k) {
    if (!IsContinuation(text, i + k)) return {};
    code = (code << 6) | (Byte(text, i + k) & 0x3Fu);
  }
  if (length == 3 && (code < 0x800 || (code >= 0xD800 && code <= 0xDFFF))) return {};
  if (length == 4 && (code < 0x10000 || code > 0x10FFFF)) return {};
  return {code, length};
}

void AppendLatin1(uint8_t byte, std::string& out) {
  out.push_back(static_cast<char>(0xC0 | (byte >> 6)));
  out.push_back(static_cast<char>(0x80 | (byte & 0x3F)));
}

bool AlwaysGood(uint32_t) { return true; }

bool GoodInXml(uint32_t code) {
  if (code < 0x20) return code == '\t' || code == '\n' || code == '\r';
  return code != 0xFFFE && code != 0xFFFF;
}

bool GoodInLine(uint32_t code) { return code >= 0x20 && (code < 0x7F || code > 0x9F); }

template <bool (*kGood)(uint32_t)>
std::string_view Clean(std::string_view text, std::string_view replacement, std::string& buffer) {
  size_t i = 0;
  while (i < text.size()) {
    const Decoded one = DecodeOne(text, i);
    if (one.length == 0 || !kGood(one.code)) break;
    i += one.length;
  }
  if (i == text.size()) return text;
  std::string out(text.substr(0, i));
  while (i < text.size()) {
    const Decoded one = DecodeOne(text, i);
    const uint32_t code = one.length == 0 ? Byte(text, i) : one.code;
    if (!kGood(code)) {
      out += replacement;
    } else if (one.length == 0) {
      AppendLatin1(Byte(text, i), out);
    } else {
      out += text.substr(i, one.length);
    }
    i += std::max<size_t>(one.length, 1);
  }
  buffer = std::move(out);
  return buffer;
}

std::tm LocalTime(int64_t epoch_s) {
  const std::time_t when = epoch_s;
  std::tm parts{};
  if (localtime_r(&when, &parts) == nullptr) parts = std::tm{};
  return parts;
}

}  // namespace

std::string_view ValidUtf8(std::string_view text, std::string& buffer) {
  return Clean<AlwaysGood>(text, "", buffer);
}

std::string_view ValidXml(std::string_view text, std::string& buffer) {
  return Clean<GoodInXml>(text, "\xEF\xBF\xBD", buffer);
}

std::string_view OneLine(std::string_view text, std::string& buffer) {
  return Clean<GoodInLine>(text, "?", buffer);
}

std::string LocalTimeText(int64_t epoch_s) {
  const std::tm parts = LocalTime(epoch_s);
  std::array<char, 64> text{};
  const size_t length = std::strftime(text.data(), text.size(), "%a %b %e %H:%M:%S %Y", &parts);
  return std::string(text.data(), length);
}

std::string StartTimeText(int64_t epoch_s) {
  const std::tm parts = LocalTime(epoch_s);
  std::array<char, 64> text{};
  const size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M %Z", &parts);
  return std::string(text.data(), length);
}

}  // namespace osprey::io
