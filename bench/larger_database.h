// SPDX-License-Identifier: Apache-2.0
#pragma once
// Databases of several times the size of a given one, to see what size costs.
//
// The first references are those of the given text. Each of the others is a mixture: it takes every
// line of one reference, but one expression in four is that of another reference. So the copies are
// as unlike each other as systems of different vendors, and no list is crowded by near twins, which
// no real database has.

#include <cstddef>
#include <cstdint>
#include <string>

#include "db/image.h"

namespace osprey::bench {

// nmap-os-db text with `factor` times the references of `image`. The same seed gives the same text.
std::string LargerDatabase(const db::Image& image, size_t factor, uint64_t seed);

}  // namespace osprey::bench
