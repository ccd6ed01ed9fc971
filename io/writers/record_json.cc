// SPDX-License-Identifier: Apache-2.0
#include "io/writers/record_json.h"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace osprey::io {
namespace {

using Json = rapidjson::Value;

// Iterative: a line of a million brackets must not use up the stack. Not with full precision:
// exponents of ten digits make RapidJSON read behind a table then, and the last bit of an accuracy
// does not matter.
constexpr unsigned kParseFlags =
    rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;

// Reads members of one object and remembers the first thing that was wrong. Later calls do nothing,
// so that a sequence of reads needs one check at its end.
class Members {
 public:
  Members(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
    if (!object.IsObject()) Fail("", "is not an object");
  }

  const absl::Status& status() const { return status_; }

  template <class T>
  void Required(const char* key, T& out) {
    if (status_.ok() && object_.FindMember(key) == object_.MemberEnd()) Fail(key, "is missing");
    Optional(key, out);
  }

  template <class T>
  void Optional(const char* key, T& out) {
    if (!status_.ok()) return;
    const auto found = object_.FindMember(key);
    if (found == object_.MemberEnd()) return;
    if (!Read(found->value, out)) Fail(key, Expected<T>());
  }

  // Calls read(members_of_the_element, new_element) for each element of the array `key`.
  template <class T, class Reader>
  void Objects(const char* key, std::vector<T>& out, const Reader& read) {
    if (!status_.ok()) return;
    const auto found = object_.FindMember(key);
    if (found == object_.MemberEnd()) return;
    if (!found->value.IsArray()) return Fail(key, "is not an array");
    for (const Json& element : found->value.GetArray()) {
      Members inner(element, absl::StrFormat("%s[%d]", Path(key), out.size()));
      read(inner, out.emplace_back());
      status_.Update(inner.status());
    }
  }

  // Calls read(members) if there is an object `key`. Returns whether there is one.
  template <class Reader>
  void Object(const char* key, const Reader& read) {
    if (!status_.ok()) return;
    const auto found = object_.FindMember(key);
    if (found == object_.MemberEnd()) return;
    Members inner(found->value, Path(key));
    if (inner.status().ok()) read(inner);
    status_.Update(inner.status());
  }

  void Fail(std::string_view key, std::string_view what) {
    status_ = absl::InvalidArgumentError(absl::StrFormat("%s %s", Path(key), what));
  }

 private:
  // "os.matches[1].accuracy".
  std::string Path(std::string_view key) const {
    const std::string_view dot = !path_.empty() && !key.empty() ? "." : "";
    return absl::StrFormat("%s%s%s", path_, dot, key);
  }

  static bool Read(const Json& value, std::string& out) {
    if (!value.IsString()) return false;
    out.assign(value.GetString(), value.GetStringLength());
    return true;
  }
  static bool Read(const Json& value, bool& out) {
    if (!value.IsBool()) return false;
    out = value.GetBool();
    return true;
  }
  static bool Read(const Json& value, double& out) {
    if (!value.IsNumber()) return false;
    out = value.GetDouble();
    return true;
  }
  template <class T>
  requires std::is_unsigned_v<T>
  static bool Read(const Json& value, T& out) {
    if (!value.IsUint64() || value.GetUint64() > std::numeric_limits<T>::max()) return false;
    out = static_cast<T>(value.GetUint64());
    return true;
  }
  template <class T>
  requires std::is_signed_v<T>
  static bool Read(const Json& value, T& out) {
    if (!value.IsInt64() || value.GetInt64() > std::numeric_limits<T>::max() ||
        value.GetInt64() < std::numeric_limits<T>::min()) {
      return false;
    }
    out = static_cast<T>(value.GetInt64());
    return true;
  }
  template <class T>
  static bool Read(const Json& value, std::vector<T>& out) {
    if (!value.IsArray()) return false;
    for (const Json& element : value.GetArray()) {
      if (!Read(element, out.emplace_back())) return false;
    }
    return true;
  }

  template <class T>
  static const char* Expected() {
    if constexpr (std::is_same_v<T, std::string>) return "is not a string";
    if constexpr (std::is_same_v<T, bool>) return "is not true or false";
    if constexpr (std::is_arithmetic_v<T>) return "is not a number in range";
    return "is not an array of the right kind";
  }

