// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/score.h"

#include <rapidjson/document.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/address.h"
#include "base/status_macros.h"
#include "io/writers/json.h"
#include "tools/lab/results.h"

namespace osprey::lab {
namespace {

using Json = rapidjson::Value;

// What hosts have in common, stored once.
struct Kind {
  std::string reference;
  std::vector<std::string> families;  // "VENDOR|FAMILY"
  std::string family;                 // of the first class
  std::string type;
  std::string boxes;
};

enum class Outcome : uint8_t { kMissed, kExact, kListed, kFamily, kWrong, kNone };

struct Truth {
  struct Host {
    uint32_t kind;
    Outcome outcome = Outcome::kMissed;
  };
  std::vector<Kind> kinds;
  absl::flat_hash_map<uint32_t, Host> hosts;  // by address
};

// Reads truth lines, making one Kind of all that are equal.
class TruthReader {
 public:
  absl::Status Read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return absl::ErrnoToStatus(errno, path);
    std::string line;
    for (uint64_t number = 1; std::getline(in, line); ++number) {
      if (!line.empty() && !Take(line)) {
        return absl::InvalidArgumentError(
            absl::StrFormat("%s:%d: not a line of osprey-lab's truth", path, number));
      }
    }
    return absl::OkStatus();
  }

  Truth Result() { return std::move(truth_); }

 private:
  bool Take(const std::string& line) {
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag>(line.data(), line.size());
    if (document.HasParseError() || !document.IsObject()) return false;
    if (document.HasMember("lab")) return true;  // the world's own line
    const Json& host = document;
    const auto ip = host.FindMember("ip");
    if (ip == host.MemberEnd() || !ip->value.IsString()) return false;
    const absl::StatusOr<Ipv4Addr> address = Ipv4Addr::Parse(ip->value.GetString());
    const auto reference = host.FindMember("reference");
    if (!address.ok() || reference == host.MemberEnd() || !reference->value.IsString()) {
      return false;
    }
    const std::string boxes = Joined(document, "boxes");
    truth_.hosts[address->host_order] = {
        KindOf(reference->value.GetString(), Joined(document, "classes"), boxes)};
    return true;
  }

  static std::string Joined(const Json& object, const char* key) {
    const auto it = object.FindMember(key);
    if (it == object.MemberEnd() || !it->value.IsArray()) return "";
    std::vector<std::string> texts;
    for (const Json& item : it->value.GetArray()) {
      if (item.IsString()) texts.emplace_back(item.GetString());
    }
    return absl::StrJoin(texts, "\n");
  }

  uint32_t KindOf(const std::string& reference, const std::string& classes,
                  const std::string& boxes) {
    const std::string key = absl::StrJoin({reference, classes, boxes}, "\t");
    const auto [it, added] = index_.try_emplace(key, static_cast<uint32_t>(truth_.kinds.size()));
    if (added) truth_.kinds.push_back(MakeKind(reference, classes, boxes));
    return it->second;
  }

  // Classes are "TYPE|VENDOR|FAMILY|GENERATION" lines.
  static Kind MakeKind(const std::string& reference, const std::string& classes,
                       const std::string& boxes) {
    Kind kind{.reference = reference, .families = {}, .family = "?", .type = "?", .boxes = boxes};
    for (const absl::string_view line : absl::StrSplit(classes, '\n', absl::SkipEmpty())) {
      const std::vector<std::string> parts = absl::StrSplit(line, '|');
      if (parts.size() < 3) continue;
      if (kind.families.empty()) kind.type = parts[0], kind.family = parts[2];
      kind.families.push_back(parts[1] + "|" + parts[2]);
    }
    return kind;
  }

