// SPDX-License-Identifier: Apache-2.0
#include "base/tcp_options.h"

#include <bit>

namespace osprey {
namespace {

enum Kind : uint8_t {
  kEnd = 0,
  kNop = 1,
  kMss = 2,
  kWindowScale = 3,
  kSackPermitted = 4,
  kSackBlocks = 5,
  kTimestamp = 8,
  kAlternateChecksum = 14,
};

using Bytes = std::span<const uint8_t>;

uint32_t BigEndian(Bytes bytes) {
  uint32_t value = 0;
  for (const uint8_t byte : bytes) value = (value << 8) | byte;
  return value;
}

bool AcceptedLength(uint8_t kind, size_t length) {
  switch (kind) {
    case kMss:
      return length == 4;
    case kWindowScale:
    case kAlternateChecksum:
      return length == 3;
    case kSackPermitted:
      return length == 2;
    case kSackBlocks:
      return length > 2 && (length - 2) % 8 == 0;
    case kTimestamp:
      return length == 10;
    default:
      return length >= 1;
  }
}

// The length that the option string needs at least. Longer options are skipped by their length.
size_t MinimumLength(uint8_t kind) {
  switch (kind) {
    case kMss:
      return 4;
    case kWindowScale:
      return 3;
    case kTimestamp:
      return 10;
    default:
      return 2;
  }
}

// Steps over one option of the string walk: returns it and shortens `rest`. Empty if the walk
// fails here. REQUIRES: !rest.empty()
Bytes TakeOption(Bytes& rest) {
  size_t length = 1;
  if (rest[0] != kEnd && rest[0] != kNop) {
    if (rest.size() < 2) return {};
    length = rest[1];
    if (length < MinimumLength(rest[0]) || length > rest.size()) return {};
  }
  const Bytes option = rest.first(length);
  rest = rest.subspan(length);
  return option;
}

// Appends `value` in upper-case hexadecimal without leading zeros.
char* AppendHex(uint32_t value, char* out) {
  int digits = value == 0 ? 1 : (static_cast<int>(std::bit_width(value)) + 3) / 4;
  while (digits-- > 0) *out++ = "0123456789ABCDEF"[(value >> (4 * digits)) & 0xF];
  return out;
}

char* AppendOption(Bytes option, char* out) {
  switch (option[0]) {
    case kEnd:
      *out++ = 'L';
      break;
    case kNop:
      *out++ = 'N';
      break;
    case kMss:
      *out++ = 'M';
      return AppendHex(BigEndian(option.subspan(2, 2)), out);
    case kWindowScale:
      *out++ = 'W';
      return AppendHex(option[2], out);
    case kSackPermitted:
      *out++ = 'S';
      break;
    case kTimestamp:
      *out++ = 'T';
      *out++ = BigEndian(option.subspan(2, 4)) != 0 ? '1' : '0';
      *out++ = BigEndian(option.subspan(6, 4)) != 0 ? '1' : '0';
      break;
    default:
      break;
  }
  return out;
}

Bytes InHeader(Bytes options) {
  return options.size() > kMaxTcpOptionBytes ? options.first(kMaxTcpOptionBytes) : options;
}

}  // namespace

bool AcceptOptions(std::span<const uint8_t> options) noexcept {
  Bytes rest = options;
  while (rest.size() > 1) {
    if (rest[0] == kEnd) return true;
    size_t length = 1;
    if (rest[0] != kNop) {
      length = rest[1];
      if (!AcceptedLength(rest[0], length) || length > rest.size()) return false;
    }
    rest = rest.subspan(length);
  }
  return rest.empty() || rest[0] == kEnd || rest[0] == kNop;
}

size_t OptionString(std::span<const uint8_t> options, char* out) noexcept {
  char* end = out;
  for (Bytes rest = InHeader(options); !rest.empty();) {
    const Bytes option = TakeOption(rest);
    if (option.empty()) return 0;
    end = AppendOption(option, end);
  }
  return static_cast<size_t>(end - out);
}

std::optional<TcpTimestamp> FindTimestamp(std::span<const uint8_t> options) noexcept {
  for (Bytes rest = InHeader(options); !rest.empty();) {
    const Bytes option = TakeOption(rest);
    if (option.empty()) return std::nullopt;
    if (option[0] == kTimestamp && option.size() == 10) {
      return TcpTimestamp{.tsval = BigEndian(option.subspan(2, 4)),
                          .tsecr = BigEndian(option.subspan(6, 4))};
    }
  }
  return std::nullopt;
}

}  // namespace osprey
