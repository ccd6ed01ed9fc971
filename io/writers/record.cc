// SPDX-License-Identifier: Apache-2.0
#include "io/writers/record.h"

namespace osprey::io {

const char* OsResultName(OsResult result) {
  switch (result) {
    case OsResult::kNotMeasured:
      return "not_measured";
    case OsResult::kSuccess:
      return "success";
    case OsResult::kNoMatches:
      return "no_matches";
    case OsResult::kTooManyMatches:
      return "too_many_matches";
  }
  return "not_measured";
}

}  // namespace osprey::io
