// SPDX-License-Identifier: Apache-2.0
#pragma once
// Invented databases for tests: a few systems, and for each many records that differ from it here
// and there, so that result lists are full, names repeat, and accuracies lie close together. Every
// kind of value expression occurs.

#include <string>

#include "tests/testing/random_subjects.h"

namespace osprey::testing {

struct DatabaseShape {
  size_t systems = 4;
  size_t records = 100;
  size_t names = 60;     // fewer than records: some are alike
  double change = 0.08;  // chance that an attribute differs from the system's
  uint32_t max_points = 100;
};

std::string RandomDatabase(const DatabaseShape& shape, Random& random);

}  // namespace osprey::testing
