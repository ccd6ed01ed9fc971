// SPDX-License-Identifier: Apache-2.0
#pragma once
// Subjects for tests and benchmarks, made from the references of a database: for each attribute a
// value that its expression matches, with noise.

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "db/fingerprint.h"
#include "db/image.h"

namespace osprey::testing {

struct SubjectNoise {
  double drop_line = 0;       // chance that a test is not there at all
  double no_reply = 0;        // chance that a test is R=N alone
  double drop_attribute = 0;  // chance that an attribute is missing
  double foreign = 0;         // chance that an attribute's value comes from another reference
  double odd = 0;             // chance of a value that no reference need have
};

using Random = std::mt19937_64;

// Some value that `expression` matches, where there is one.
std::string RandomValue(std::string_view expression, bool is_options, Random& random);

// T and TG are as they come: independent for each test.
db::Fingerprint RandomSubject(const db::Image& image, size_t reference, const SubjectNoise& noise,
                              Random& random);

}  // namespace osprey::testing
