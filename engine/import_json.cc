// SPDX-License-Identifier: Apache-2.0
// Results in JSON: objects one after another, in an array or one a line, whatever stands between
// them. Each object is cut out first and parsed alone, so that a broken one (an interrupted
// masscan leaves some) costs only itself. Strings do not run over line ends in JSON; that is where
// the reader finds its way again.

#include <rapidjson/document.h>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "engine/import_sink.h"

namespace osprey {
namespace {

using rapidjson::Value;

constexpr std::string_view kBroken = "broken JSON object";

// Cuts objects out of a stream of lines.
class ObjectCutter {
 public:
  // Calls take(object, line) for each object that ends in this line, and bad(line) for what is
  // none. Stops at the first error.
  absl::Status Feed(const ImportLines::Line& line, auto take, auto bad) {
    for (const char c : line.text) {
      if (depth_ == 0) {
        if (c == '{') {
          Begin(line.number);
        } else if (!IsBetween(c)) {
          bad(line.number);
          return absl::OkStatus();
        }
        continue;
      }
      object_ += c;
      Count(c);
      if (depth_ > 0) continue;
      OSPREY_RETURN_IF_ERROR(take(object_, first_line_));
    }
    if (in_string_ || object_.size() > ImportLines::kMaxLineBytes) Abandon(bad);
    if (depth_ > 0) object_ += '\n';
    return absl::OkStatus();
  }

  void Finish(auto bad) {
    if (depth_ > 0) Abandon(bad);
  }

 private:
  static bool IsBetween(char c) {
    return c == '[' || c == ']' || c == ',' || c == ' ' || c == '\t' || c == '\r';
  }
  void Begin(uint64_t line) {
    object_ = '{';
    depth_ = 1;
    first_line_ = line;
  }
  void Count(char c) {
    if (escaped_) {
      escaped_ = false;
    } else if (in_string_) {
      if (c == '"') in_string_ = false;
      if (c == '\\') escaped_ = true;
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{') {
      ++depth_;
    } else if (c == '}') {
      --depth_;
    }
  }
  void Abandon(auto bad) {
    if (depth_ > 0) bad(first_line_);
    depth_ = 0;
    in_string_ = escaped_ = false;
  }

  std::string object_;
  uint64_t depth_ = 0;  // of braces; 0: between objects
  uint64_t first_line_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

std::string_view TextOf(const Value& object, const char* name) {
  const auto found = object.FindMember(name);
  if (found == object.MemberEnd() || !found->value.IsString()) return {};
  return {found->value.GetString(), found->value.GetStringLength()};
}

// A port as text, whether it was written as a number or as a string.
std::string PortOf(const Value& object, const char* name) {
  const auto found = object.FindMember(name);
  if (found == object.MemberEnd()) return {};
  if (found->value.IsUint()) return absl::StrCat(found->value.GetUint());
  return std::string(TextOf(object, name));
}

// masscan's and Osprey's: [{"port":80,"proto":"tcp","status":"open"}].
bool TakePorts(const Value& object, ImportedHost& host) {
  const auto ports = object.FindMember("ports");
  if (ports == object.MemberEnd()) return true;
  if (!ports->value.IsArray()) return false;
  for (const Value& port : ports->value.GetArray()) {
    if (!port.IsObject()) return false;
    std::string_view state = TextOf(port, "status");
    if (state.empty()) state = TextOf(port, "state");
    if (state.empty() && port.HasMember("service")) state = "open";  // masscan's banners
    if (!host.AddPort(PortOf(port, "port"), state, TextOf(port, "proto"))) return false;
  }
  return true;
}

// ZMap's "sport" with what its SYN scan says of it.
bool TakeSourcePort(const Value& object, ImportedHost& host) {
  if (!object.HasMember("sport")) return true;
  const std::string_view classification = TextOf(object, "classification");
  const auto success = object.FindMember("success");
  std::string_view state = "open";
  if (!classification.empty()) {
    state = classification == "synack" ? "open" : classification == "rst" ? "closed" : "";
  } else if (success != object.MemberEnd()) {
    const bool yes = (success->value.IsBool() && success->value.GetBool()) ||
                     (success->value.IsUint() && success->value.GetUint() == 1);
    state = yes ? "open" : "";
  }
  return host.AddPort(PortOf(object, "sport"), state, "tcp");
}

absl::Status TakeObject(const std::string& text, uint64_t line, ImportSink& sink) {
  // Older masscans end their array with this, which is not JSON.
  if (text.starts_with("{finished:")) return sink.LeaveOut(), absl::OkStatus();
  rapidjson::Document object;
  object.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  if (object.HasParseError() || !object.IsObject()) {
    return sink.Malformed(line, kBroken), absl::OkStatus();
  }
  std::string_view address = TextOf(object, "ip");
  if (address.empty()) address = TextOf(object, "saddr");
  if (address.empty()) return sink.LeaveOut(), absl::OkStatus();
  ImportedHost host{.line = line, .address = std::string(address)};
  host.down = TextOf(object, "state") == "down";
  if (!TakePorts(object, host) || !TakeSourcePort(object, host)) {
    return sink.Malformed(line, "a port that is no port number"), absl::OkStatus();
  }
  return sink.Take(host);
}

}  // namespace

absl::Status ImportJson(ImportLines& lines, ImportSink& sink) {
  ObjectCutter cutter;
  const auto take = [&](const std::string& text, uint64_t line) {
    return TakeObject(text, line, sink);
  };
  const auto bad = [&](uint64_t line) { sink.Malformed(line, kBroken); };
  ImportLines::Line line;
  while (true) {
    OSPREY_ASSIGN_OR_RETURN(const bool more, lines.Next(line));
    if (!more) break;
    if (line.too_long) bad(line.number);
    OSPREY_RETURN_IF_ERROR(cutter.Feed(line, take, bad));
  }
  cutter.Finish(bad);
  return absl::OkStatus();
}

}  // namespace osprey
