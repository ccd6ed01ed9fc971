// SPDX-License-Identifier: Apache-2.0
// Any text as a subject: an error with a place, or a fingerprint whose text reads back as the same,
// and that the matcher and its twin rank alike against the built-in database.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "db/compile.h"
#include "db/locate.h"
#include "db/subject.h"
#include "db/text_parser.h"
#include "matcher/matcher.h"
#include "tests/testing/reference_matcher.h"

namespace {

using namespace osprey;  // NOLINT

struct World {
  db::Ast ast = db::ParseReferences(db::BuiltinText(), "built-in").value();
  db::Image image = db::ImageFromText(db::BuiltinText(), "built-in").value();
  matcher::Matcher matcher{image};
  matcher::Scratch scratch{image, {.cache_bytes = size_t{1} << 20}};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static World& world = *new World;
  db::Subject subject;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (!db::ParseSubject(text, subject).ok()) return 0;
  const std::string printed = subject.fingerprint.Text("");
  if (!printed.empty()) {
    const auto again = db::ParseSubject(printed);
    OSPREY_CHECK(again.ok() && *again == subject.fingerprint);
  }
  matcher::MatchList list;
  world.matcher.Match(subject.fingerprint, world.scratch, list);
  OSPREY_CHECK(list == testing::ReferenceMatch(world.ast, subject.fingerprint));
  return 0;
}