  const Json& object_;
  std::string path_;
  absl::Status status_;
};

void ReadClass(Members& in, OsClassRecord& out) {
  in.Optional("vendor", out.vendor);
  in.Optional("family", out.family);
  in.Optional("gen", out.generation);
  in.Optional("type", out.type);
  in.Optional("cpe", out.cpe);
}

void ReadMatch(Members& in, OsMatchRecord& out) {
  in.Required("name", out.name);
  in.Required("accuracy", out.accuracy);
  in.Optional("db_line", out.db_line);
  in.Objects("classes", out.classes, ReadClass);
  if (!(out.accuracy >= 0 && out.accuracy <= 1)) in.Fail("accuracy", "is not in 0..1");
}

void ReadUsedPort(Members& in, UsedPort& out) {
  in.Required("proto", out.protocol);
  in.Required("port", out.port);
  in.Required("state", out.state);
}

void ReadPort(Members& in, PortRecord& out) {
  in.Required("proto", out.protocol);
  in.Required("port", out.port);
  in.Required("state", out.state);
  in.Optional("reason", out.reason);
  in.Optional("ttl", out.reason_ttl);
  in.Optional("service", out.service);
}

void ReadPortGroup(Members& in, PortGroup& out) {
  in.Required("proto", out.protocol);
  in.Required("state", out.state);
  in.Optional("reason", out.reason);
  in.Required("count", out.count);
}

void ReadResult(Members& in, OsResult& out) {
  std::string name;
  in.Required("result", name);
  for (const OsResult result : {OsResult::kNotMeasured, OsResult::kSuccess, OsResult::kNoMatches,
                                OsResult::kTooManyMatches}) {
    if (name == OsResultName(result)) {
      out = result;
      return;
    }
  }
  if (in.status().ok()) in.Fail("result", "is not one of the known results");
}

void ReadOs(Members& in, OsRecord& out) {
  ReadResult(in, out.result);
  in.Optional("perfect", out.perfect);
  in.Objects("matches", out.matches, ReadMatch);
  in.Objects("ports_used", out.ports_used, ReadUsedPort);
  in.Object("losses", [&](Members& losses) {
    out.losses.emplace();
    losses.Required("sequence", out.losses->sequence);
    losses.Required("tests", out.losses->tests);
  });
  in.Optional("unreliable", out.unreliable);
  in.Optional("unfit", out.unfit_reason);
  in.Optional("device_types", out.device_types);
  in.Optional("running", out.running);
  in.Optional("running_is_guess", out.running_is_guess);
  in.Optional("cpe", out.cpe);
  in.Optional("verdict", out.verdict_lines);
  in.Optional("printed_fingerprint", out.fingerprint_block);
  in.Optional("fingerprint", out.fingerprint);
}

void ReadClassed(Members& in, std::optional<ClassSequenceRecord>& out) {
  out.emplace();
  in.Required("class", out->klass);
  in.Optional("values", out->values);
}

void ReadMeasures(Members& in, Record& out) {
  in.Object("uptime", [&](Members& uptime) {
    out.uptime.emplace();
    uptime.Required("seconds", out.uptime->seconds);
    uptime.Required("boot_s", out.uptime->boot_epoch_s);
  });
  in.Object("distance", [&](Members& distance) {
    out.distance.emplace();
    std::string method;
    distance.Required("hops", out.distance->hops);
    distance.Required("method", method);
    if (method.size() != 1) return distance.Fail("method", "is not one letter");
    out.distance->method = method[0];
  });
  in.Object("tcp_sequence", [&](Members& sequence) {
    out.tcp_sequence.emplace();
    sequence.Required("index", out.tcp_sequence->index);
    sequence.Required("difficulty", out.tcp_sequence->difficulty);
    sequence.Optional("values", out.tcp_sequence->values);
  });
  in.Object("ip_id_sequence", [&](Members& ids) { ReadClassed(ids, out.ip_id_sequence); });
  in.Object("tcp_ts_sequence", [&](Members& ts) { ReadClassed(ts, out.tcp_ts_sequence); });
  in.Object("rtt", [&](Members& rtt) {
    out.rtt.emplace();
    rtt.Required("srtt_us", out.rtt->srtt_us);
    rtt.Required("variance_us", out.rtt->variance_us);
    rtt.Required("timeout_us", out.rtt->timeout_us);
  });
}

void ReadIdentity(Members& in, Record& out) {
  uint32_t version = 0;
  in.Required("v", version);
  if (in.status().ok() && version != kRecordVersion) {
    in.Fail("v", absl::StrFormat("is %d; this program reads version %d", version, kRecordVersion));
  }
  in.Required("scan", out.key.scan);
  in.Required("index", out.key.index);
  in.Required("rev", out.key.revision);
  in.Required("ip", out.address);
  in.Optional("hostname", out.hostname);
  std::string from;
  in.Optional("hostname_from", from);
  out.user_name = from == "user";
  in.Optional("mac", out.mac);
  in.Optional("state", out.state);
  in.Optional("reason", out.reason);
  in.Optional("ttl", out.reason_ttl);
  in.Optional("start_ms", out.start_ms);
  in.Optional("end_ms", out.end_ms);
}

// Stops as soon as the three members of the key were seen at the top level.
class KeyHandler : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, KeyHandler> {
 public:
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    if (depth_ == 1) member_.assign(text, length);
    return true;
  }
  bool StartObject() { return ++depth_, true; }
  bool EndObject(rapidjson::SizeType) { return --depth_, true; }
  bool StartArray() { return ++depth_ > 1; }  // a record is an object
  bool EndArray(rapidjson::SizeType) { return --depth_, true; }
  bool String(const char* text, rapidjson::SizeType length, bool) {
    if (depth_ != 1 || member_ != "scan") return true;
    return Take(kScan, key_.scan, std::string(text, length));
  }
  bool Uint(unsigned number) { return Uint64(number); }
  bool Uint64(uint64_t number) {
    if (depth_ != 1) return true;
    if (member_ == "index") return Take(kIndex, key_.index, number);
    if (member_ != "rev" || number > std::numeric_limits<uint32_t>::max()) return true;
    return Take(kRevision, key_.revision, static_cast<uint32_t>(number));
  }

