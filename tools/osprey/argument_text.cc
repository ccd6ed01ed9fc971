// SPDX-License-Identifier: Apache-2.0
#include "tools/osprey/argument_text.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"

namespace osprey::tools {

std::string JoinArguments(const std::vector<std::string>& arguments) {
  std::string line;
  for (const std::string& argument : arguments) {
    if (!line.empty()) line += ' ';
    const bool plain = !argument.empty() &&
                       argument.find_first_of(" '\"\\\t\n$`*?[]{}()<>|&;#~!") == std::string::npos;
    if (plain) {
      line += argument;
      continue;
    }
    line += '\'';
    for (const char c : argument) {
      if (c == '\'') {
        line += "'\\''";
      } else {
        line += c;
      }
    }
    line += '\'';
  }
  return line;
}

absl::StatusOr<std::vector<std::string>> SplitArguments(std::string_view text) {
  std::vector<std::string> arguments;
  bool quoted = false, inside = false;
  std::string current;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\'') {
      quoted = !quoted;
      inside = true;
    } else if (c == '\\' && !quoted && i + 1 < text.size()) {
      current += text[++i];
      inside = true;
    } else if (c == ' ' && !quoted) {
      if (inside) arguments.push_back(std::move(current));
      current.clear();
      inside = false;
    } else {
      current += c;
      inside = true;
    }
  }
  if (quoted) return absl::InvalidArgumentError("a quote is not closed");
  if (inside) arguments.push_back(std::move(current));
  return arguments;
}

std::vector<std::string> TranslateNmapStyle(const std::vector<std::string>& arguments) {
  static constexpr std::pair<std::string_view, std::string_view> kExact[] = {
      {"-iL", "--input-list"},    {"-oJ", "--output-json"},     {"-oX", "--output-xml"},
      {"-oN", "--output-normal"}, {"-oG", "--output-grepable"}, {"-Pn", "--no-ping"},
      {"-PE", "--echo-ping"}};
  static constexpr std::pair<std::string_view, std::string_view> kPrefix[] = {
      {"-PS", "--syn-ping="},   {"-PA", "--ack-ping="},      {"-PU", "--udp-ping="},
      {"-T", "--timing="},      {"-iL", "--input-list="},    {"-oJ", "--output-json="},
      {"-oX", "--output-xml="}, {"-oN", "--output-normal="}, {"-oG", "--output-grepable="}};
  std::vector<std::string> out;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--") {
      out.insert(out.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
      break;
    }
    const auto is_exact = [&](const auto& entry) { return argument == entry.first; };
    const auto exact = std::find_if(std::begin(kExact), std::end(kExact), is_exact);
    const auto is_prefix = [&](const auto& entry) { return argument.starts_with(entry.first); };
    const auto prefix = std::find_if(std::begin(kPrefix), std::end(kPrefix), is_prefix);
    if (exact != std::end(kExact)) {
      out.emplace_back(exact->second);
    } else if (prefix != std::end(kPrefix) && !argument.starts_with("--")) {
      out.push_back(
          absl::StrCat(std::string(prefix->second), argument.substr(prefix->first.size())));
    } else {
      out.push_back(argument);
    }
  }
  return out;
}

}  // namespace osprey::tools
