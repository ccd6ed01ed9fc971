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
#include <vector>

namespace osprey::io {

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

  void Key(std::string_view key) {
    writer_.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
  }
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
  template <class T>
  void Array(std::string_view key, const std::vector<T>& values) {
    BeginArray(key);
    for (const T& value : values) Value(value);
    EndArray();
  }

 private:
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_;
  std::string scratch_;
};

}  // namespace osprey::io
