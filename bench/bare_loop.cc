// SPDX-License-Identifier: Apache-2.0
// One bare loop of bare_sends.h on a link that exists, for bench/compare_senders: what the kernel
// alone can send there. Prints packets per second and CPU nanoseconds a packet.
//
//   bare_loop LINK NAME MILLISECONDS
//
// Only for the scanner's side of `osprey-lab run`: it refuses links that are not osprey-lab's. All
// frames go to 10.99.0.9, at nobody's MAC address.
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "bench/bare_sends.h"
#include "io/link.h"
#include "tools/lab/testbed.h"

namespace osprey::io {
namespace {

std::optional<BareLoop> FindLoop(const Link& link, const std::string& name) {
  // AF_XDP wants the queue; the others do not mind, so each is made only when it is meant.
  if (name.find("af_xdp") != std::string::npos) return BareXdpLoop(link);
  for (BareLoop& loop : BareLoops(link)) {
    if (loop.name == name) return std::move(loop);
  }
  return std::nullopt;
}

int64_t ThreadCpuNs() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * kNsPerSecond + now.tv_nsec;
}

void Measure(const BareLoop& loop, int64_t duration_ns) {
  const int64_t cpu_before = ThreadCpuNs();
  const int64_t begin = Clock::Real().MonotonicNs();
  const auto sent = static_cast<double>(loop.run(begin + duration_ns));
  const auto elapsed = static_cast<double>(Clock::Real().MonotonicNs() - begin);
  const auto cpu = static_cast<double>(ThreadCpuNs() - cpu_before);
  std::printf("%.0f packets, %.0f a second, %.1f ns of CPU each\n", sent, sent / elapsed * 1e9,
              sent > 0 ? cpu / sent : 0);
}

int Main(int argc, char** argv) {
  const int milliseconds = argc == 4 ? std::atoi(argv[3]) : 0;
  if (milliseconds < 1) {
    std::fprintf(stderr, "usage: bare_loop LINK NAME MILLISECONDS\n");
    return 2;
  }
  const auto links = LinkTable::Load();
  const Link* link = links.ok() ? links->ByName(argv[1]) : nullptr;
  if (link == nullptr || link->name != lab::Testbed::kScannerLink) {
    std::fprintf(stderr, "bare_loop: %s: not a link of osprey-lab\n", argv[1]);
    return 2;
  }
  const std::optional<BareLoop> loop = FindLoop(*link, argv[2]);
  if (!loop) {
    std::fprintf(stderr, "bare_loop: no loop is called \"%s\" here\n", argv[2]);
    return 2;
  }
  Measure(*loop, milliseconds * kNsPerMs);
  return 0;
}

}  // namespace
}  // namespace osprey::io

int main(int argc, char** argv) { return osprey::io::Main(argc, argv); }
