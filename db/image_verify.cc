// SPDX-License-Identifier: Apache-2.0
// Image::Verify: whatever the bytes, either an error that says what is wrong, or views that can be
// walked without further checks. Every loop is bounded by the size of the file.
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "db/hex_order.h"
#include "db/image.h"

namespace osprey::db {
namespace {

absl::Status Unsound(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrFormat("unsound compiled database: %s", what));
}

// [first, first + count) lies within `size` elements.
bool Fits(uint64_t first, uint64_t count, uint64_t size) {
  return first <= size && count <= size - first;
}

absl::Status VerifyHeader(const ImageHeader& header, size_t size) {
  if (header.magic != kImageMagic) {
    return absl::InvalidArgumentError("not a compiled Osprey database");
  }
  if (header.format_version != kImageFormatVersion) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "compiled in format %u, but this program reads format %u; compile the text again",
        header.format_version, kImageFormatVersion));
  }
  if (header.header_bytes != sizeof(ImageHeader)) return Unsound("size of the header");
  if (header.byte_size != size) {
    return absl::InvalidArgumentError(
        absl::StrFormat("compiled database of %u bytes, but its header says %u; is it truncated?",
                        size, header.byte_size));
  }
  return absl::OkStatus();
}

absl::Status VerifyCounts(const ImageHeader& header) {
  const uint64_t blocks = (uint64_t{header.reference_count} + kBlockBits - 1) / kBlockBits;
  if (header.reference_count == 0 || header.block_count != blocks) return Unsound("references");
  if (header.set_count == 0 || header.pool_block_count == 0) return Unsound("sets");
  if (header.point_unit == 0 || header.plane_count == 0 || header.plane_count > kMaxPlanes) {
    return Unsound("points");
  }
  return absl::OkStatus();
}

// The sections as typed views.
class Verifier {
 public:
  explicit Verifier(std::span<const std::byte> bytes, const ImageHeader& header)
      : bytes_(bytes), header_(header) {}

  template <typename Record>
  absl::Status View(Section section, std::span<const Record>& out) const {
    const SectionRef& ref = header_.sections[static_cast<size_t>(section)];
    if (ref.offset % kSectionAlignment != 0 || ref.bytes % sizeof(Record) != 0 ||
        ref.offset < sizeof(ImageHeader) || !Fits(ref.offset, ref.bytes, bytes_.size())) {
      return Unsound(absl::StrFormat("section %d", static_cast<int>(section)));
    }
    const std::byte* const start = bytes_.data() + ref.offset;
    out = {reinterpret_cast<const Record*>(start), ref.bytes / sizeof(Record)};
    return absl::OkStatus();
  }

 private:
  std::span<const std::byte> bytes_;
  const ImageHeader& header_;
};

template <typename Range, typename Predicate>
bool All(const Range& range, Predicate predicate) {
  // No early exit: such loops become vector code.
  bool good = true;
  for (const auto& element : range) good = predicate(element) && good;
  return good;
}

// Probing a table must end: it has an empty slot, and a power of two of slots.
template <typename Slot, typename IsEmpty>
bool GoodTable(std::span<const Slot> all, uint32_t first, uint32_t slots, IsEmpty is_empty) {
  if (slots == 0) return true;
  if (!std::has_single_bit(slots) || !Fits(first, slots, all.size())) return false;
  const auto table = all.subspan(first, slots);
  return std::any_of(table.begin(), table.end(), is_empty);
}

}  // namespace

absl::Status Image::Verify() {
  if (bytes_.size() < sizeof(ImageHeader)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%u bytes are too few for a compiled database", bytes_.size()));
  }
  header_ = reinterpret_cast<const ImageHeader*>(bytes_.data());
  OSPREY_RETURN_IF_ERROR(VerifyHeader(*header_, bytes_.size()));
  if (XXH3_64bits(bytes_.data() + kChecksumStart, bytes_.size() - kChecksumStart) !=
      header_->checksum) {
    return absl::InvalidArgumentError("compiled database is damaged: its checksum is wrong");
  }
  OSPREY_RETURN_IF_ERROR(VerifyCounts(*header_));
  OSPREY_RETURN_IF_ERROR(SetViews());
  OSPREY_RETURN_IF_ERROR(VerifyAttributes());
  OSPREY_RETURN_IF_ERROR(VerifyReferences());
  return VerifyValues();
}

absl::Status Image::SetViews() {
  const Verifier verifier(bytes_, *header_);
  OSPREY_RETURN_IF_ERROR(verifier.View(Section::kStrings, strings_));
  OSPREY_RETURN_IF_ERROR(verifier.View(Section::kAttributes, attributes_));
  OSPREY_RETURN_IF_ERROR(verifier.View(Section::kExpressions, expressions_));
  OSPREY_RETURN_IF_ERROR(verifier.View(Section::kTestLines, test_lines_));
  OSPREY_RETURN_IF_ERROR(verifier.View(Section::kLineParts, line_parts_));
  OSPREY_RETURN_IF_ERROR(verifier.View(Section::kReferences, references_));
  OSPREY_RETURN_IF_ERROR(verifier.View(Section::kReferenceLines, reference_lines_));
  OSPREY_RETURN_IF_ERROR(verifier.View(Section::kClasses, classes_));
  OSPREY_RETURN_IF_ERROR(verifier.View(Section::kCpes, cpes_));
  OSPREY_RETURN_IF_ERROR(verifier.View(Section::kKeys, keys_));
  OSPREY_RETURN_IF_ERROR(verifier.View(Section::kKeySets, key_sets_));
  OSPREY_RETURN_IF_ERROR(verifier.View(Section::kShortValues, short_values_));
  OSPREY_RETURN_IF_ERROR(verifier.View(Section::kLongValues, long_values_));
  OSPREY_RETURN_IF_ERROR(verifier.View(Section::kOutlines, outlines_));
  OSPREY_RETURN_IF_ERROR(verifier.View(Section::kSets, sets_));
  OSPREY_RETURN_IF_ERROR(verifier.View(Section::kBlocks, blocks_));
  const ImageHeader& h = *header_;
  if (attributes_.size() != kAttributeCount || references_.size() != h.reference_count ||
      reference_lines_.size() != size_t{h.reference_count} * kLineCount ||
      sets_.size() != size_t{h.set_count} * h.block_count ||
      blocks_.size() != size_t{h.pool_block_count} * kBlockWords) {
    return Unsound("sizes of sections");
  }
  if (!GoodText(h.version_notice)) return Unsound("version notice");
  return absl::OkStatus();
}

