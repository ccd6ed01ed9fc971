// SPDX-License-Identifier: Apache-2.0
#include "db/compile.h"

#include <sodium.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "db/attribute_index.h"
#include "db/hex_order.h"
#include "db/set_pool.h"
#include "db/text_parser.h"

namespace osprey::db {
namespace {

template <typename Container>
uint32_t Count(const Container& container) {
  return static_cast<uint32_t>(container.size());
}

// All texts of an image, each kept once.
class TextPool {
 public:
  TextRef Intern(std::string_view text) {
    const auto [position, is_new] = ids_.try_emplace(std::string(text), Count(bytes_));
    if (is_new) bytes_ += text;
    return {position->second, static_cast<uint32_t>(text.size())};
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  absl::flat_hash_map<std::string, uint32_t> ids_;
};

class Compiler {
 public:
  Compiler(const RuleSet& rules, const SourceIdentity& source, const CompileOptions& options)
      : rules_(rules), options_(options), pool_(rules.rules.size()) {
    header_.source_sha256 = source.sha256;
    header_.source_bytes = source.bytes;
  }

  absl::StatusOr<ImageBytes> Run() {
    OSPREY_RETURN_IF_ERROR(AddPoints());
    header_.version_notice = texts_.Intern(rules_.version_notice);
    for (size_t i = 0; i < kAttributeCount; ++i) {
      OSPREY_RETURN_IF_ERROR(AddAttribute(static_cast<AttributeId>(i)));
    }
    AddTestLines();
    AddReferences();
    return Assemble();
  }

 private:
  absl::Status AddPoints() {
    uint64_t sum = 0;
    uint32_t unit = 0;
    for (const uint32_t points : rules_.points) {
      sum += points;
      unit = std::gcd(unit, points);
    }
    header_.point_unit = std::max(unit, 1u);
    header_.plane_count =
        std::max(1u, static_cast<uint32_t>(std::bit_width(sum / header_.point_unit)));
    if (header_.plane_count <= kMaxPlanes) return absl::OkStatus();
    return absl::ResourceExhaustedError(
        absl::StrFormat("MatchPoints add up to %u in units of %u; at most %u units can be compiled",
                        sum, header_.point_unit, (1u << kMaxPlanes) - 1));
  }

  absl::Status AddAttribute(AttributeId id) {
    const std::vector<Expression>& expressions = rules_.expressions[id];
    AttributeRecord record{};
    record.points = rules_.points[id];
    record.first_expression = Count(expressions_);
    record.expression_count = Count(expressions);
    std::vector<uint32_t> present;
    for (const Expression& expression : expressions) {
      expressions_.push_back({texts_.Intern(expression.text), pool_.Intern(expression.references)});
      present.insert(present.end(), expression.references.begin(), expression.references.end());
    }
    record.present_set = pool_.Intern(present);
    AttributeIndex index;
    OSPREY_RETURN_IF_ERROR(BuildAttributeIndex(id, expressions, pool_, index));
    AddKeys(index, record);
    AddShortValues(index, record);
    AddLongValues(index, record);
    AddOutlines(index, record);
    attributes_.push_back(record);
    return absl::OkStatus();
  }

  void AddKeys(const AttributeIndex& index, AttributeRecord& record) {
    record.first_key = Count(keys_);
    record.key_count = Count(index.keys);
    record.first_key_set = Count(key_sets_);
    keys_.insert(keys_.end(), index.keys.begin(), index.keys.end());
    key_sets_.insert(key_sets_.end(), index.key_sets.begin(), index.key_sets.end());
  }

  // Hash tables with linear probing, at most half full.
  static size_t SlotsFor(size_t values) {
    return values == 0 ? 0 : std::bit_ceil(std::max<size_t>(2 * values, 4));
  }

