// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a thread may want of the kernel when it starts: a name, by which its CPU time is found in
// top(1) and in /proc, and a processor of its own.

#include <string>
#include <vector>

namespace osprey {

// Names the calling thread; the kernel keeps 15 characters.
void NameThisThread(const std::string& name);

// The processors that the calling thread may run on, ascending; empty if the kernel does not say.
std::vector<int> UsableProcessors();

// Keeps the calling thread on one processor. False if the kernel refuses.
bool PinThisThread(int processor);

// Has the kernel end the calling thread's waits when they are due, not up to 50 us later so that it
// can serve several at once (PR_SET_TIMERSLACK, prctl(2)).
void WakeThisThreadOnTime();

}  // namespace osprey
