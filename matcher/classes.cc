// SPDX-License-Identifier: Apache-2.0
#include "matcher/classes.h"

namespace osprey::matcher {
namespace {

bool SameClass(const db::Image& image, const db::ClassRecord& a, const db::ClassRecord& b) {
  const auto same = [&image](db::TextRef x, db::TextRef y) {
    return x == y || image.Text(x) == image.Text(y);
  };
  return same(a.vendor, b.vendor) && same(a.family, b.family) && same(a.generation, b.generation) &&
         same(a.type, b.type);
}

bool Taken(const db::Image& image, const ClassList& list, const db::ClassRecord& record) {
  for (const OsClass& c : list.classes()) {
    if (SameClass(image, *c.record, record)) return true;
  }
  return false;
}

// False: the list is complete.
bool AddClass(const db::Image& image, const Match& match, const db::ClassRecord& record,
              ClassList& list) {
  const bool is_perfect = match.accuracy == 1;
  if (Taken(image, list, record)) return true;
  if (list.count == kMaxMatches) {
    if (is_perfect) list.result = MatchResult::kTooManyMatches;
    return false;
  }
  if (list.perfect > 0 && !is_perfect) return false;
  list.all[list.count++] = {&record, match.accuracy};
  list.perfect += is_perfect;
  return true;
}

}  // namespace

ClassList CollectClasses(const db::Image& image, const MatchList& matches) {
  ClassList list;
  if (matches.result == MatchResult::kTooManyMatches) {
    list.result = MatchResult::kTooManyMatches;
    return list;
  }
  list.result = MatchResult::kSuccess;
  bool more = true;
  for (size_t i = 0; more && i < matches.count; ++i) {
    for (const db::ClassRecord& record : image.classes(matches.all[i].reference)) {
      more = AddClass(image, matches.all[i], record, list);
      if (!more) break;
    }
  }
  if (list.count == 0 && list.result == MatchResult::kSuccess) {
    list.result = MatchResult::kNoMatches;
  }
  return list;
}

}  // namespace osprey::matcher
