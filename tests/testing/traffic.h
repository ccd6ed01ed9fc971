// SPDX-License-Identifier: Apache-2.0
#pragma once
// Subjects as a scan of a large range gives them, for benchmarks.
//
// A host's system is drawn from the references by Zipf's law (the k-th most common one has weight
// 1/k; which is which is drawn once from a seed). Hosts with the same reference are alike in every
// choice that its expressions leave (option strings, windows, ...), unless kVariants is raised. On
// top comes what differs from measurement to measurement: SP, GCD and ISR are drawn anew from their
// expressions for each host; one in five hundred tests of a host is lost (as R=N, or absent); one
// in five thousand values is that of another reference.

#include <cstdint>
#include <memory>
#include <vector>

#include "db/fingerprint.h"
#include "db/image.h"
#include "tests/testing/random_subjects.h"

namespace osprey::testing {

class Traffic {
 public:
  static constexpr size_t kVariants = 1;

  Traffic(const db::Image& image, uint64_t seed);

  db::Fingerprint Next();
  std::vector<db::Fingerprint> Take(size_t count);

 private:
  const db::Fingerprint& Personality(size_t reference, size_t variant);

  db::Image image_;
  Random random_;
  std::vector<uint32_t> by_rank_;
  std::vector<double> cumulative_;
  std::vector<std::unique_ptr<db::Fingerprint>> personalities_;  // made when first drawn
};

// Subjects no two of which are equal: every value of every test is drawn anew, with much noise.
std::vector<db::Fingerprint> AllDistinct(const db::Image& image, size_t count, uint64_t seed);

}  // namespace osprey::testing
