// SPDX-License-Identifier: Apache-2.0
#pragma once
// From what a round measured to its subject fingerprint: every test of docs/os-detection.md,
// section 3. A pure function of its inputs; no allocation, no clock; any thread.

#include "db/fingerprint.h"
#include "matcher/host_facts.h"
#include "matcher/observation.h"
#include "matcher/sequence.h"

namespace osprey::matcher {

// Overwrites `out` with the fingerprint of `round`, and `*sequence`, unless nullptr, with what is
// shown beside it.
//
// The hop distance behind T is that of `facts`; if it is still unknown there, the one of the
// round's own U1 answer. `facts` may therefore have absorbed the round before or not, except that
// a closed UDP port and the reported distance come from `facts` alone.
void BuildFingerprint(const Observation& round, const HostFacts& facts, db::Fingerprint& out,
                      SequenceFacts* sequence = nullptr);

}  // namespace osprey::matcher
