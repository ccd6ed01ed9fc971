// SPDX-License-Identifier: Apache-2.0
#include "db/info.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"

namespace osprey::db {

DatabaseInfo InfoOf(const Image& image) {
  const ImageHeader& header = image.header();
  DatabaseInfo info;
  info.references = image.reference_count();
  for (size_t r = 0; r < image.reference_count(); ++r) {
    if (image.reference(r).name_id == r) ++info.names;
    info.classes += image.classes(r).size();
    for (const ClassRecord& c : image.classes(r)) info.cpes += image.cpes(c).size();
    for (const uint32_t line : image.lines(r)) {
      if (line == kNone) continue;
      ++info.lines;
      info.expressions += image.parts(image.test_lines()[line]).size();
    }
  }
  for (const AttributeRecord& a : image.attributes()) {
    info.points += a.points;
    if (a.points != 0) ++info.scored_attributes;
  }
  info.distinct_expressions = image.expressions().size();
  info.distinct_lines = image.test_lines().size();
  info.reference_sets = header.set_count;
  info.blocks = header.pool_block_count;
  info.image_bytes = header.byte_size;
  info.source_bytes = header.source_bytes;
  info.source_sha256 = absl::BytesToHexString(absl::string_view(
      reinterpret_cast<const char*>(header.source_sha256.data()), header.source_sha256.size()));
  info.version_notice = image.version_notice();
  return info;
}

std::string DatabaseInfo::Text() const {
  return absl::StrFormat(
      "references:   %d with %d names, %d classes, %d CPEs\n"
      "expressions:  %d, %d distinct\n"
      "test lines:   %d, %d distinct\n"
      "points:       %d for %d attributes\n"
      "index:        %d reference sets of %d distinct blocks\n"
      "image:        %d bytes, format %d\n"
      "source:       %d bytes, SHA-256 %s\n",
      references, names, classes, cpes, expressions, distinct_expressions, lines, distinct_lines,
      points, scored_attributes, reference_sets, blocks, image_bytes, kImageFormatVersion,
      source_bytes, source_sha256);
}

}  // namespace osprey::db
