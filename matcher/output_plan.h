// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is printed about a host, decided from its facts and its matches alone, without any text of
// a report (docs/os-detection.md, 6.1 and 6.2). Pure functions.

#include <cstddef>
#include <cstdint>
#include <string>

#include "matcher/host_facts.h"
#include "matcher/merge.h"

namespace osprey::matcher {

// Why a fingerprint is no good as a reference; the first that holds counts. Besides the output it
// decides how many rounds a host gets (1.10).
enum class UnfitReason : uint8_t {
  kNone,
  kScanDelay,
  kInsaneTiming,
  kNoOpenTcpPort,
  kNoClosedTcpPort,
  kNegativeDistance,
  kTooFar,
  kSlowSequence,
  kNoUdpResponse,
  kUnsentProbes,
};

UnfitReason FindUnfitReason(const HostFacts& facts);
inline bool IsFit(const HostFacts& facts) { return FindUnfitReason(facts) == UnfitReason::kNone; }

// The reason as printed after "OS fingerprint not ideal because: ". Empty if there is none.
std::string UnfitText(const HostFacts& facts);

// More perfect matches than this say nothing, unless debugging.
inline constexpr size_t kMaxPerfectShown = 8;

struct OutputQuestion {
  bool too_many = false;   // the result of matching: more perfect ones than the list holds
  size_t match_count = 0;  // entries of the result list, perfect ones included
  size_t perfect_count = 0;
  bool fit = false;    // IsFit
  bool guess = false;  // --osscan-guess
  int verbosity = 0;   // as raised by -v and by -d
  int debug_level = 0;
};

enum class Closing : uint8_t {
  kNone,  // there are perfect matches
  kNoExactMatches,
  kNoExactMatchesNotIdeal,  // "(test conditions non-ideal)"
  kNoMatches,
  kTooManyMatches,  // also silences the warning of unreliable results (2.2)
};

struct OutputPlan {
  bool details = false;       // the line with the perfect matches
  bool guesses = false;       // the line with aggressive guesses
  bool unfit_reason = false;  // the line that says why the fingerprint is not ideal
  Closing closing = Closing::kNone;
  bool fingerprint = false;  // print the fingerprint, in `form` ...
  PrintedForm form = PrintedForm::kPlain;
  bool good = false;  // ... with this as its G
};

OutputPlan DecideOutput(const OutputQuestion& question);

}  // namespace osprey::matcher
