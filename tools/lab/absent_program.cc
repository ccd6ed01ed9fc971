// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/absent_program.h"

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "base/check.h"
#include "io/wire/ethernet.h"
#include "io/wire/ipv4.h"
#include "tools/lab/bpf_assembler.h"

namespace osprey::lab {
namespace {

namespace wire = io::wire;

constexpr size_t kMostGroups = 64;
constexpr uint64_t kStep = 0x9E3779B97F4A7C15;  // of Mix(a, b)

// Registers. The kernel wants the frame in r6 for loads from it, which spoil r0 to r5.
constexpr uint8_t kResult = BPF_REG_0;
constexpr uint8_t kScratch = BPF_REG_1;
constexpr uint8_t kConstant = BPF_REG_2;
constexpr uint8_t kBytes = BPF_REG_3;
constexpr uint8_t kFrame = BPF_REG_6;
constexpr uint8_t kAddress = BPF_REG_7;
constexpr uint8_t kHash = BPF_REG_8;
constexpr uint8_t kThreshold = BPF_REG_9;
constexpr uint8_t kStack = BPF_REG_10;

// Reads the frame. In a transmit path programs may look at its bytes themselves, which is quicker.
class FrameReader {
 public:
  // Jumps to `pass` if the frame is shorter than `bytes`, or does not lie in one piece.
  FrameReader(BpfAssembler& a, FilterPlace place, int32_t bytes, BpfAssembler::Label pass)
      : a_(a), direct_(place == FilterPlace::kEgress) {
    if (!direct_) {
      a.Load(BPF_W, kResult, kFrame, offsetof(__sk_buff, len));
      a.JumpIf(BPF_JLT, kResult, bytes, pass);
      return;
    }
    a.Load(BPF_W, kBytes, kFrame, offsetof(__sk_buff, data));
    a.Load(BPF_W, kConstant, kFrame, offsetof(__sk_buff, data_end));
    a.Move(kScratch, kBytes);
    a.DoValue(BPF_ADD, kScratch, bytes);
    a.JumpIfRegister(BPF_JGT, kScratch, kConstant, pass);
  }

  // Four bytes in host order into kResult.
  void Word(int32_t at) {
    if (!direct_) return a_.LoadFrame(at);
    a_.Load(BPF_W, kResult, kBytes, static_cast<int16_t>(at));
    a_.ToHostOrder(kResult);
  }

