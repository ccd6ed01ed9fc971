// SPDX-License-Identifier: Apache-2.0
#pragma once
// A compiled database, ready to use: typed, read-only views of image bytes.
//
// Opening verifies everything that a reader relies on (checksum, sizes, every offset and index), so
// that no bytes whatever can make a reader leave the image; after that nothing is checked again.
// The object is a handle: copies share the bytes, which live as long as any of them. Immutable, and
// safe to use from any number of threads. A mapped image shares its memory between processes.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "db/image_format.h"

namespace osprey::db {

// Memory for an image, zeroed, at an address that is a multiple of 64.
class ImageBytes {
 public:
  ImageBytes() = default;
  explicit ImageBytes(size_t size);

  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  size_t size() const { return size_; }
  std::span<const std::byte> bytes() const { return {data(), size_}; }

 private:
  struct Free {
    void operator()(std::byte* data) const;
  };
  std::unique_ptr<std::byte[], Free> data_;
  size_t size_ = 0;
};

class Image {
 public:
  // Takes the bytes over. InvalidArgument says why they are not a sound image.
  static absl::StatusOr<Image> FromBytes(ImageBytes bytes);
  // Copies the bytes.
  static absl::StatusOr<Image> FromBytes(std::span<const std::byte> bytes);
  // Maps a file. NotFound, PermissionDenied or Unavailable if it cannot be read, else as above;
  // messages start with the path. The file may be replaced by rename at any time, but must not be
  // changed in place while it is mapped.
  static absl::StatusOr<Image> Open(const std::string& path);

  std::span<const std::byte> bytes() const { return bytes_; }
  const ImageHeader& header() const { return *header_; }

  size_t reference_count() const { return header_->reference_count; }
  size_t block_count() const { return header_->block_count; }
  size_t plane_count() const { return header_->plane_count; }
  std::string_view Text(TextRef ref) const { return {strings_.data() + ref.offset, ref.size}; }
  std::string_view version_notice() const { return Text(header_->version_notice); }

  // REQUIRES for all of these: indices within their section.
  const ReferenceRecord& reference(size_t i) const { return references_[i]; }
  std::string_view name(size_t reference) const { return Text(references_[reference].name); }
  uint32_t db_line(size_t reference) const { return references_[reference].db_line; }
  std::span<const ClassRecord> classes(size_t reference) const {
    return classes_.subspan(references_[reference].first_class, references_[reference].class_count);
  }
  std::span<const TextRef> cpes(const ClassRecord& c) const {
    return cpes_.subspan(c.first_cpe, c.cpe_count);
  }
  // The test lines of a reference, kLineCount of them: indices, or kNone.
  std::span<const uint32_t> lines(size_t reference) const {
    return reference_lines_.subspan(reference * kLineCount, kLineCount);
  }

  std::span<const AttributeRecord> attributes() const { return attributes_; }
  std::span<const ExpressionRecord> expressions() const { return expressions_; }
  std::span<const ExpressionRecord> expressions(AttributeId attribute) const {
    const AttributeRecord& record = attributes_[attribute];
    return expressions_.subspan(record.first_expression, record.expression_count);
  }
  std::span<const TestLineRecord> test_lines() const { return test_lines_; }
  // The expressions of a test line, as indices into expressions().
  std::span<const uint32_t> parts(const TestLineRecord& line) const {
    return line_parts_.subspan(line.first_part, line.part_count);
  }
  // The expression of a reference for an attribute; nullptr if it has none.
  const ExpressionRecord* Find(size_t reference, AttributeId attribute) const;

  std::span<const uint64_t> keys() const { return keys_; }
  std::span<const uint32_t> key_sets() const { return key_sets_; }
  std::span<const ShortValue> short_values() const { return short_values_; }
  std::span<const LongValue> long_values() const { return long_values_; }
  std::span<const OutlineRecord> outlines() const { return outlines_; }
  // block_count() indices of blocks. Set 0 is empty.
  const uint32_t* set(uint32_t id) const { return sets_.data() + size_t{id} * block_count(); }
  // kBlockWords words each. Block 0 is zero.
  const uint64_t* blocks() const { return blocks_.data(); }
  bool Contains(uint32_t set_id, size_t reference) const {
    const uint64_t* block = blocks() + size_t{set(set_id)[reference / kBlockBits]} * kBlockWords;
    return (block[reference % kBlockBits / 64] >> (reference % 64)) & 1;
  }

 private:
  explicit Image(std::shared_ptr<const void> owner, std::span<const std::byte> bytes)
      : owner_(std::move(owner)), bytes_(bytes) {}

  // Sets the views. The only place that looks at unverified bytes.
  absl::Status Verify();
  absl::Status SetViews();
  absl::Status VerifyAttributes() const;
  absl::Status VerifyReferences() const;
  absl::Status VerifyValues() const;
  absl::Status VerifyLastBlocks() const;
  bool GoodText(TextRef ref) const {
    return ref.offset <= strings_.size() && ref.size <= strings_.size() - ref.offset;
  }
  bool GoodSet(uint32_t id) const { return id < header_->set_count; }

  std::shared_ptr<const void> owner_;
  std::span<const std::byte> bytes_;
  const ImageHeader* header_ = nullptr;
  std::span<const char> strings_;
  std::span<const AttributeRecord> attributes_;
  std::span<const ExpressionRecord> expressions_;
  std::span<const TestLineRecord> test_lines_;
  std::span<const uint32_t> line_parts_;
  std::span<const ReferenceRecord> references_;
  std::span<const uint32_t> reference_lines_;
  std::span<const ClassRecord> classes_;
  std::span<const TextRef> cpes_;
  std::span<const uint64_t> keys_;
  std::span<const uint32_t> key_sets_;
  std::span<const ShortValue> short_values_;
  std::span<const LongValue> long_values_;
  std::span<const OutlineRecord> outlines_;
  std::span<const uint32_t> sets_;
  std::span<const uint64_t> blocks_;
};

}  // namespace osprey::db
