// SPDX-License-Identifier: Apache-2.0
#include "tests/testing/matching_corpus.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/escaping.h"
#include "db/compile.h"
#include "tests/testing/golden.h"

namespace osprey::testing {
namespace {

constexpr const char* kDatabase = "/usr/share/nmap/nmap-os-db";

std::filesystem::path CorpusFolder() {
  if (const char* folder = std::getenv("OSPREY_GOLDEN_DIR")) return folder;
  return GoldenPath("").parent_path().parent_path().parent_path().parent_path() / "shared" /
         "golden" / "matching";
}

MatchingCase ReadCase(const std::string& subject, const std::string& expected) {
  MatchingCase out;
  out.subject = subject;
  std::istringstream words(expected);
  words >> out.result >> out.perfect;
  for (std::string word; words >> word;) {
    const size_t colon = word.find(':');
    out.matches.push_back(
        {static_cast<uint32_t>(std::stoul(word.substr(0, colon))), word.substr(colon + 1)});
  }
  return out;
}

MatchingCorpus Load() {
  MatchingCorpus corpus;
  const std::filesystem::path folder = CorpusFolder();
  if (!std::filesystem::exists(folder / "subjects.txt")) {
    corpus.missing = "no matching corpus at " + folder.string();
    return corpus;
  }
  corpus.database_path = kDatabase;
  corpus.database = InstalledDatabase();
  const auto sum = db::IdentityOf(corpus.database).sha256;
  const std::string hex = absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(sum.data()), sum.size()));
  if (ReadFile(folder / "database.sha256").substr(0, 64) != hex) {
    corpus.missing = std::string(kDatabase) + " is not the database of the corpus";
    return corpus;
  }
  std::ifstream subjects(folder / "subjects.txt");
  std::ifstream expected(folder / "expected.txt");
  std::string subject;
  std::string line;
  while (std::getline(subjects, subject) && std::getline(expected, line)) {
    corpus.cases.push_back(ReadCase(subject, line));
  }
  return corpus;
}

}  // namespace

const std::string& InstalledDatabase() {
  static const std::string text =
      std::filesystem::exists(kDatabase) ? ReadFile(kDatabase) : std::string();
  return text;
}

const MatchingCorpus& LoadMatchingCorpus() {
  static const MatchingCorpus corpus = Load();
  return corpus;
}

}  // namespace osprey::testing
