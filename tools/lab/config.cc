// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/config.h"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include <functional>
#include <map>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "db/text_file.h"
#include "tools/lab/network_keys.h"
#include "tools/lab/options.h"

namespace osprey::lab {
namespace {

using Json = rapidjson::Value;

// Reads the members of one object by key; a missing key keeps what was there.
class ObjectReader {
 public:
  using Read = std::function<absl::Status(const Json&)>;

  ObjectReader(std::string place, std::map<std::string, Read> keys)
      : place_(std::move(place)), keys_(std::move(keys)) {}

  absl::Status Parse(const Json& object) const {
    if (!object.IsObject()) return Wrong(place_, "an object");
    for (const auto& member : object.GetObject()) {
      const std::string key = member.name.GetString();
      const auto it = keys_.find(key);
      if (it == keys_.end()) {
        return absl::InvalidArgumentError(
            absl::StrFormat("%s: unknown key \"%s\"; known:%s", place_, key, Known()));
      }
      OSPREY_RETURN_IF_ERROR(it->second(member.value));
    }
    return absl::OkStatus();
  }

  static absl::Status Wrong(const std::string& place, const char* want) {
    return absl::InvalidArgumentError(absl::StrFormat("%s: want %s", place, want));
  }

 private:
  std::string Known() const {
    std::string names;
    for (const auto& [key, read] : keys_) names += " " + key;
    return names;
  }

  std::string place_;
  std::map<std::string, Read> keys_;
};

ObjectReader::Read Number(const std::string& place, double low, double high, double& out) {
  return [=, &out](const Json& value) {
    if (!value.IsNumber() || value.GetDouble() < low || value.GetDouble() > high) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s: want a number from %g to %g", place, low, high));
    }
    out = value.GetDouble();
    return absl::OkStatus();
  };
}

ObjectReader::Read Flag(const std::string& place, bool& out) {
  return [=, &out](const Json& value) {
    if (!value.IsBool()) return ObjectReader::Wrong(place, "true or false");
    out = value.GetBool();
    return absl::OkStatus();
  };
}

// A text that `parse` understands; its error gets the place in front.
template <class T, class Parse>
ObjectReader::Read Text(const std::string& place, T& out, Parse parse) {
  return [=, &out](const Json& value) -> absl::Status {
    if (!value.IsString()) return ObjectReader::Wrong(place, "a text");
    auto parsed = parse(value.GetString());
    if (!parsed.ok()) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s: %s", place, std::string(parsed.status().message())));
    }
    out = *std::move(parsed);
    return absl::OkStatus();
  };
}

template <class T>
ObjectReader::Read Pair(const std::string& place, double low, double high, Span<T>& out) {
  return [=, &out](const Json& value) {
    const bool good = value.IsArray() && value.Size() == 2 && value[0].IsNumber() &&
                      value[1].IsNumber() && value[0].GetDouble() >= low &&
                      value[1].GetDouble() <= high && value[0].GetDouble() <= value[1].GetDouble();
    if (!good) return ObjectReader::Wrong(place, "[LOW, HIGH]");
    out = {static_cast<T>(value[0].GetDouble()), static_cast<T>(value[1].GetDouble())};
    return absl::OkStatus();
  };
}

absl::StatusOr<std::vector<HostOrderPort>> PortsOnly(std::string_view text) {
  OSPREY_ASSIGN_OR_RETURN(const std::vector<PortShare> shares, ParsePortShares(text));
  std::vector<HostOrderPort> ports;
  for (const PortShare& share : shares) ports.push_back(share.port);
  return ports;
}