  void AddShortValues(const AttributeIndex& index, AttributeRecord& record) {
    const size_t slots = SlotsFor(index.short_values.size());
    std::vector<ShortValue> table(slots, ShortValue{kLongKey, 0, 0});
    for (const auto& value : index.short_values) {
      size_t i = ShortSlot(value.key, slots);
      while (table[i].key != kLongKey) i = (i + 1) & (slots - 1);
      table[i] = {value.key, value.set, 0};
    }
    record.first_short = Count(short_values_);
    record.short_slots = static_cast<uint32_t>(slots);
    short_values_.insert(short_values_.end(), table.begin(), table.end());
  }

  void AddLongValues(const AttributeIndex& index, AttributeRecord& record) {
    const size_t slots = SlotsFor(index.long_values.size());
    std::vector<LongValue> table(slots);
    for (const auto& value : index.long_values) {
      const uint64_t hash = XXH3_64bits(value.text.data(), value.text.size());
      size_t i = LongSlot(hash, slots);
      while (table[i].text.size != 0) i = (i + 1) & (slots - 1);
      table[i] = {hash, texts_.Intern(value.text), value.set, 0};
    }
    record.first_long = Count(long_values_);
    record.long_slots = static_cast<uint32_t>(slots);
    long_values_.insert(long_values_.end(), table.begin(), table.end());
  }

  void AddOutlines(const AttributeIndex& index, AttributeRecord& record) {
    record.first_outline = Count(outlines_);
    record.outline_count = Count(index.outlines);
    for (const auto& outline : index.outlines) {
      outlines_.push_back({outline.hash, record.first_expression + outline.expression, 0});
    }
  }

  void AddTestLines() {
    for (const TestLine& line : rules_.lines) {
      test_lines_.push_back(
          {static_cast<uint32_t>(line.line), Count(line_parts_), Count(line.expressions)});
      for (const auto& [attribute, expression] : line.expressions) {
        line_parts_.push_back(attributes_[attribute].first_expression + expression);
      }
    }
  }

  void AddReferences() {
    absl::flat_hash_map<std::string_view, uint32_t> names;
    for (const Rule& rule : rules_.rules) {
      const uint32_t name_id = names.try_emplace(rule.name, Count(references_)).first->second;
      references_.push_back(
          {texts_.Intern(rule.name), name_id, rule.db_line, Count(classes_), Count(rule.classes)});
      for (const uint32_t line : rule.lines) {
        reference_lines_.push_back(line == kNoTestLine ? kNone : line);
      }
      for (const ClassText& c : rule.classes) AddClass(c);
    }
  }

  void AddClass(const ClassText& c) {
    classes_.push_back({texts_.Intern(c.vendor), texts_.Intern(c.family),
                        texts_.Intern(c.generation), texts_.Intern(c.type), Count(cpes_),
                        Count(c.cpes)});
    for (const std::string_view cpe : c.cpes) cpes_.push_back(texts_.Intern(cpe));
  }

