// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes, opening either fails cleanly or gives an image that can be walked, dumped and
// matched against. The checksum is put right first: it would stop nearly every input.
#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "db/dump.h"
#include "db/info.h"
#include "db/subject.h"
#include "matcher/classes.h"
#include "matcher/matcher.h"

namespace {

using namespace osprey;  // NOLINT

constexpr std::string_view kSubject =
    "SEQ(SP=104%GCD=1%ISR=10A%TI=Z%CI=Z%II=I%TS=A)OPS(O1=M5B4ST11NWA%O2=M578)"
    "T1(R=Y%DF=Y%T=40%S=O%A=S+%F=AS%RD=0%Q=)T2(R=N)IE(R=Y%DFI=N%T=40%CD=S)";

db::ImageBytes WithChecksum(const uint8_t* data, size_t size) {
  db::ImageBytes bytes(size);
  std::memcpy(bytes.data(), data, size);
  if (size >= sizeof(db::ImageHeader)) {
    const uint64_t sum = XXH3_64bits(bytes.data() + db::kChecksumStart, size - db::kChecksumStart);
    std::memcpy(bytes.data() + offsetof(db::ImageHeader, checksum), &sum, sizeof(sum));
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > (size_t{1} << 20)) return 0;
  const auto image = db::Image::FromBytes(WithChecksum(data, size));
  if (!image.ok() || image->reference_count() > 100'000) return 0;
  static_cast<void>(db::InfoOf(*image));
  if (image->db_line(image->reference_count() - 1) < 100'000) static_cast<void>(db::Dump(*image));
  const auto subject = db::ParseSubject(kSubject);
  OSPREY_CHECK(subject.ok());
  const matcher::Matcher matcher(*image);
  matcher::Scratch scratch(*image, {.cache_bytes = size_t{1} << 20});
  matcher::MatchList list;
  for (int i = 0; i < 3; ++i) matcher.Match(*subject, scratch, list);
  static_cast<void>(matcher::CollectClasses(*image, list));
  return 0;
}
