// SPDX-License-Identifier: Apache-2.0
#pragma once
// The compiled database on disk, byte by byte: docs/db-format.md says the same in words.
//
// One header, then sections, each an array of one of the structs below, each starting at a multiple
// of 64 and filled up with zeros. Little-endian, no pointers: offsets count from the file's first
// byte, indices from a section's first element. Relocatable: it is mapped and used as it lies.
//
// A *reference set* says for which references something holds: one bit each, cut into blocks of
// 512, each block being an index into the pool of distinct blocks. Equal sets are one set, equal
// blocks one block. Set 0 is empty and block 0 is zero.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "db/attributes.h"

namespace osprey::db {

static_assert(std::endian::native == std::endian::little, "images are used as they lie");

inline constexpr std::array<char, 8> kImageMagic = {'O', 'S', 'P', 'R', 'E', 'Y', 'D', 'B'};
inline constexpr uint32_t kImageFormatVersion = 1;
inline constexpr size_t kSectionAlignment = 64;
inline constexpr size_t kBlockBits = 512;
inline constexpr size_t kBlockWords = kBlockBits / 64;
// Points of all attributes, divided by their greatest common divisor, add up to less than 2^this.
inline constexpr size_t kMaxPlanes = 16;

enum class Section : uint32_t {
  kStrings,         // char: all texts, without terminators
  kAttributes,      // AttributeRecord, kAttributeCount of them
  kExpressions,     // ExpressionRecord, by attribute
  kTestLines,       // TestLineRecord: distinct test lines
  kLineParts,       // uint32_t: indices of expressions, for test lines
  kReferences,      // ReferenceRecord, in the order of the text
  kReferenceLines,  // uint32_t[kLineCount] for each reference: test line or kNone
  kClasses,         // ClassRecord
  kCpes,            // TextRef
  kKeys,            // uint64_t: ends of ranges and hexadecimal texts, ascending per attribute
  kKeySets,         // uint32_t: reference sets of keys and of the gaps between them
  kShortValues,     // ShortValue: hash tables of values up to 8 bytes
  kLongValues,      // LongValue: hash tables of longer values
  kOutlines,        // OutlineRecord: expressions with brackets, ascending per attribute
  kSets,            // uint32_t[block count] for each reference set: indices of blocks
  kBlocks,          // uint64_t[kBlockWords] for each block
};
inline constexpr size_t kSectionCount = 16;
inline constexpr uint32_t kNone = 0xFFFFFFFF;

struct TextRef {
  uint32_t offset;  // into kStrings
  uint32_t size;
  friend bool operator==(const TextRef&, const TextRef&) = default;
};

struct SectionRef {
  uint64_t offset;  // from the start of the file
  uint64_t bytes;   // without the filling
};

struct ImageHeader {
  std::array<char, 8> magic;
  uint32_t format_version;                // readers refuse any other value
  uint32_t header_bytes;                  // sizeof(ImageHeader)
  uint64_t byte_size;                     // whole file
  uint64_t checksum;                      // XXH3 (64 bits, seed 0) of the bytes [32, byte_size)
  std::array<uint8_t, 32> source_sha256;  // of the text it was compiled from
  uint64_t source_bytes;
  uint32_t reference_count;
  uint32_t block_count;  // of each reference set: reference_count / 512, rounded up
  uint32_t set_count;
  uint32_t pool_block_count;
  uint32_t point_unit;   // greatest common divisor of all points; at least 1
  uint32_t plane_count;  // bits of the sum of all points / point_unit; 1..kMaxPlanes
  TextRef version_notice;
  std::array<uint8_t, 8> zero;  // reserved; writers write 0, readers ignore
  std::array<SectionRef, kSectionCount> sections;
};
static_assert(sizeof(ImageHeader) == 368 && std::is_trivially_copyable_v<ImageHeader>);
inline constexpr size_t kChecksumStart = 32;

struct AttributeRecord {
  uint32_t points;       // as in the text
  uint32_t present_set;  // references that have the attribute
  uint32_t first_expression, expression_count;
  uint32_t first_key, key_count;
  // 2 * key_count + 1 sets: of values before key 0, equal to key 0, between key 0 and key 1, ...
  uint32_t first_key_set;
  uint32_t first_short, short_slots;  // slots: 0 or a power of two
  uint32_t first_long, long_slots;
  uint32_t first_outline, outline_count;
};
static_assert(sizeof(AttributeRecord) == 52);

struct ExpressionRecord {
  TextRef text;
  uint32_t set;  // references that have it
};
static_assert(sizeof(ExpressionRecord) == 12);

struct TestLineRecord {
  uint32_t line;  // LineId
  uint32_t first_part, part_count;
};
static_assert(sizeof(TestLineRecord) == 12);

struct ReferenceRecord {
  TextRef name;
  uint32_t name_id;  // equal for equal names, else different: the first reference of that name
  uint32_t db_line;
  uint32_t first_class, class_count;
};
static_assert(sizeof(ReferenceRecord) == 24);

struct ClassRecord {
  TextRef vendor, family, generation, type;
  uint32_t first_cpe, cpe_count;
};
static_assert(sizeof(ClassRecord) == 40);

// The set of all references whose expression matches exactly this value.
struct ShortValue {
  uint64_t key;  // HexKey of the value; kLongKey: the slot is empty
  uint32_t set;
  uint32_t zero;
};
static_assert(sizeof(ShortValue) == 16);

struct LongValue {
  uint64_t hash;  // XXH3 (64 bits, seed 0) of the value
  TextRef text;   // size 0: the slot is empty
  uint32_t set;
  uint32_t zero;
};
static_assert(sizeof(LongValue) == 24);

struct OutlineRecord {
  uint64_t hash;  // OutlineHash of the alternative
  uint32_t expression;
  uint32_t zero;
};
static_assert(sizeof(OutlineRecord) == 16);

// Where to look first in a table of `slots` (a power of two); then on, slot by slot, to an empty
// one. Tables are at most half full.
constexpr size_t ShortSlot(uint64_t key, size_t slots) {
  return static_cast<size_t>((key * 0x9E3779B97F4A7C15u) >> 32) & (slots - 1);
}
constexpr size_t LongSlot(uint64_t hash, size_t slots) {
  return static_cast<size_t>(hash) & (slots - 1);
}

}  // namespace osprey::db
