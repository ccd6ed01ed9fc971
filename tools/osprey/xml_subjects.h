// SPDX-License-Identifier: Apache-2.0
#pragma once
// The osfingerprint elements of Nmap's or Osprey's XML, streamed with libxml2's reader.
//
// Nothing is loaded from outside the file: no DTD, no entities, no network. A document that ends
// too early (a scan that was killed) gives its subjects and then an error.

#include <memory>

#include "absl/status/statusor.h"
#include "tools/osprey/subject_reader.h"

namespace osprey::tools {

absl::StatusOr<std::unique_ptr<SubjectReader>> MakeXmlSubjects(LineSource source);

}  // namespace osprey::tools