absl::StatusOr<GroupSpec> ReadGroup(const std::string& place, const Json& value) {
  GroupSpec group;
  bool has_prefix = false;
  const ObjectReader reader(
      place, {{"net",
               [&](const Json& text) {
                 has_prefix = true;
                 return Text(place + ".net", group.prefix, Prefix::Parse)(text);
               }},
              {"up", Number(place + ".up", 0, 1, group.up)},
              {"mix", Text(place + ".mix", group.mix, ParseMix)},
              {"open", Text(place + ".open", group.open, ParsePortShares)},
              {"filtered", Text(place + ".filtered", group.filtered, PortsOnly)},
              {"closed_filtered", Number(place + ".closed_filtered", 0, 1, group.closed_filtered)},
              {"hops", Pair(place + ".hops", 1, 30, group.hops)},
              {"uptime_days", Pair(place + ".uptime_days", 0, 10'000, group.uptime_days)}});
  OSPREY_RETURN_IF_ERROR(reader.Parse(value));
  if (!has_prefix) return ObjectReader::Wrong(place, "a \"net\"");
  return group;
}

// The readers of NetworkKeys, of all or of those that may change.
std::map<std::string, ObjectReader::Read> NetworkReaders(const std::string& place, NetworkSpec& out,
                                                         bool only_changes) {
  std::map<std::string, ObjectReader::Read> readers;
  for (const NetworkKey& key : NetworkKeys()) {
    if (only_changes && !key.changes) continue;
    readers[key.name] = Number(place + "." + key.name, key.low, key.high, out.*key.member);
  }
  return readers;
}

absl::Status ReadNetwork(const std::string& place, const Json& value, NetworkSpec& out) {
  return ObjectReader(place, NetworkReaders(place, out, false)).Parse(value);
}

// Each change is on top of the one before.
absl::Status ReadChanges(const std::string& place, const Json& value, WorldSpec& spec) {
  if (!value.IsArray()) return ObjectReader::Wrong(place, "an array");
  for (rapidjson::SizeType i = 0; i < value.Size(); ++i) {
    const std::string here = absl::StrFormat("%s[%d]", place, i);
    NetworkChange change{.after_s = -1, .network = LastConditions(spec)};
    auto readers = NetworkReaders(here, change.network, true);
    readers["after_s"] = Number(here + ".after_s", 0, kLatestChangeS, change.after_s);
    OSPREY_RETURN_IF_ERROR(ObjectReader(here, std::move(readers)).Parse(value[i]));
    if (change.after_s < 0) return ObjectReader::Wrong(here, "an \"after_s\"");
    spec.changes.push_back(change);
  }
  return absl::OkStatus();
}

// Arrays of groups and boxes.
template <class T, class Read>
ObjectReader::Read List(const std::string& place, std::vector<T>& out, Read read) {
  return [=, &out](const Json& value) -> absl::Status {
    if (!value.IsArray()) return ObjectReader::Wrong(place, "an array");
    for (rapidjson::SizeType i = 0; i < value.Size(); ++i) {
      OSPREY_ASSIGN_OR_RETURN(T item, read(absl::StrFormat("%s[%d]", place, i), value[i]));
      out.push_back(std::move(item));
    }
    return absl::OkStatus();
  };
}

// A box is the same text as on the command line.
absl::StatusOr<BoxSpec> ReadBox(const std::string& place, const Json& value) {
  BoxSpec box;
  OSPREY_RETURN_IF_ERROR(Text(place, box, ParseBox)(value));
  return box;
}

std::string PlaceOf(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  return absl::StrFormat("line %d", line);
}

}  // namespace

absl::StatusOr<WorldSpec> ParseConfig(std::string_view text, std::string_view name) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseCommentsFlag | rapidjson::kParseTrailingCommasFlag |
                 rapidjson::kParseIterativeFlag>(text.data(), text.size());
  const std::string place(name);
  if (document.HasParseError()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: %s: %s", place, PlaceOf(text, document.GetErrorOffset()),
                        rapidjson::GetParseError_En(document.GetParseError())));
  }
  WorldSpec spec;
  const Json* changes = nullptr;  // read last: they build on "network", wherever that stands
  const ObjectReader reader(
      place,
      {{"seed",
        [&](const Json& value) {
          if (!value.IsUint64()) return ObjectReader::Wrong(place + ": seed", "a number");
          spec.seed = value.GetUint64();
          return absl::OkStatus();
        }},
       {"on_link", Flag(place + ": on_link", spec.on_link)},
       {"network",
        [&](const Json& value) { return ReadNetwork(place + ": network", value, spec.network); }},
       {"changes",
        [&](const Json& value) {
          changes = &value;
          return absl::OkStatus();
        }},
       {"hosts", List(place + ": hosts", spec.groups, ReadGroup)},
       {"boxes", List(place + ": boxes", spec.boxes, ReadBox)}});
  OSPREY_RETURN_IF_ERROR(reader.Parse(document));
  if (changes != nullptr) {
    OSPREY_RETURN_IF_ERROR(ReadChanges(place + ": changes", *changes, spec));
  }
  return spec;
}

absl::StatusOr<WorldSpec> ReadConfig(const std::string& path) {
  OSPREY_ASSIGN_OR_RETURN(const std::string text, db::ReadTextFile(path));
  return ParseConfig(text, path);
}

}  // namespace osprey::lab