  template <typename Record>
  void Place(Section section, const Record* data, size_t count) {
    const size_t bytes = count * sizeof(Record);
    header_.sections[static_cast<size_t>(section)] = {image_size_, bytes};
    parts_.push_back({data, image_size_, bytes});
    image_size_ += (bytes + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment;
  }
  template <typename Container>
  void Place(Section section, const Container& container) {
    Place(section, container.data(), container.size());
  }

  absl::StatusOr<ImageBytes> Assemble() {
    header_.magic = kImageMagic;
    header_.format_version = kImageFormatVersion;
    header_.header_bytes = sizeof(ImageHeader);
    header_.reference_count = Count(rules_.rules);
    header_.block_count = pool_.block_count();
    header_.set_count = pool_.set_count();
    header_.pool_block_count = Count(pool_.blocks());
    image_size_ =
        (sizeof(ImageHeader) + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment;
    PlaceAll();
    if (image_size_ > options_.max_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrFormat("the image would have %u bytes; at most %u are allowed", image_size_,
                          options_.max_bytes));
    }
    header_.byte_size = image_size_;
    ImageBytes image(image_size_);
    for (const Part& part : parts_) {
      if (part.bytes != 0) std::memcpy(image.data() + part.offset, part.data, part.bytes);
    }
    std::memcpy(image.data(), &header_, sizeof(header_));
    header_.checksum = XXH3_64bits(image.data() + kChecksumStart, image.size() - kChecksumStart);
    std::memcpy(image.data(), &header_, sizeof(header_));
    return image;
  }

  void PlaceAll() {
    Place(Section::kStrings, texts_.bytes());
    Place(Section::kAttributes, attributes_);
    Place(Section::kExpressions, expressions_);
    Place(Section::kTestLines, test_lines_);
    Place(Section::kLineParts, line_parts_);
    Place(Section::kReferences, references_);
    Place(Section::kReferenceLines, reference_lines_);
    Place(Section::kClasses, classes_);
    Place(Section::kCpes, cpes_);
    Place(Section::kKeys, keys_);
    Place(Section::kKeySets, key_sets_);
    Place(Section::kShortValues, short_values_);
    Place(Section::kLongValues, long_values_);
    Place(Section::kOutlines, outlines_);
    Place(Section::kSets, pool_.sets());
    Place(Section::kBlocks, pool_.blocks());
  }

  struct Part {
    const void* data;
    size_t offset;
    size_t bytes;
  };

  const RuleSet& rules_;
  const CompileOptions& options_;
  ImageHeader header_{};
  TextPool texts_;
  SetPool pool_;
  std::vector<AttributeRecord> attributes_;
  std::vector<ExpressionRecord> expressions_;
  std::vector<TestLineRecord> test_lines_;
  std::vector<uint32_t> line_parts_;
  std::vector<ReferenceRecord> references_;
  std::vector<uint32_t> reference_lines_;
  std::vector<ClassRecord> classes_;
  std::vector<TextRef> cpes_;
  std::vector<uint64_t> keys_;
  std::vector<uint32_t> key_sets_;
  std::vector<ShortValue> short_values_;
  std::vector<LongValue> long_values_;
  std::vector<OutlineRecord> outlines_;
  std::vector<Part> parts_;
  size_t image_size_ = 0;
};

}  // namespace

SourceIdentity IdentityOf(std::string_view text) {
  SourceIdentity identity;
  static_assert(crypto_hash_sha256_BYTES == 32);
  crypto_hash_sha256(identity.sha256.data(), reinterpret_cast<const unsigned char*>(text.data()),
                     text.size());
  identity.bytes = text.size();
  return identity;
}

absl::StatusOr<ImageBytes> Compile(const RuleSet& rules, const SourceIdentity& source,
                                   const CompileOptions& options) {
  return Compiler(rules, source, options).Run();
}

absl::StatusOr<CompiledText> CompileText(std::string_view text, std::string_view file_name,
                                         const CompileOptions& options) {
  OSPREY_ASSIGN_OR_RETURN(Ast ast, ParseReferences(text, file_name));
  CompiledText out;
  out.diagnostics = std::move(ast.diagnostics);
  SourceIdentity identity;
  if (ast.origin_sha256.empty()) {
    identity = IdentityOf(text);
  } else {
    const std::string sum = absl::HexStringToBytes(
        absl::string_view(ast.origin_sha256.data(), ast.origin_sha256.size()));
    std::copy(sum.begin(), sum.end(), identity.sha256.begin());
    identity.bytes = ast.origin_bytes;
  }
  OSPREY_ASSIGN_OR_RETURN(const RuleSet rules, Lower(std::move(ast)));
  OSPREY_ASSIGN_OR_RETURN(out.bytes, Compile(rules, identity, options));
  return out;
}

absl::StatusOr<Image> ImageFromText(std::string_view text, std::string_view file_name,
                                    std::vector<Diagnostic>* diagnostics) {
  OSPREY_ASSIGN_OR_RETURN(CompiledText compiled, CompileText(text, file_name));
  if (diagnostics != nullptr) *diagnostics = std::move(compiled.diagnostics);
  return Image::FromBytes(std::move(compiled.bytes));
}

}  // namespace osprey::db