  Truth truth_;
  absl::flat_hash_map<std::string, uint32_t> index_;
};

Outcome Judge(const Kind& kind, const HostResult& result) {
  if (!result.up) return Outcome::kMissed;
  bool listed = false;
  for (const ListedMatch& match : result.matches) {
    if (match.name != kind.reference) continue;
    if (match.perfect) return Outcome::kExact;
    listed = true;
  }
  if (listed) return Outcome::kListed;
  if (result.matches.empty()) return Outcome::kNone;
  const std::vector<std::string>& best = result.matches[0].families;
  const bool same = std::find_first_of(best.begin(), best.end(), kind.families.begin(),
                                       kind.families.end()) != best.end();
  return same ? Outcome::kFamily : Outcome::kWrong;
}

void Add(Outcome outcome, ScoreRow& row) {
  ++row.hosts;
  switch (outcome) {
    case Outcome::kMissed:
      ++row.missed;
      break;
    case Outcome::kExact:
      ++row.exact;
      break;
    case Outcome::kListed:
      ++row.listed;
      break;
    case Outcome::kFamily:
      ++row.family;
      break;
    case Outcome::kWrong:
      ++row.wrong;
      break;
    case Outcome::kNone:
      ++row.none;
      break;
  }
}

Score Sum(const Truth& truth) {
  Score score;
  for (const auto& [address, host] : truth.hosts) {
    const Kind& kind = truth.kinds[host.kind];
    Add(host.outcome, score.all);
    Add(host.outcome, score.by_family[kind.family]);
    Add(host.outcome, score.by_type[kind.type]);
    if (kind.boxes.empty()) Add(host.outcome, score.by_box["none"]);
    for (const absl::string_view box : absl::StrSplit(kind.boxes, '\n', absl::SkipEmpty())) {
      Add(host.outcome, score.by_box[std::string(box)]);
    }
  }
  return score;
}

void AppendRow(const std::string& name, const ScoreRow& row, std::string& out) {
  absl::StrAppendFormat(&out, "%-26.26s %9d %9d %7d %9d %8d %8d %7d %7d\n", name, row.hosts,
                        row.found(), row.missed, row.exact, row.listed, row.family, row.wrong,
                        row.none);
}

// The rows with most hosts, the others as one.
void AppendRows(const char* title, const std::map<std::string, ScoreRow>& rows, std::string& out) {
  constexpr size_t kMost = 14;
  std::vector<std::pair<std::string, ScoreRow>> sorted(rows.begin(), rows.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second.hosts > b.second.hosts; });
  absl::StrAppendFormat(&out, "%s\n", title);
  ScoreRow others;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const ScoreRow& row = sorted[i].second;
    if (i < kMost) {
      AppendRow("  " + sorted[i].first, row, out);
      continue;
    }
    others.hosts += row.hosts, others.missed += row.missed, others.exact += row.exact;
    others.listed += row.listed, others.family += row.family, others.wrong += row.wrong;
    others.none += row.none;
  }
  if (others.hosts > 0) AppendRow("  (others)", others, out);
}

void JsonRow(std::string_view key, const ScoreRow& row, io::JsonLine& json) {
  json.BeginObject(key);
  json.Member("hosts", row.hosts);
  json.Member("found", row.found());
  json.Member("missed", row.missed);
  json.Member("exact", row.exact);
  json.Member("listed", row.listed);
  json.Member("family", row.family);
  json.Member("wrong", row.wrong);
  json.Member("none", row.none);
  json.EndObject();
}

void JsonRows(std::string_view key, const std::map<std::string, ScoreRow>& rows,
              io::JsonLine& json) {
  json.BeginObject(key);
  for (const auto& [name, row] : rows) JsonRow(name, row, json);
  json.EndObject();
}

double Percent(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

absl::StatusOr<Score> ScoreFiles(const std::string& truth_path, const std::string& results) {
  TruthReader reader;
  OSPREY_RETURN_IF_ERROR(reader.Read(truth_path));
  Truth truth = reader.Result();
  absl::flat_hash_map<uint32_t, bool> ghosts;
  OSPREY_RETURN_IF_ERROR(ReadResults(results, [&](const HostResult& result) {
    const auto it = truth.hosts.find(result.address.host_order);
    if (it != truth.hosts.end()) {
      it->second.outcome = Judge(truth.kinds[it->second.kind], result);
    } else {
      ghosts[result.address.host_order] = result.up;
    }
  }));
  Score score = Sum(truth);
  score.ghosts = static_cast<uint64_t>(
      std::count_if(ghosts.begin(), ghosts.end(), [](const auto& ghost) { return ghost.second; }));
  return score;
}

std::string ScoreTable(const Score& score) {
  std::string out = absl::StrFormat("%-26s %9s %9s %7s %9s %8s %8s %7s %7s\n", "", "hosts", "found",
                                    "missed", "exact", "listed", "family", "wrong", "none");
  AppendRow("all", score.all, out);
  AppendRows("by family", score.by_family, out);
  AppendRows("by type", score.by_type, out);
  if (score.by_box.size() > 1 || !score.by_box.contains("none")) {
    AppendRows("by middlebox", score.by_box, out);
  }
  const ScoreRow& all = score.all;
  absl::StrAppendFormat(&out,
                        "%.2f %% of the hosts found, %.2f %% exact, %.2f %% family or better; %d "
                        "addresses reported that are no hosts\n",
                        Percent(all.found(), all.hosts), Percent(all.exact, all.hosts),
                        Percent(all.exact + all.listed + all.family, all.hosts), score.ghosts);
  return out;
}

std::string ScoreJson(const Score& score) {
  io::JsonLine json;
  json.BeginObject();
  JsonRow("all", score.all, json);
  json.Member("ghosts", score.ghosts);
  JsonRows("by_family", score.by_family, json);
  JsonRows("by_type", score.by_type, json);
  JsonRows("by_middlebox", score.by_box, json);
  json.EndObject();
  json.EndLine();
  return std::string(json.view());
}

}  // namespace osprey::lab
