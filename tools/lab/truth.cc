// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/truth.h"

#include <cerrno>
#include <cstdio>
#include <memory>

#include "base/status_macros.h"
#include "io/writers/json.h"

namespace osprey::lab {
namespace {

struct FileClose {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

class TruthWriter {
 public:
  TruthWriter(const World& world, std::FILE* file) : world_(world), file_(file) {}

  void BeginWorld(const std::string& database) {
    json_.Clear();
    json_.BeginObject();
    json_.Member("lab", uint32_t{1});
    json_.Member("seed", world_.spec().seed);
    json_.Member("database", database);
    json_.Member("references", static_cast<uint64_t>(world_.personalities().size()));
    json_.BeginArray("nets");
    for (const GroupSpec& group : world_.spec().groups) json_.Value(group.prefix.ToString());
    json_.EndArray();
    json_.EndObject();
    Flush();
  }

  void Group(const GroupSpec& group) {
    for (uint64_t i = 0; i < group.prefix.size() && ok_; ++i) {
      lab::Host host;
      const Ipv4Addr address{static_cast<uint32_t>(group.prefix.first.host_order + i)};
      if (world_.Find(address, host)) Host(host);
    }
  }

  bool ok() const { return ok_; }

 private:
  void Host(const lab::Host& host) {
    const Personality& p = *host.personality;
    json_.Clear();
    json_.BeginObject();
    json_.Member("ip", host.address.ToString());
    json_.Member("reference", p.name());
    json_.Member("db_line", p.db_line());
    json_.Array("classes", world_.ClassesOf(p));
    Ports(host);
    if (host.closed_filtered) json_.Member("closed_filtered", true);
    json_.Member("hops", static_cast<uint32_t>(host.hops));
    json_.Member("uptime_s", host.uptime_ns / 1'000'000'000);
    Boxes(host);
    if (!p.contradictions().empty()) json_.Array("contradictions", p.contradictions());
    json_.EndObject();
    Flush();
  }

  void Ports(const lab::Host& host) {
    json_.BeginArray("open");
    for (const PortShare& open : host.group->open) {
      if (host.State(open.port) == PortState::kOpen) {
        json_.Value(static_cast<uint32_t>(open.port));
      }
    }
    json_.EndArray();
  }

  void Boxes(const lab::Host& host) {
    bool any = false;
    for (const Box& box : world_.boxes()) {
      if (!box.spec.prefix.Contains(host.address)) continue;
      if (!any) json_.BeginArray("boxes");
      any = true;
      json_.Value(BoxName(box.spec.kind));
    }
    if (any) json_.EndArray();
  }

  void Flush() {
    json_.EndLine();
    const std::string_view line = json_.view();
    ok_ = ok_ && std::fwrite(line.data(), 1, line.size(), file_) == line.size();
  }

  const lab::World& world_;
  std::FILE* file_;
  io::JsonLine json_;
  bool ok_ = true;
};

}  // namespace

absl::Status WriteTruth(const World& world, const std::string& database, const std::string& path) {
  std::unique_ptr<std::FILE, FileClose> file(std::fopen(path.c_str(), "we"));
  if (file == nullptr) return absl::ErrnoToStatus(errno, path);
  TruthWriter writer(world, file.get());
  writer.BeginWorld(database);
  for (const GroupSpec& group : world.spec().groups) writer.Group(group);
  if (!writer.ok() || std::fflush(file.get()) != 0) return absl::ErrnoToStatus(errno, path);
  return absl::OkStatus();
}

}  // namespace osprey::lab
