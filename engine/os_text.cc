// SPDX-License-Identifier: Apache-2.0
#include "engine/os_text.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace osprey::engine {
namespace {

constexpr size_t kMaxOfAKind = 8;  // a ninth type, family or CPE hides all three lines
constexpr size_t kMaxGuesses = 10;
constexpr double kGuessMargin = 0.10;

struct Family {
  std::string name;
  std::string text;  // name and generations
  double accuracy = 0;
};

std::string FamilyName(std::string_view vendor, std::string_view family) {
  if (vendor == family) return std::string(family);
  return std::string(vendor).append(" ").append(family);
}

// Collects the three lists from one class after the other; each call is false if a list overflows.
class Summary {
 public:
  explicit Summary(const db::Image& image) : image_(image) {}

  bool Add(const matcher::OsClass& os_class) {
    const db::ClassRecord& record = *os_class.record;
    if (!AddOnce(types_, image_.Text(record.type))) return false;
    for (const db::TextRef cpe : image_.cpes(record)) {
      if (!AddOnce(cpes_, image_.Text(cpe))) return false;
    }
    return AddFamily(record, os_class.accuracy);
  }

  ClassSummary Finish(size_t perfect_classes) && {
    ClassSummary out;
    out.device_types.assign(types_.begin(), types_.end());
    out.cpe.assign(cpes_.begin(), cpes_.end());
    out.running_is_guess = perfect_classes == 0;
    for (size_t i = 0; i < families_.size(); ++i) {
      std::string text = std::move(families_[i].text);
      if (i >= perfect_classes) {
        absl::StrAppend(&text, " (", io::Percent(families_[i].accuracy), "%)");
      }
      out.running.push_back(std::move(text));
    }
    return out;
  }

 private:
  static bool AddOnce(std::vector<std::string_view>& list, std::string_view item) {
    if (std::find(list.begin(), list.end(), item) != list.end()) return true;
    if (list.size() == kMaxOfAKind) return false;
    list.push_back(item);
    return true;
  }

  bool AddFamily(const db::ClassRecord& record, double accuracy) {
    const std::string name = FamilyName(image_.Text(record.vendor), image_.Text(record.family));
    const std::string_view generation = image_.Text(record.generation);
    const auto known = std::find_if(families_.begin(), families_.end(),
                                    [&](const Family& family) { return family.name == name; });
    if (known != families_.end()) {
      if (known->text.find(generation) == std::string::npos) {
        known->text.append("|").append(generation);
      }
      return true;
    }
    if (families_.size() == kMaxOfAKind) return false;
    Family family{.name = name, .text = name, .accuracy = accuracy};
    if (!generation.empty()) family.text.append(" ").append(generation);
    families_.push_back(std::move(family));
    return true;
  }

  const db::Image& image_;
  std::vector<std::string_view> types_;
  std::vector<std::string_view> cpes_;
  std::vector<Family> families_;
};

}  // namespace

ClassSummary SummarizeClasses(const db::Image& image, const matcher::ClassList& classes,
                              bool guess) {
  if (classes.result != matcher::MatchResult::kSuccess || classes.count == 0) return {};
  const auto all = classes.classes();
  Summary summary(image);
  for (size_t i = 0; i < all.size(); ++i) {
    const double accuracy = all[i].accuracy;
    if (!guess && i >= classes.perfect) break;
    if (accuracy <= all[0].accuracy - kGuessMargin) break;
    if (accuracy < 1 && i >= kMaxGuesses) break;
    if (!summary.Add(all[i])) return {};
  }
  return std::move(summary).Finish(classes.perfect);
}

std::string DetailsLine(const db::Image& image, const matcher::MatchList& matches) {
  const auto listed = matches.matches();
  const auto end = std::find_if(listed.begin(), listed.end(),
                                [](const matcher::Match& match) { return match.accuracy < 1; });
  const auto append = [&](std::string* out, const matcher::Match& match) {
    out->append(image.name(match.reference));
  };
  return absl::StrCat("OS details: ", absl::StrJoin(listed.begin(), end, ", ", append));
}

std::string GuessesLine(const db::Image& image, const matcher::MatchList& matches) {
  const auto append = [&](std::string* out, const matcher::Match& match) {
    out->append(image.name(match.reference));
    absl::StrAppend(out, " (", io::Percent(match.accuracy), "%)");
  };
  return absl::StrCat("Aggressive OS guesses: ",
                      absl::StrJoin(matches.matches().first(ListedCount(matches)), ", ", append));
}

size_t ListedCount(const matcher::MatchList& matches) {
  if (matches.result != matcher::MatchResult::kSuccess || matches.count == 0) return 0;
  const auto all = matches.matches();
  const double first = all[0].accuracy;
  size_t count = 1;
  while (count < all.size()) {
    const double accuracy = all[count].accuracy;
    const bool listed =
        first == 1 ? accuracy == 1 : count < kMaxGuesses && accuracy > first - kGuessMargin;
    if (!listed) break;
    ++count;
  }
  return count;
}

io::OsMatchRecord MatchRecord(const db::Image& image, const matcher::Match& match) {
  io::OsMatchRecord out;
  out.name = image.name(match.reference);
  out.accuracy = match.accuracy;
  out.db_line = image.db_line(match.reference);
  const auto classes = image.classes(match.reference);
  out.classes.reserve(classes.size());
  for (const db::ClassRecord& record : classes) {
    io::OsClassRecord& os_class = out.classes.emplace_back();
    os_class.vendor = image.Text(record.vendor);
    os_class.family = image.Text(record.family);
    os_class.generation = image.Text(record.generation);
    os_class.type = image.Text(record.type);
    const auto cpes = image.cpes(record);
    os_class.cpe.reserve(cpes.size());
    for (const db::TextRef cpe : cpes) os_class.cpe.emplace_back(image.Text(cpe));
  }
  return out;
}

io::OsResult ResultOf(matcher::MatchResult result) {
  switch (result) {
    case matcher::MatchResult::kSuccess:
      return io::OsResult::kSuccess;
    case matcher::MatchResult::kNoMatches:
      return io::OsResult::kNoMatches;
    case matcher::MatchResult::kTooManyMatches:
      return io::OsResult::kTooManyMatches;
  }
  return io::OsResult::kNoMatches;
}

}  // namespace osprey::engine
