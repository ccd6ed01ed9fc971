// SPDX-License-Identifier: Apache-2.0
#include "bench/larger_database.h"

#include <random>

#include "absl/strings/str_format.h"
#include "db/attributes.h"
#include "db/dump.h"

namespace osprey::bench {
namespace {

constexpr double kForeign = 0.25;

class Mixer {
 public:
  Mixer(const db::Image& image, uint64_t seed) : image_(image), random_(seed) {}

  void Append(size_t reference, size_t copy, std::string& out) {
    out += absl::StrFormat("Fingerprint %s (mixture %d)\nClass Mixed | Mixed | %d | mixed\n",
                           std::string(image_.name(reference)), copy, copy);
    for (size_t i = 0; i < db::kLineCount; ++i) {
      if (image_.lines(reference)[i] != db::kNone) AppendLine(reference, i, out);
    }
    out += '\n';
  }

 private:
  void AppendLine(size_t reference, size_t line, std::string& out) {
    const db::LineInfo& info = db::Info(static_cast<db::LineId>(line));
    out += info.name;
    char before = '(';
    for (size_t i = info.first; i < info.first + size_t{info.count}; ++i) {
      const auto attribute = static_cast<db::AttributeId>(i);
      const db::ExpressionRecord* expression = image_.Find(reference, attribute);
      if (expression == nullptr) continue;
      const bool is_r = info.has_r && i == info.first;  // must suit the rest of the line
      if (!is_r && std::uniform_real_distribution<double>(0, 1)(random_) < kForeign) {
        const size_t other = random_() % image_.reference_count();
        if (const auto* foreign = image_.Find(other, attribute)) expression = foreign;
      }
      out += before;
      out += db::Info(attribute).name;
      out += '=';
      out += image_.Text(expression->text);
      before = '%';
    }
    out += before == '(' ? "()\n" : ")\n";
  }

  const db::Image& image_;
  std::mt19937_64 random_;
};

}  // namespace

std::string LargerDatabase(const db::Image& image, size_t factor, uint64_t seed) {
  std::string out = db::Dump(image);
  // The dump's last line tells what it was made from, which is not true of this text.
  out.resize(out.rfind("# osprey-origin"));
  Mixer mixer(image, seed);
  for (size_t copy = 1; copy < factor; ++copy) {
    for (size_t r = 0; r < image.reference_count(); ++r) mixer.Append(r, copy, out);
  }
  return out;
}

}  // namespace osprey::bench