absl::Status Image::VerifyAttributes() const {
  const ImageHeader& h = *header_;
  uint64_t sum = 0;
  uint64_t expressions = 0;
  for (const AttributeRecord& a : attributes_) {
    if (a.points % h.point_unit != 0) return Unsound("points");
    sum += a.points / h.point_unit;
    // The attributes divide the expressions among them, in order.
    if (a.first_expression != expressions) return Unsound("expressions of attributes");
    expressions += a.expression_count;
    const bool good = GoodSet(a.present_set) && Fits(a.first_key, a.key_count, keys_.size()) &&
                      Fits(a.first_key_set, 2 * uint64_t{a.key_count} + 1, key_sets_.size()) &&
                      Fits(a.first_outline, a.outline_count, outlines_.size()) &&
                      GoodTable(short_values_, a.first_short, a.short_slots,
                                [](const ShortValue& v) { return v.key == kLongKey; }) &&
                      GoodTable(long_values_, a.first_long, a.long_slots,
                                [](const LongValue& v) { return v.text.size == 0; });
    if (!good) return Unsound("attributes");
  }
  if (expressions != expressions_.size()) return Unsound("expressions of attributes");
  if (static_cast<uint32_t>(std::bit_width(sum)) > h.plane_count) return Unsound("points");
  return absl::OkStatus();
}

absl::Status Image::VerifyReferences() const {
  const bool good_lines =
      All(expressions_,
          [&](const ExpressionRecord& e) { return GoodText(e.text) && GoodSet(e.set); }) &&
      All(test_lines_,
          [&](const TestLineRecord& line) {
            return (line.line < kLineCount) &&
                   Fits(line.first_part, line.part_count, line_parts_.size());
          }) &&
      All(line_parts_, [&](uint32_t part) { return part < expressions_.size(); }) &&
      All(reference_lines_,
          [&](uint32_t line) { return line == kNone || (line < test_lines_.size()); });
  if (!good_lines) return Unsound("test lines");
  const bool good_references =
      All(references_,
          [&](const ReferenceRecord& r) {
            return GoodText(r.name) && (r.name_id < header_->reference_count) &&
                   Fits(r.first_class, r.class_count, classes_.size());
          }) &&
      All(classes_,
          [&](const ClassRecord& c) {
            return GoodText(c.vendor) && GoodText(c.family) && GoodText(c.generation) &&
                   GoodText(c.type) && Fits(c.first_cpe, c.cpe_count, cpes_.size());
          }) &&
      All(cpes_, [&](TextRef cpe) { return GoodText(cpe); });
  return good_references ? absl::OkStatus() : Unsound("references");
}

absl::Status Image::VerifyValues() const {
  const bool good =
      All(key_sets_, [&](uint32_t set) { return GoodSet(set); }) &&
      All(short_values_, [&](const ShortValue& v) { return GoodSet(v.set); }) &&
      All(long_values_, [&](const LongValue& v) { return GoodText(v.text) && GoodSet(v.set); }) &&
      All(outlines_, [&](const OutlineRecord& o) { return o.expression < expressions_.size(); }) &&
      All(sets_, [&](uint32_t block) { return block < header_->pool_block_count; });
  if (!good) return Unsound("value tables");
  const auto is_zero = [](uint64_t word) { return word == 0; };
  const auto empty_set = sets_.first(header_->block_count);
  const auto empty_block = blocks_.first(kBlockWords);
  if (!std::all_of(empty_set.begin(), empty_set.end(), is_zero) ||
      !std::all_of(empty_block.begin(), empty_block.end(), is_zero)) {
    return Unsound("the empty set");
  }
  return VerifyLastBlocks();
}

// No set names references that there are not.
absl::Status Image::VerifyLastBlocks() const {
  const size_t last = header_->block_count - 1;
  const size_t used = header_->reference_count - last * kBlockBits;  // 1..kBlockBits
  std::array<uint64_t, kBlockWords> forbidden{};
  for (size_t bit = used; bit < kBlockBits; ++bit) {
    forbidden[bit / 64] |= uint64_t{1} << (bit % 64);
  }
  uint64_t found = 0;
  for (uint32_t i = 0; i < header_->set_count; ++i) {
    const uint64_t* const block = blocks() + size_t{set(i)[last]} * kBlockWords;
    for (size_t w = 0; w < kBlockWords; ++w) found |= block[w] & forbidden[w];
  }
  return found == 0 ? absl::OkStatus() : Unsound("bits of reference sets");
}

}  // namespace osprey::db