 private:
  BpfAssembler& a_;
  bool direct_;
};

// Leaves the destination's address in kAddress, or jumps to `pass`.
void ReadDestination(BpfAssembler& a, FilterPlace place, BpfAssembler::Label pass) {
  constexpr int32_t kIp = wire::kEthernetBytes;
  // Ethernet's type, then version 4 and a header of five words, then the type of service.
  constexpr uint32_t kPlainIpv4 = uint32_t{wire::kEtherTypeIpv4} << 16 | 0x4500;
  FrameReader frame(a, place, kIp + static_cast<int32_t>(wire::kIpv4Bytes), pass);
  frame.Word(kIp - 2);
  a.AndHalf(kResult, 0xFFFFFF00);
  a.JumpIfHalf(BPF_JNE, kResult, kPlainIpv4, pass);
  // Flags and offset of fragments, TTL, protocol.
  frame.Word(kIp + 6);
  a.JumpIf(BPF_JSET, kResult, 0x3FFF'0000, pass);
  a.AndHalf(kResult, 0xFF);
  const BpfAssembler::Label known = a.NewLabel();
  for (const uint8_t protocol : {wire::kProtocolTcp, wire::kProtocolUdp, wire::kProtocolIcmp}) {
    a.JumpIf(BPF_JEQ, kResult, protocol, known);
  }
  a.JumpTo(pass);
  a.Place(known);
  frame.Word(kIp + static_cast<int32_t>(wire::kIpv4DestinationAt));
  a.Move(kAddress, kResult);
}

// Leaves the group's threshold in kThreshold; to `pass` if no group has the address, or all of its
// addresses have a host.
void FindGroup(BpfAssembler& a, const std::vector<GroupSpec>& groups, BpfAssembler::Label pass) {
  const BpfAssembler::Label found = a.NewLabel();
  for (const GroupSpec& group : groups) {
    const BpfAssembler::Label next = a.NewLabel();
    const int length = group.prefix.length;
    a.Move(kScratch, kAddress);
    a.AndHalf(kScratch, length == 0 ? 0 : ~uint32_t{0} << (32 - length));
    a.JumpIfHalf(BPF_JNE, kScratch, group.prefix.first.host_order, next);
    if (group.up >= 1) {
      a.JumpTo(pass);
    } else {
      a.SetWide(kThreshold, AbsentThreshold(group.up));
      a.JumpTo(found);
    }
    a.Place(next);
  }
  a.JumpTo(pass);
  a.Place(found);
}

// kHash ^= kHash >> bits
void FoldHash(BpfAssembler& a, int32_t bits) {
  a.Move(kScratch, kHash);
  a.DoValue(BPF_RSH, kScratch, bits);
  a.Do(BPF_XOR, kHash, kScratch);
}

void MultiplyHash(BpfAssembler& a, uint64_t factor) {
  a.SetWide(kConstant, factor);
  a.Do(BPF_MUL, kHash, kConstant);
}

// kHash = Mix(kHash), of world.h.
void MixHash(BpfAssembler& a) {
  FoldHash(a, 30);
  MultiplyHash(a, 0xBF58476D1CE4E5B9);
  FoldHash(a, 27);
  MultiplyHash(a, 0x94D049BB133111EB);
  FoldHash(a, 31);
}

void AddToHash(BpfAssembler& a, uint64_t value) {
  a.SetWide(kConstant, value);
  a.Do(BPF_ADD, kHash, kConstant);
}

// To `pass` if there is a host: Fraction(Mix(Mix(seed, address), 1)) < up.
void AskForHost(BpfAssembler& a, uint64_t seed, BpfAssembler::Label pass) {
  a.Move(kHash, kAddress);
  a.DoValue(BPF_ADD, kHash, 1);
  MultiplyHash(a, kStep);
  AddToHash(a, seed);
  MixHash(a);
  AddToHash(a, 2 * kStep);
  MixHash(a);
  a.DoValue(BPF_RSH, kHash, 11);
  a.JumpIfRegister(BPF_JLT, kHash, kThreshold, pass);
}

// Each processor has a counter of its own, and nothing else runs on it meanwhile.
void Count(BpfAssembler& a, int counter_map) {
  const BpfAssembler::Label done = a.NewLabel();
  a.StoreValue(BPF_W, kStack, -4, 0);
  a.SetWide(kScratch, static_cast<uint32_t>(counter_map), BPF_PSEUDO_MAP_FD);
  a.Move(kConstant, kStack);
  a.DoValue(BPF_ADD, kConstant, -4);
  a.Call(BPF_FUNC_map_lookup_elem);
  a.JumpIf(BPF_JEQ, kResult, 0, done);
  a.Load(BPF_DW, kScratch, kResult, 0);
  a.DoValue(BPF_ADD, kScratch, 1);
  a.Store(BPF_DW, kResult, kScratch, 0);
  a.Place(done);
}

}  // namespace

FilterVerdicts VerdictsOf(FilterPlace place) {
  return place == FilterPlace::kSocket ? FilterVerdicts{.pass = -1, .drop = 0}
                                       : FilterVerdicts{.pass = TC_ACT_OK, .drop = TC_ACT_STOLEN};
}

bool KernelMayDropAbsent(const WorldSpec& spec) {
  return spec.boxes.empty() && spec.groups.size() <= kMostGroups &&
         std::any_of(spec.groups.begin(), spec.groups.end(),
                     [](const GroupSpec& group) { return group.up < 1; });
}

uint64_t AbsentThreshold(double up) {
  // Exact: a power of two only moves the exponent, and no fraction has more than 53 bits.
  return static_cast<uint64_t>(std::ceil(std::ldexp(up, 53)));
}

std::vector<uint64_t> AbsentProgram(const WorldSpec& spec, FilterPlace place, int counter_map) {
  OSPREY_CHECK(KernelMayDropAbsent(spec));
  BpfAssembler a;
  const BpfAssembler::Label pass = a.NewLabel();
  a.Move(kFrame, BPF_REG_1);
  ReadDestination(a, place, pass);
  FindGroup(a, spec.groups, pass);
  AskForHost(a, spec.seed, pass);
  Count(a, counter_map);
  const FilterVerdicts verdicts = VerdictsOf(place);
  a.Set(kResult, verdicts.drop);
  a.Exit();
  a.Place(pass);
  a.Set(kResult, verdicts.pass);
  a.Exit();
  return a.Finish();
}

}  // namespace osprey::lab
