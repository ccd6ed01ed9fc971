// SPDX-License-Identifier: Apache-2.0
// Any text: parsing, checking and compiling end, with an error or with an image whose dump compiles
// to the same bytes.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "db/check.h"
#include "db/compile.h"
#include "db/dump.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace osprey;  // NOLINT: the entry point is outside of all namespaces
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto compiled = db::CompileText(text, "fuzz");
  static_cast<void>(db::CheckText(text, "fuzz"));
  if (!compiled.ok()) return 0;
  const auto image = db::Image::FromBytes(compiled->bytes.bytes());
  OSPREY_CHECK(image.ok());
  const std::string dump = db::Dump(*image);
  const auto again = db::CompileText(dump, "dump");
  OSPREY_CHECK(again.ok());
  const auto a = compiled->bytes.bytes();
  const auto b = again->bytes.bytes();
  OSPREY_CHECK(std::string_view(reinterpret_cast<const char*>(a.data()), a.size()) ==
               std::string_view(reinterpret_cast<const char*>(b.data()), b.size()));
  return 0;
}
