// SPDX-License-Identifier: Apache-2.0
#pragma once
// The line-based forms of subject_reader.h: plain lines, blocks, normal output, NDJSON.

#include <memory>

#include "tools/osprey/subject_reader.h"

namespace osprey::tools {

std::unique_ptr<SubjectReader> MakeLineSubjects(LineSource source);

}  // namespace osprey::tools
