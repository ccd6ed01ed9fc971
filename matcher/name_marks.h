// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which names of references were seen, forgotten all at once. One thread; no allocation after
// construction.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "db/image.h"

namespace osprey::matcher {

// By reference: the id of its name, and whether another reference has the same one.
class Names {
 public:
  explicit Names(const db::Image& image);

  uint32_t id(uint32_t reference) const { return ids_[reference] & ~kShared; }
  bool is_unique(uint32_t reference) const { return (ids_[reference] & kShared) == 0; }

 private:
  static constexpr uint32_t kShared = 1u << 31;
  std::vector<uint32_t> ids_;
};

class NameMarks {
 public:
  explicit NameMarks(size_t names) : stamps_(names) {}

  // Forgets all.
  void Begin() {
    if (++stamp_ != 0) return;
    std::fill(stamps_.begin(), stamps_.end(), 0);
    stamp_ = 1;
  }
  // False if it was marked since Begin.
  bool Mark(uint32_t name_id) {
    if (stamps_[name_id] == stamp_) return false;
    stamps_[name_id] = stamp_;
    return true;
  }

 private:
  std::vector<uint32_t> stamps_;
  uint32_t stamp_ = 0;
};

}  // namespace osprey::matcher
