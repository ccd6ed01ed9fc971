// SPDX-License-Identifier: Apache-2.0
#include "base/thread_setup.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

namespace osprey {

void NameThisThread(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

std::vector<int> UsableProcessors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> processors;
  if (pthread_getaffinity_np(pthread_self(), sizeof set, &set) != 0) return processors;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(static_cast<size_t>(i), &set)) processors.push_back(i);
  }
  return processors;
}

bool PinThisThread(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(processor), &set);
  return pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0;
}

void WakeThisThreadOnTime() { prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); }

}  // namespace osprey
