// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/session.h"

#include <cstdio>
#include <utility>

#include "base/status_macros.h"
#include "db/locate.h"
#include "db/text_file.h"
#include "db/text_parser.h"

namespace osprey::lab {

absl::StatusOr<Session> OpenSession(const WorldOptions& options) {
  OSPREY_ASSIGN_OR_RETURN(const WorldSpec spec, MakeWorldSpec(options));
  const db::DatabaseLocation location = db::Locate(options.database);
  Session session;
  session.database = location.path.empty() ? std::string(db::kBuiltinName) : location.path;
  std::string text;
  if (location.path.empty()) {
    text = db::BuiltinText();
  } else {
    OSPREY_ASSIGN_OR_RETURN(text, db::ReadTextFile(location.path));
  }
  OSPREY_ASSIGN_OR_RETURN(const db::Ast ast, db::ParseReferences(text, session.database));
  OSPREY_ASSIGN_OR_RETURN(session.world, World::Create(spec, ast));
  return session;
}

void PrintCounters(const LoopCounters& c) {
  const ResponderCounters& r = c.responder;
  const double cpu_s = static_cast<double>(c.cpu_ns) * 1e-9;
  std::fprintf(
      stderr,
      "osprey-lab: %llu frames, %llu answered, %llu ARP, %llu no host (%llu in the kernel), "
      "%llu silent, "
      "%llu not ours, %llu malformed, %llu lost by intent, %llu dropped by the ring, "
      "%llu refused by the link; %.2f s of CPU, %.0f frames for each\n",
      static_cast<unsigned long long>(c.received + c.kernel_absent),
      static_cast<unsigned long long>(r.answered), static_cast<unsigned long long>(r.arp_answered),
      static_cast<unsigned long long>(r.no_host + c.kernel_absent),
      static_cast<unsigned long long>(c.kernel_absent), static_cast<unsigned long long>(r.silent),
      static_cast<unsigned long long>(r.not_ours),
      static_cast<unsigned long long>(r.malformed + r.fragments + r.too_long),
      static_cast<unsigned long long>(c.channel.probes_lost + c.channel.replies_lost +
                                      c.channel.queue_full),
      static_cast<unsigned long long>(c.ring_dropped), static_cast<unsigned long long>(c.refused),
      cpu_s, cpu_s > 0 ? static_cast<double>(c.received) / cpu_s : 0);
}

int Fail(const absl::Status& error, int status) {
  std::fprintf(stderr, "osprey-lab: %s\n", std::string(error.message()).c_str());
  return status;
}

}  // namespace osprey::lab
