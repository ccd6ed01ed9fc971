// SPDX-License-Identifier: Apache-2.0
#include "tests/testing/traffic.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "absl/container/flat_hash_set.h"

namespace osprey::testing {
namespace {

constexpr SubjectNoise kLoss = {.drop_line = 0.001, .no_reply = 0.001, .foreign = 0.0002};

// What the network loses, and values that are another system's.
void Lose(const db::Image& image, db::Fingerprint& subject, Random& random) {
  std::uniform_real_distribution<double> chance(0, 1);
  std::uniform_int_distribution<size_t> any(0, image.reference_count() - 1);
  for (size_t i = 0; i < db::kLineCount; ++i) {
    const auto line = static_cast<db::LineId>(i);
    if (!subject.HasLine(line)) continue;
    const double draw = chance(random);
    if (draw < kLoss.drop_line + kLoss.no_reply) subject.RemoveLine(line);
    if (draw < kLoss.no_reply && db::Info(line).has_r) {
      static_cast<void>(subject.Set(db::Info(line).first, "N"));
    }
  }
  for (size_t i = 0; i < db::kAttributeCount; ++i) {
    const auto attribute = static_cast<db::AttributeId>(i);
    if (!subject.Has(attribute) || chance(random) >= kLoss.foreign) continue;
    if (const auto* expression = image.Find(any(random), attribute)) {
      static_cast<void>(subject.Set(
          attribute,
          RandomValue(image.Text(expression->text), db::Info(attribute).is_options, random)));
    }
  }
}

// The same fingerprint with its values in table order, as measurements are.
db::Fingerprint InOrder(const db::Fingerprint& subject) {
  db::Fingerprint out;
  for (size_t i = 0; i < db::kLineCount; ++i) {
    if (subject.HasLine(static_cast<db::LineId>(i))) out.AddLine(static_cast<db::LineId>(i));
  }
  for (size_t i = 0; i < db::kAttributeCount; ++i) {
    const auto attribute = static_cast<db::AttributeId>(i);
    if (subject.Has(attribute)) static_cast<void>(out.Set(attribute, subject.Get(attribute)));
  }
  return out;
}

}  // namespace

Traffic::Traffic(const db::Image& image, uint64_t seed)
    : image_(image),
      random_(seed),
      by_rank_(image.reference_count()),
      personalities_(by_rank_.size() * kVariants) {
  std::iota(by_rank_.begin(), by_rank_.end(), 0u);
  Random fixed(20);
  std::shuffle(by_rank_.begin(), by_rank_.end(), fixed);
  double sum = 0;
  for (size_t k = 1; k <= by_rank_.size(); ++k) {
    sum += 1 / static_cast<double>(k);
    cumulative_.push_back(sum);
  }
}

const db::Fingerprint& Traffic::Personality(size_t reference, size_t variant) {
  auto& made = personalities_[reference * kVariants + variant];
  if (made == nullptr) {
    Random personality(reference * kVariants + variant);
    made = std::make_unique<db::Fingerprint>(RandomSubject(image_, reference, {}, personality));
  }
  return *made;
}

db::Fingerprint Traffic::Next() {
  const double draw = std::uniform_real_distribution<double>(0, cumulative_.back())(random_);
  const auto rank = static_cast<size_t>(
      std::upper_bound(cumulative_.begin(), cumulative_.end(), draw) - cumulative_.begin());
  const uint32_t reference = by_rank_[std::min(rank, by_rank_.size() - 1)];
  db::Fingerprint subject = Personality(reference, random_() % kVariants);
  for (const char* name : {"SP", "GCD", "ISR"}) {
    const auto attribute = *db::FindAttribute(db::LineId::kSeq, name);
    if (!subject.Has(attribute)) continue;
    const auto* expression = image_.Find(reference, attribute);
    static_cast<void>(
        subject.Set(attribute, RandomValue(image_.Text(expression->text), false, random_)));
  }
  Lose(image_, subject, random_);
  return InOrder(subject);
}

std::vector<db::Fingerprint> Traffic::Take(size_t count) {
  std::vector<db::Fingerprint> out;
  out.reserve(count);
  while (out.size() < count) out.push_back(Next());
  return out;
}

std::vector<db::Fingerprint> AllDistinct(const db::Image& image, size_t count, uint64_t seed) {
  const SubjectNoise noise = {
      .drop_line = 0.02, .no_reply = 0.03, .drop_attribute = 0.01, .foreign = 0.05};
  Random random(seed);
  std::uniform_int_distribution<size_t> any(0, image.reference_count() - 1);
  absl::flat_hash_set<std::string> seen;
  std::vector<db::Fingerprint> out;
  out.reserve(count);
  while (out.size() < count) {
    db::Fingerprint subject = RandomSubject(image, any(random), noise, random);
    if (seen.insert(subject.Text()).second) out.push_back(subject);
  }
  return out;
}

}  // namespace osprey::testing
