// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a database text says, as parsed: the first of the compiler's stages (text -> Ast -> RuleSet
// -> image bytes). Every string_view points into the text, which must outlive the Ast.

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "db/attributes.h"

namespace osprey::db {

struct ExpressionText {
  AttributeId attribute;
  uint32_t line;    // 1-based; 0 if assumed (the R of section 4.2)
  uint32_t column;  // 1-based, of the value
  std::string_view text;
};

struct ClassText {
  std::string_view vendor;
  std::string_view family;
  std::string_view generation;  // may be empty
  std::string_view type;
  std::vector<std::string_view> cpes;
};

struct ReferenceText {
  std::string_view name;
  uint32_t line = 0;  // of its Fingerprint line, 1-based: the record's number in results
  std::bitset<kLineCount> lines;            // SEQ() is present without expressions
  std::vector<ExpressionText> expressions;  // by ascending attribute, at most one of each
  std::vector<ClassText> classes;
};

enum class Severity : uint8_t { kWarning, kError };

struct Diagnostic {
  Severity severity;
  uint32_t line;    // 1-based
  uint32_t column;  // 1-based
  std::string message;

  // "FILE:12:3: error: MESSAGE"
  std::string Text(std::string_view file_name) const;
};

struct Ast {
  std::string file_name;            // as given to the parser, for messages
  std::string_view version_notice;  // the line that starts with "This nmap-os-db"; mostly empty
  // Only in texts made by the dump of an image: what that image was compiled from.
  std::string_view origin_sha256;  // 64 hex digits, or empty
  uint64_t origin_bytes = 0;

  std::array<uint32_t, kAttributeCount> points{};
  std::vector<ReferenceText> references;
  // In order of lines. Errors here are those after which reading went on; what they concern was
  // left out.
  std::vector<Diagnostic> diagnostics;
};

}  // namespace osprey::db
