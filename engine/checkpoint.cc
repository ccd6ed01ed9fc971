// SPDX-License-Identifier: Apache-2.0
#include "engine/checkpoint.h"

#include <rapidjson/document.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "io/writers/json.h"

namespace osprey::engine {
namespace {

constexpr uint64_t kVersion = 1;

absl::Status Bad(const char* key) {
  return absl::InvalidArgumentError(
      absl::StrCat("not a checkpoint: \"", key, "\" is missing or of the wrong kind"));
}

absl::Status Read(const rapidjson::Document& object, const char* key, uint64_t& out) {
  const auto found = object.FindMember(key);
  if (found == object.MemberEnd() || !found->value.IsUint64()) return Bad(key);
  out = found->value.GetUint64();
  return absl::OkStatus();
}

absl::Status Read(const rapidjson::Document& object, const char* key, int64_t& out) {
  const auto found = object.FindMember(key);
  if (found == object.MemberEnd() || !found->value.IsInt64()) return Bad(key);
  out = found->value.GetInt64();
  return absl::OkStatus();
}

absl::Status Read(const rapidjson::Document& object, const char* key, std::string& out) {
  const auto found = object.FindMember(key);
  if (found == object.MemberEnd() || !found->value.IsString()) return Bad(key);
  out.assign(found->value.GetString(), found->value.GetStringLength());
  return absl::OkStatus();
}

}  // namespace

std::string RenderCheckpoint(const Checkpoint& checkpoint) {
  io::JsonLine json;
  json.BeginObject();
  json.Member("checkpoint", kVersion);
  json.Member("scan", checkpoint.scan_id);
  json.Member("seed", checkpoint.seed);
  json.Member("options", checkpoint.options_digest);
  json.Member("targets", checkpoint.targets_digest);
  json.Member("low_water", checkpoint.low_water);
  json.Member("synced_bytes", checkpoint.synced_bytes);
  json.Member("records", checkpoint.records);
  json.Member("start_s", checkpoint.start_epoch_s);
  json.Member("arguments", checkpoint.arguments);
  json.EndObject();
  json.EndLine();
  return std::string(json.view());
}

absl::StatusOr<Checkpoint> ParseCheckpoint(std::string_view text) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  if (document.HasParseError() || !document.IsObject()) {
    return absl::InvalidArgumentError("not a checkpoint: not a JSON object");
  }
  uint64_t version = 0;
  OSPREY_RETURN_IF_ERROR(Read(document, "checkpoint", version));
  if (version != kVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat("checkpoint of version ", version, "; this program reads ", kVersion));
  }
  Checkpoint out;
  OSPREY_RETURN_IF_ERROR(Read(document, "scan", out.scan_id));
  OSPREY_RETURN_IF_ERROR(Read(document, "seed", out.seed));
  OSPREY_RETURN_IF_ERROR(Read(document, "options", out.options_digest));
  OSPREY_RETURN_IF_ERROR(Read(document, "targets", out.targets_digest));
  OSPREY_RETURN_IF_ERROR(Read(document, "low_water", out.low_water));
  OSPREY_RETURN_IF_ERROR(Read(document, "synced_bytes", out.synced_bytes));
  OSPREY_RETURN_IF_ERROR(Read(document, "records", out.records));
  OSPREY_RETURN_IF_ERROR(Read(document, "start_s", out.start_epoch_s));
  OSPREY_RETURN_IF_ERROR(Read(document, "arguments", out.arguments));
  return out;
}

}  // namespace osprey::engine
