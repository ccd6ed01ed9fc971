// SPDX-License-Identifier: Apache-2.0
// Journal text -> observation: whatever the text, it is refused or gives an observation that
// encodes to something that decodes to the same, and from which a fingerprint can be built.
// Input: any text, or "!" followed by the bytes behind the base64.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/escaping.h"
#include "base/check.h"
#include "matcher/fingerprint_builder.h"
#include "matcher/merge.h"
#include "matcher/observation_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace osprey::matcher;
  std::string text(data, data + size);
  if (text.starts_with('!')) text = absl::WebSafeBase64Escape(text.substr(1));
  const auto stored = DecodeObservation(text);
  if (!stored.ok()) return 0;

  const std::string again = EncodeObservation(stored->round, stored->facts);
  const auto twice = DecodeObservation(again);
  OSPREY_CHECK(twice.ok());
  OSPREY_CHECK(EncodeObservation(twice->round, twice->facts) == again);

  osprey::db::Fingerprint fingerprint;
  SequenceFacts sequence;
  BuildFingerprint(stored->round, stored->facts, fingerprint, &sequence);
  osprey::db::Fingerprint same;
  BuildFingerprint(twice->round, twice->facts, same);
  OSPREY_CHECK(fingerprint == same);
  const std::string printed =
      PrintedFingerprint("SCAN()", {&fingerprint, 1}, PrintedForm::kWrapped);
  OSPREY_CHECK(printed.size() <= kMaxPrintedBytes);
  return 0;
}
