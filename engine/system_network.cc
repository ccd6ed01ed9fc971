// SPDX-License-Identifier: Apache-2.0
#include "engine/system_network.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "io/neighbour.h"
#include "io/pcap_capture_ring.h"
#include "io/recording_send_ring.h"
#include "io/ring_selector.h"

namespace osprey::engine {
namespace {

constexpr uint64_t kTargetsLearned = 1 << 20;
constexpr auto kGatewayTimeout = std::chrono::milliseconds(3000);

}  // namespace

absl::StatusOr<std::unique_ptr<SystemNetwork>> SystemNetwork::Create(
    const TargetSet& targets, const SystemNetworkOptions& options) {
  std::unique_ptr<SystemNetwork> network(new SystemNetwork(options));
  OSPREY_ASSIGN_OR_RETURN(auto links, io::LinkTable::Load());
  network->links_ = std::make_unique<io::LinkTable>(std::move(links));
  OSPREY_RETURN_IF_ERROR(network->FindInterfaces());
  OSPREY_ASSIGN_OR_RETURN(auto routes, io::RouteTable::Load(*network->links_, network->forced_));
  network->routes_ = std::make_unique<io::RouteTable>(std::move(routes));
  network->LearnAll(targets);
  if (network->ways_.empty()) {
    return absl::UnavailableError(absl::StrFormat("%s: no route to this target%s",
                                                  targets.At(0).ToString(),
                                                  targets.size() > 1 ? ", nor to any other" : ""));
  }
  OSPREY_RETURN_IF_ERROR(network->CheckTag());
  OSPREY_RETURN_IF_ERROR(network->CheckSources());
  network->ResolveGateways();
  network->BuildPaths();
  OSPREY_RETURN_IF_ERROR(network->FindForeign());
  OSPREY_RETURN_IF_ERROR(network->ArrangeResets());
  return network;
}

absl::Status SystemNetwork::FindInterfaces() {
  for (const std::string& name : options_.interfaces) {
    OSPREY_ASSIGN_OR_RETURN(const io::Link* link, links_->Find(name));
    if (!link->up) {
      return absl::UnavailableError(absl::StrFormat("%s: the interface is down", link->name));
    }
    forced_.push_back(link->index);
  }
  if (forced_.empty() || options_.gateway_mac.is_zero()) return absl::OkStatus();
  const int link = forced_.front();
  default_route_ = io::Route{.kind = io::RouteKind::kGateway,
                             .link_index = link,
                             .gateway = {},
                             .source = io::ChooseSource(*links_, link, {})};
  return absl::OkStatus();
}

absl::Status SystemNetwork::CheckTag() const {
  if (options_.vlan == 0) return absl::OkStatus();
  if (options_.ring == "raw-ip") {
    return absl::InvalidArgumentError("--vlan: the raw-ip ring writes no tags");
  }
  const bool any =
      std::any_of(ways_.begin(), ways_.end(), [](const Way& way) { return way.info.vlan != 0; });
  if (any) return absl::OkStatus();
  return absl::InvalidArgumentError("--vlan: no target is behind an Ethernet interface");
}

void SystemNetwork::LearnAll(const TargetSet& targets) {
  // All of a usual scan; of a huge one an even sample, and the ends of every interval.
  const uint64_t step = targets.size() / kTargetsLearned + 1;
  for (uint64_t i = 0; i < targets.size(); i += step) Learn(targets.At(i));
  if (step == 1) return;
  for (const AddressInterval& interval : targets.addresses().intervals()) {
    Learn(Ipv4Addr{interval.first});
    Learn(Ipv4Addr{interval.last});
  }
}

io::Route SystemNetwork::RouteTo(Ipv4Addr address) const noexcept {
  const io::Route route = routes_->Find(address);
  if (route.kind == io::RouteKind::kUnreachable && default_route_) return *default_route_;
  return route;
}

const SystemNetwork::Way* SystemNetwork::WayOf(const io::Route& route) const noexcept {
  const bool local = route.kind == io::RouteKind::kLocal;
  for (const Way& way : ways_) {
    if (way.info.local == local && (local || way.link.index == route.link_index)) return &way;
  }
  return nullptr;
}

SystemNetwork::Way& SystemNetwork::AddWay(const io::Link& link, bool local) {
  Way& way = ways_.emplace_back();
  way.link = link;
  way.info.name = link.name;
  way.info.layer = local ? io::LinkLayer::kNone : io::LinkLayerOf(link);
  way.info.mac = link.mac;
  way.info.local = local;
  if (local) return way;
  if (way.info.layer == io::LinkLayer::kEthernet) way.info.vlan = options_.vlan;
  const auto pool = options_.sources.addresses();
  way.info.sources.assign(pool.begin(), pool.end());
  return way;
}

void SystemNetwork::Learn(Ipv4Addr address) {
  const io::Route route = RouteTo(address);
  if (route.kind == io::RouteKind::kUnreachable || route.kind == io::RouteKind::kBroadcast) return;
  const bool local = route.kind == io::RouteKind::kLocal;
  const io::Link* link = links_->ByIndex(route.link_index);
  if (link == nullptr || (!link->up && !local)) return;
  const bool pooled = !local && !options_.sources.empty();
  const Ipv4Addr source = local && !address.is_loopback() ? address : route.source;
  if (source.host_order == 0 && !pooled) return;
  const Way* known = WayOf(route);
  Way& way =
      known != nullptr ? ways_[static_cast<size_t>(known - ways_.data())] : AddWay(*link, local);
  auto& sources = way.info.sources;
  const bool is_new = !pooled && std::find(sources.begin(), sources.end(), source) == sources.end();
  if (is_new && sources.size() < SourcePool::kMostAddresses) sources.push_back(source);
  if (route.kind == io::RouteKind::kGateway && way.info.layer == io::LinkLayer::kEthernet) {
    const uint64_t key = GatewayKey(route.link_index, route.gateway);
    if (gateways_.emplace(key, MacAddr{}).second) wanted_gateways_.push_back(key);
  }
}

void SystemNetwork::ResolveGateways() {
  if (wanted_gateways_.empty()) return;
  const auto known = io::NeighbourTable::Load();
  // The kernel's table knows the link without a tag.
  const bool kernel_knows = known.ok() && options_.vlan == 0;
  const auto pool = options_.sources.addresses();
  for (const uint64_t key : wanted_gateways_) {
    const auto link_index = static_cast<int>(key >> 32);
    const Ipv4Addr gateway{static_cast<uint32_t>(key)};
    MacAddr& mac = gateways_[key];
    if (!options_.gateway_mac.is_zero()) {
      mac = options_.gateway_mac;
      continue;
    }
    if (kernel_knows) {
      if (const auto found = known->Find(link_index, gateway)) {
        mac = *found;
        continue;
      }
    }
    const io::Link* link = links_->ByIndex(link_index);
    const Ipv4Addr source =
        pool.empty() ? io::ChooseSource(*links_, link_index, gateway) : pool.front();
    const auto resolved = io::ResolveMac(*link, source, gateway, kGatewayTimeout, options_.vlan);
    if (resolved.ok()) {
      mac = *resolved;
    } else {
      Note(absl::StrFormat(
          "gateway %s on %s does not answer ARP (%s): targets behind it are skipped",
          gateway.ToString(), link->name, std::string(resolved.status().message())));
    }
  }
}

Path SystemNetwork::FindPath(Ipv4Addr address) const noexcept {
  Path path;
  const io::Route route = RouteTo(address);
  const Way* way = WayOf(route);
  if (route.kind == io::RouteKind::kUnreachable || route.kind == io::RouteKind::kBroadcast ||
      way == nullptr) {
    return path;
  }
  path.link = static_cast<uint8_t>(way - ways_.data());
  path.local = route.kind == io::RouteKind::kLocal;
  const Ipv4Addr source = path.local && !address.is_loopback() ? address : route.source;
  if (!path.local && !options_.sources.empty()) {
    path.reachable = true;  // PathTo chooses the source
  } else {
    const auto& sources = way->info.sources;
    const auto at = std::find(sources.begin(), sources.end(), source);
    path.reachable = at != sources.end();
    path.source = static_cast<uint8_t>(path.reachable ? at - sources.begin() : 0);
  }
  path.on_link =
      route.kind == io::RouteKind::kOnLink && way->info.layer == io::LinkLayer::kEthernet;
  if (route.kind == io::RouteKind::kGateway && way->info.layer == io::LinkLayer::kEthernet) {
    const auto gateway = gateways_.find(GatewayKey(route.link_index, route.gateway));
    path.reachable = path.reachable && gateway != gateways_.end() && !gateway->second.is_zero();
    if (path.reachable) path.next_hop = gateway->second;
  }
  return path;
}

void SystemNetwork::BuildPaths() {
  for (const Ipv4Addr start : routes_->Boundaries()) {
    const Path path = FindPath(start);
    if (!paths_.empty() && paths_.back() == path) continue;
    path_starts_.push_back(start.host_order);
    paths_.push_back(path);
  }
}

PathRange SystemNetwork::PathAround(Ipv4Addr address) const noexcept {
  const auto behind =
      std::upper_bound(path_starts_.begin(), path_starts_.end(), address.host_order);
  const auto at = static_cast<size_t>(behind - path_starts_.begin()) - 1;
  if (paths_[at].local) return {FindPath(address), address, address};
  if (!options_.sources.empty()) {
    Path chosen = paths_[at];
    chosen.source = options_.sources.IndexFor(address);
    return {chosen, address, address};
  }
  const uint32_t last = behind == path_starts_.end() ? ~uint32_t{0} : *behind - 1;
  return {paths_[at], Ipv4Addr{path_starts_[at]}, Ipv4Addr{last}};
}

absl::StatusOr<std::unique_ptr<io::SendRing>> SystemNetwork::MakeSendRing(size_t link,
                                                                          size_t lane) {
  Way& way = ways_[link];
  io::SendRingOptions options{.name = way.info.local ? "raw-ip" : options_.ring,
                              .slots = options_.ring_slots,
                              .socket = {},
                              .queue = static_cast<uint32_t>(lane),
                              .bind_raw_ip = !way.info.local};
  OSPREY_ASSIGN_OR_RETURN(io::SelectedRing selected, io::OpenSendRing(way.link, options));
  if (lane == 0) {
    ring_names_.push_back(std::string(selected.ring->name()));
    if (!selected.note.empty() && !way.info.local) {
      Note(absl::StrFormat("%s: sending through %s: %s", way.info.name, ring_names_.back(),
                           selected.note));
    }
  }
  if (options_.record_path.empty()) return std::move(selected.ring);
  if (way.record == nullptr) {
    const std::string path = ways_.size() == 1
                                 ? options_.record_path
                                 : absl::StrFormat("%s.%s", options_.record_path, way.info.name);
    OSPREY_ASSIGN_OR_RETURN(way.record, io::PcapWriter::Create(path, way.info.layer));
  }
  return std::make_unique<io::RecordingSendRing>(std::move(selected.ring), way.record,
                                                 Clock::Real());
}

absl::StatusOr<std::unique_ptr<io::CaptureRing>> SystemNetwork::MakeCaptureRing(size_t link) {
  Way& way = ways_[link];
  const io::PortRange ports{options_.port_plan.first, options_.port_plan.last};
  const io::CaptureFilter filter{
      .destinations = way.info.sources,
      .tcp_ports = {ports},
      .udp_ports = {{options_.port_plan.discovery_first(), options_.port_plan.last}},
      .icmp = true,
      .arp = way.info.layer == io::LinkLayer::kEthernet,
      .vlan = way.info.vlan};
  io::CaptureOptions options;
  const auto threads = static_cast<int>(options_.capture_threads);
  options.buffer_bytes = options_.capture_buffer_bytes / threads;
  if (threads > 1) {
    way.fanout.members = options_.capture_threads;
    options.fanout = &way.fanout;
  }
  // Network cards drop tags that no interface has asked for, unless they take everything.
  options.promiscuous = way.info.vlan != 0;
  return io::OpenPcapCapture(way.link, filter, options);
}

void SystemNetwork::Note(std::string text) {
  if (std::find(notes_.begin(), notes_.end(), text) == notes_.end())
    notes_.push_back(std::move(text));
}

}  // namespace osprey::engine