  bool complete() const { return seen_ == (kScan | kIndex | kRevision); }
  const RecordKey& key() const { return key_; }

 private:
  static constexpr unsigned kScan = 1, kIndex = 2, kRevision = 4;

  // Of members with one name the first counts, as for ParseRecord. Returns whether to read on.
  template <class T>
  bool Take(unsigned which, T& out, T value) {
    if ((seen_ & which) == 0) out = std::move(value);
    seen_ |= which;
    return !complete();
  }

  int depth_ = 0;
  unsigned seen_ = 0;
  std::string member_;
  RecordKey key_;
};

absl::Status NotJson(rapidjson::ParseErrorCode code, size_t offset) {
  return absl::InvalidArgumentError(
      absl::StrFormat("not JSON at byte %d: %s", offset + 1, rapidjson::GetParseError_En(code)));
}

}  // namespace

void RenderMatch(const OsMatchRecord& match, ClassCpe class_cpe, JsonLine& json) {
  json.BeginObject();
  json.Member("name", match.name);
  json.Key("accuracy");
  json.Accuracy(match.accuracy);
  json.Member("db_line", match.db_line);
  json.BeginArray("classes");
  absl::InlinedVector<std::string_view, 8> all_cpe;
  for (const OsClassRecord& os_class : match.classes) {
    json.BeginObject();
    json.Member("vendor", os_class.vendor);
    json.Member("family", os_class.family);
    json.Member("gen", os_class.generation);
    json.Member("type", os_class.type);
    if (class_cpe == ClassCpe::kInClasses && !os_class.cpe.empty()) json.Array("cpe", os_class.cpe);
    json.EndObject();
    for (const std::string& cpe : os_class.cpe) {
      if (std::find(all_cpe.begin(), all_cpe.end(), cpe) == all_cpe.end()) all_cpe.push_back(cpe);
    }
  }
  json.EndArray();
  json.Array("cpe", all_cpe);
  json.EndObject();
}

absl::StatusOr<Record> ParseRecord(std::string_view line) {
  rapidjson::Document document;
  document.Parse<kParseFlags>(line.data(), line.size());
  if (document.HasParseError()) {
    return NotJson(document.GetParseError(), document.GetErrorOffset());
  }
  if (!document.IsObject()) return absl::InvalidArgumentError("not a JSON object");
  Record record;
  Members in(document, "");
  ReadIdentity(in, record);
  in.Objects("ports", record.ports, ReadPort);
  in.Objects("ports_not_shown", record.ports_not_shown, ReadPortGroup);
  in.Object("os", [&](Members& os) { ReadOs(os, record.os); });
  ReadMeasures(in, record);
  in.Optional("rounds", record.rounds);
  in.Optional("warnings", record.warnings);
  in.Optional("observation", record.observation);
  OSPREY_RETURN_IF_ERROR(in.status());
  return record;
}

absl::StatusOr<RecordKey> ParseRecordKey(std::string_view line) {
  rapidjson::MemoryStream bytes(line.data(), line.size());
  rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> stream(bytes);
  rapidjson::Reader reader;
  KeyHandler handler;
  reader.Parse<kParseFlags>(stream, handler);
  if (handler.complete()) return handler.key();
  if (reader.HasParseError()) return NotJson(reader.GetParseErrorCode(), reader.GetErrorOffset());
  return absl::InvalidArgumentError("no record: \"scan\", \"index\" or \"rev\" is missing");
}

}  // namespace osprey::io
