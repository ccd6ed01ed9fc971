// SPDX-License-Identifier: Apache-2.0
#include "matcher/name_marks.h"

namespace osprey::matcher {

Names::Names(const db::Image& image) : ids_(image.reference_count()) {
  std::vector<uint32_t> uses(ids_.size());
  for (size_t i = 0; i < ids_.size(); ++i) ++uses[image.reference(i).name_id];
  for (size_t i = 0; i < ids_.size(); ++i) {
    const uint32_t id = image.reference(i).name_id;
    ids_[i] = id | (uses[id] > 1 ? kShared : 0);
  }
}

}  // namespace osprey::matcher
