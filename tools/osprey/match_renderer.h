// SPDX-License-Identifier: Apache-2.0
#pragma once
// The output of `osprey match`, for programs (one JSON object a line) and for people. One object a
// thread: what never changes of a reference is rendered once and copied from then on.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "db/image.h"
#include "matcher/verdict.h"
#include "tools/osprey/subject_reader.h"

namespace osprey::tools {

struct RenderOptions {
  bool json = false;
  size_t top = matcher::kMaxMatches;  // at most so many matches are listed
  int verbosity = 0;
};

class MatchRenderer {
 public:
  // `image` must outlive it.
  MatchRenderer(const db::Image& image, const RenderOptions& options);

  // Appends one subject's result, whole lines. `matches` is not looked at for a host that was never
  // measured.
  void Result(uint64_t index, const SubjectText& text, const ParsedSubject& subject,
              const matcher::MatchList& matches, std::string& out);
  // Appends one subject that could not be read. For people this is part of standard error, not of
  // the output.
  void Failure(uint64_t index, std::string_view message, std::string& out);

 private:
  // The JSON of a reference before and behind its accuracy.
  struct Fragment {
    std::string before;
    std::string behind;
  };

  void JsonResult(uint64_t index, const ParsedSubject& subject, const matcher::MatchList& matches,
                  std::string& out);
  void HumanResult(const SubjectText& text, const ParsedSubject& subject,
                   const matcher::MatchList& matches, std::string& out);
  const Fragment& FragmentOf(uint32_t reference);

  const db::Image& image_;
  RenderOptions options_;
  std::vector<Fragment> fragments_;  // by reference; empty until needed
};

}  // namespace osprey::tools
