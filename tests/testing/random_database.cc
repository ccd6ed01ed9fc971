// SPDX-License-Identifier: Apache-2.0
#include "tests/testing/random_database.h"

#include <vector>

#include "absl/strings/str_format.h"
#include "db/attributes.h"

namespace osprey::testing {
namespace {

class Inventor {
 public:
  Inventor(const DatabaseShape& shape, Random& random) : shape_(shape), random_(random) {}

  std::string Text() {
    std::string out = "MatchPoints\n";
    for (size_t i = 0; i < db::kLineCount; ++i) out += Points(static_cast<db::LineId>(i));
    std::vector<System> systems(shape_.systems);
    for (System& system : systems) system = NewSystem();
    for (size_t r = 0; r < shape_.records; ++r) {
      out += absl::StrFormat("\nFingerprint System %d\n", Below(shape_.names));
      out += Record(systems[Below(systems.size())]);
    }
    return out;
  }

 private:
  using System = std::vector<std::string>;  // an expression for each attribute; "-": none

  size_t Below(size_t n) { return random_() % n; }
  bool Chance(double p) { return static_cast<double>(random_() % 100'000) < p * 100'000; }

  std::string Points(db::LineId line) {
    const db::LineInfo& info = db::Info(line);
    std::string out;
    for (size_t a = info.first; a < info.first + size_t{info.count}; ++a) {
      if (Chance(0.03)) continue;  // worth nothing
      out += absl::StrFormat("%s%s=%d", out.empty() ? "" : "%",
                             db::Info(static_cast<db::AttributeId>(a)).name,
                             1 + Below(shape_.max_points));
    }
    return out.empty() ? "" : absl::StrFormat("%s(%s)\n", info.name, out);
  }

  System NewSystem() {
    System system;
    for (size_t a = 0; a < db::kAttributeCount; ++a) {
      const auto id = static_cast<db::AttributeId>(a);
      system.push_back(Chance(0.05) ? "-" : NewExpression(id));
    }
    return system;
  }

  std::string NewExpression(db::AttributeId id) {
    if (db::Info(id).name == "R") return Chance(0.1) ? "N|Y" : "Y";
    std::string out = Alternative(id);
    while (Chance(0.3)) out += absl::StrFormat("|%s", Alternative(id));
    return out;
  }

  std::string Alternative(db::AttributeId id) {
    if (db::Info(id).is_options) return Options();
    switch (Below(9)) {
      case 0:
        return absl::StrFormat("%X-%X", Below(40), 20 + Below(300));
      case 1:
        return absl::StrFormat(">%X", Below(60));
      case 2:
        return absl::StrFormat("<%X", Below(60));
      case 3:
        return Word();
      case 4:
        return "";
      case 5:
        return absl::StrFormat("0%X", Below(30));
      case 6:
        return absl::StrFormat("%X-%X", Below(1u << 30), Below(1u << 31));
      default:
        return absl::StrFormat("%X", Below(50));
    }
  }

  std::string Word() {
    static constexpr const char* kTexts[] = {"I",  "RI", "RD", "Z", "O", "S",         "S+",
                                             "A+", "AS", "AR", "G", "U", "ZZZZZZZZZZ"};
    return kTexts[Below(std::size(kTexts))];
  }

  std::string Options() {
    static constexpr const char* kOptions[] = {
        "M5B4",  "M5B4ST11NW7",           "M5B4NW0NNSNNT11", "M578ST11",    "",
        "W0",    "M[500-5B4]ST11NW[7|9]", "M5B4NW[0-9]",     "M[>500]ST11", "M[5B4|578]",
        "[1-9]S"};
    return kOptions[Below(std::size(kOptions))];
  }

  std::string Record(const System& system) {
    std::string out;
    for (size_t i = 0; i < db::kLineCount; ++i) {
      if (Chance(0.02)) continue;
      const db::LineInfo& info = db::Info(static_cast<db::LineId>(i));
      if (info.has_r && Chance(0.03)) {
        out += absl::StrFormat("%s(R=N)\n", info.name);
      } else {
        out += TestLine(system, info);
      }
    }
    return out;
  }

  std::string TestLine(const System& system, const db::LineInfo& info) {
    std::string out;
    bool only_r = true;
    for (size_t a = info.first; a < info.first + size_t{info.count}; ++a) {
      const auto id = static_cast<db::AttributeId>(a);
      std::string expression = Chance(shape_.change) ? NewExpression(id) : system[a];
      if (expression == "-") continue;
      if (db::Info(id).name != "R") only_r = false;
      out += absl::StrFormat("%s%s=%s", out.empty() ? "" : "%", db::Info(id).name, expression);
    }
    if (info.has_r && only_r) out = "R=N";
    return absl::StrFormat("%s(%s)\n", info.name, out);
  }

  const DatabaseShape& shape_;
  Random& random_;
};

}  // namespace

std::string RandomDatabase(const DatabaseShape& shape, Random& random) {
  return Inventor(shape, random).Text();
}

}  // namespace osprey::testing
