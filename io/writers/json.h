// SPDX-License-Identifier: Apache-2.0
#pragma once
// A line of JSON under construction: RapidJSON's streaming writer with the few conveniences that
// the outputs share. Reused from line to line, so that no line allocates after the first ones.
// One owner, one thread.

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace osprey::io {

// RapidJSON's writer looks at each byte of a string. Nearly all of ours are plain: printable ASCII
// without quotes and backslashes, which stands in JSON as it is and can be copied.
class PlainTextWriter : public rapidjson::Writer<rapidjson::StringBuffer> {
 public:
  using Writer::Writer;
  static bool IsPlain(std::string_view text);
  // REQUIRES: IsPlain(text)
  void PlainString(std::string_view text);
};

class JsonLine {
 public:
  JsonLine() : writer_(buffer_) {}
  JsonLine(const JsonLine&) = delete;
  JsonLine& operator=(const JsonLine&) = delete;

  // Starts over.
  void Clear() {
    buffer_.Clear();
    writer_.Reset(buffer_);
  }
  void EndLine() { buffer_.Put('\n'); }
  std::string_view view() const { return {buffer_.GetString(), buffer_.GetSize()}; }

  void BeginObject() { writer_.StartObject(); }
  void BeginObject(std::string_view key) { Key(key), writer_.StartObject(); }
  void EndObject() { writer_.EndObject(); }
  void BeginArray(std::string_view key) { Key(key), writer_.StartArray(); }
  void EndArray() { writer_.EndArray(); }

  void Key(std::string_view key) { Value(key); }
  // Bytes that are not UTF-8 are read as Latin-1.
  void Value(std::string_view text);
  void Value(uint64_t number) { writer_.Uint64(number); }
  void Value(int64_t number) { writer_.Int64(number); }
  void Value(uint32_t number) { writer_.Uint(number); }
  void Value(int32_t number) { writer_.Int(number); }
  void Value(bool truth) { writer_.Bool(truth); }
  void Value(const std::string& text) { Value(std::string_view(text)); }
  void Value(const char* text) { Value(std::string_view(text)); }
  // 0..1 with six decimals.
  void Accuracy(double accuracy);

  template <class T>
  void Member(std::string_view key, const T& value) {
    Key(key);
    Value(value);
  }
  // Leaves the member out if there is nothing to say.
  void MemberIfAny(std::string_view key, std::string_view text) {
    if (!text.empty()) Member(key, text);
  }
  template <class Values>
  void Array(std::string_view key, const Values& values) {
    BeginArray(key);
    for (const auto& value : values) Value(value);
    EndArray();
  }

 private:
  rapidjson::StringBuffer buffer_;
  PlainTextWriter writer_;
  std::string scratch_;
};

}  // namespace osprey::io
