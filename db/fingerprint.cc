// SPDX-License-Identifier: Apache-2.0
#include "db/fingerprint.h"

#include <cstring>

namespace osprey::db {

void Fingerprint::Clear() {
  lines_.reset();
  present_.reset();
  used_ = 0;
  length_.fill(0);
  contiguous_.set();
  in_order_ = true;
  last_set_ = -1;
  line_present_.fill(0);
  begin_.fill(0);
  end_.fill(0);
}

void Fingerprint::RemoveLine(LineId line) {
  lines_.reset(static_cast<size_t>(line));
  const LineInfo& info = Info(line);
  for (size_t i = info.first; i < info.first + size_t{info.count}; ++i) {
    present_.reset(i);
    length_[i] = 0;
  }
  const auto index = static_cast<size_t>(line);
  if (line_present_[index] != 0) in_order_ = false;
  contiguous_.set(index);
  line_present_[index] = 0;
  begin_[index] = 0;
  end_[index] = 0;
}

void Fingerprint::NoteOrder(AttributeId attribute, size_t size) {
  in_order_ = in_order_ && attribute > last_set_;
  last_set_ = attribute;
  const LineId line = Info(attribute).line;
  const auto i = static_cast<size_t>(line);
  const auto bit = static_cast<unsigned>(attribute - Info(line).first);
  if (line_present_[i] == 0) {
    begin_[i] = used_;
  } else if (end_[i] != used_ || (line_present_[i] >> bit) != 0) {
    contiguous_.reset(i);
  }
  line_present_[i] = static_cast<uint16_t>(line_present_[i] | (1u << bit));
  end_[i] = static_cast<uint16_t>(used_ + size);
}

// Rebuilds the buffer without the bytes of removed and replaced values.
void Fingerprint::Compact() {
  const Fingerprint old = *this;
  Clear();
  lines_ = old.lines_;
  for (size_t i = 0; i < kAttributeCount; ++i) {
    const auto attribute = static_cast<AttributeId>(i);
    if (old.present_.test(i)) static_cast<void>(Set(attribute, old.Get(attribute)));
  }
}

bool Fingerprint::Set(AttributeId attribute, std::string_view value) {
  if (value.size() > 255) return false;
  if (value.size() > bytes_.size() - used_) {
    Compact();
    if (value.size() > bytes_.size() - used_) return false;
  }
  NoteOrder(attribute, value.size());
  if (!value.empty()) std::memcpy(bytes_.data() + used_, value.data(), value.size());
  offset_[attribute] = used_;
  length_[attribute] = static_cast<uint8_t>(value.size());
  used_ = static_cast<uint16_t>(used_ + value.size());
  present_.set(attribute);
  AddLine(Info(attribute).line);
  return true;
}

void Fingerprint::AppendLineText(LineId line, std::string& out) const {
  if (!HasLine(line)) return;
  const LineInfo& info = Info(line);
  out += info.name;
  out += '(';
  bool first = true;
  for (size_t i = info.first; i < info.first + size_t{info.count}; ++i) {
    if (!present_.test(i)) continue;
    if (!first) out += '%';
    first = false;
    const auto attribute = static_cast<AttributeId>(i);
    out += Info(attribute).name;
    out += '=';
    out += Get(attribute);
  }
  out += ')';
}

std::string Fingerprint::LineText(LineId line) const {
  std::string out;
  AppendLineText(line, out);
  return out;
}

std::string Fingerprint::Text(std::string_view separator) const {
  std::string out;
  for (size_t i = 0; i < kLineCount; ++i) {
    if (!lines_.test(i)) continue;
    if (!out.empty()) out += separator;
    AppendLineText(static_cast<LineId>(i), out);
  }
  return out;
}

bool operator==(const Fingerprint& a, const Fingerprint& b) {
  if (a.lines_ != b.lines_ || a.present_ != b.present_) return false;
  for (size_t i = 0; i < kAttributeCount; ++i) {
    const auto attribute = static_cast<AttributeId>(i);
    if (a.present_.test(i) && a.Get(attribute) != b.Get(attribute)) return false;
  }
  return true;
}

}  // namespace osprey::db
