// SPDX-License-Identifier: Apache-2.0
#pragma once
// From the option string of a fingerprint ("M5B4ST11NW7") back to option bytes of a TCP header
// (docs/os-detection.md, 3.6). Set-up only.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace osprey::lab {

struct OptionTemplate {
  std::array<std::byte, 40> bytes{};
  uint8_t size = 0;  // a multiple of four
  // Where the first timestamp's value lies, to be patched with the host's clock; 0 if there is
  // none, since the two bytes of kind and length come first.
  uint8_t tsval_at = 0;
  uint8_t tsecr_at = 0;  // likewise, if the string says that the peer's value is echoed
  bool has_timestamp = false;

  std::span<const std::byte> view() const { return {bytes.data(), size}; }
};

// nullopt if the text is no option string, or describes more than 40 bytes. A string whose options
// do not fill whole words is completed with an option of an unknown kind, which leaves no trace in
// the string.
std::optional<OptionTemplate> ParseOptionText(std::string_view text);

// `from` without the options that a peer did not offer, as stacks answer: window scale,
// timestamp and SACK are sent only to those who sent them. Padded with NOP.
struct OfferedOptions {
  bool mss = false;
  bool window_scale = false;
  bool sack = false;
  bool timestamp = false;
};
OptionTemplate KeepOffered(const OptionTemplate& from, const OfferedOptions& offered);

// What the options of a received segment offer. Stops at the first malformed one.
struct SeenOptions {
  OfferedOptions offered;
  uint32_t tsval = 0;
};
SeenOptions ReadOptions(std::span<const std::byte> options) noexcept;

}  // namespace osprey::lab
