// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes of an NDJSON line, reading it as a record, as a record's key and as a subject
// for matching either fails with a message or gives values that belong together.

#include <string>
#include <string_view>

#include "base/check.h"
#include "io/writers/record_json.h"
#include "tools/osprey/subject_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using osprey::tools::ParsedSubject;
  using osprey::tools::SubjectText;
  const std::string_view line(reinterpret_cast<const char*>(data), size);

  const auto record = osprey::io::ParseRecord(line);
  const auto key = osprey::io::ParseRecordKey(line);
  if (record.ok() && key.ok()) OSPREY_CHECK(record->key == *key);

  SubjectText text;
  text.form = SubjectText::Form::kRecord;
  text.file = "file";
  text.AddRow(line, 7, 1);
  ParsedSubject subject;
  const absl::Status status = osprey::tools::Parse(text, subject);
  if (!record.ok()) OSPREY_CHECK(!status.ok());
  if (!status.ok()) {
    OSPREY_CHECK(std::string(status.message()).rfind("file:7:1: ", 0) == 0);
  } else {
    OSPREY_CHECK(subject.address == record->address);
  }
  return 0;
}
