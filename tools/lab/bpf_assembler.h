// SPDX-License-Identifier: Apache-2.0
#pragma once
// Writes programs for the kernel's virtual machine (eBPF), instruction by instruction, with labels
// for forward jumps. The registers' use and all else that the kernel's verifier asks for are the
// caller's business (Documentation/bpf/standardization/instruction-set.rst).
//
// A program is given out as 64-bit words in the machine's own byte order, because libpcap's
// headers have another struct bpf_insn.
//
// Values of one thread; allocates.

#include <linux/bpf.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace osprey::lab {

class BpfAssembler {
 public:
  using Label = size_t;

  Label NewLabel() {
    places_.push_back(0);
    return places_.size() - 1;
  }
  void Place(Label label) { places_[label] = program_.size(); }

  void Move(uint8_t to, uint8_t from) { Add(BPF_ALU64 | BPF_MOV | BPF_X, to, from); }
  void Set(uint8_t to, int32_t value) { Add(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value); }
  void SetWide(uint8_t to, uint64_t value, uint8_t kind = 0) {
    Add(BPF_LD | BPF_DW | BPF_IMM, to, kind, 0, static_cast<int32_t>(value));
    Add(0, 0, 0, 0, static_cast<int32_t>(value >> 32));
  }
  // `operation`: BPF_ADD, BPF_MUL, ...
  void Do(uint8_t operation, uint8_t to, uint8_t from) {
    Add(BPF_ALU64 | operation | BPF_X, to, from);
  }
  void DoValue(uint8_t operation, uint8_t to, int32_t value) {
    Add(BPF_ALU64 | operation | BPF_K, to, 0, 0, value);
  }
  // The low 32 bits; the others become 0.
  void AndHalf(uint8_t to, uint32_t mask) {
    Add(BPF_ALU | BPF_AND | BPF_K, to, 0, 0, static_cast<int32_t>(mask));
  }
  // Four bytes of the frame, in host order, into r0; r6 holds the frame. Spoils r1 to r5.
  void LoadFrame(int32_t at) { Add(BPF_LD | BPF_ABS | BPF_W, 0, 0, 0, at); }
  // The low 32 bits, read from the network, to host order; the others become 0.
  void ToHostOrder(uint8_t to) { Add(BPF_ALU | BPF_END | BPF_TO_BE, to, 0, 0, 32); }
  void Load(uint8_t size, uint8_t to, uint8_t from, int16_t at) {
    Add(BPF_LDX | BPF_MEM | size, to, from, at);
  }
  void Store(uint8_t size, uint8_t to, uint8_t from, int16_t at) {
    Add(BPF_STX | BPF_MEM | size, to, from, at);
  }
  void StoreValue(uint8_t size, uint8_t to, int16_t at, int32_t value) {
    Add(BPF_ST | BPF_MEM | size, to, 0, at, value);
  }
  void Call(int32_t function) { Add(BPF_JMP | BPF_CALL, 0, 0, 0, function); }
  void Exit() { Add(BPF_JMP | BPF_EXIT, 0, 0); }

  // `condition`: BPF_JEQ, BPF_JLT, ...
  void JumpIf(uint8_t condition, uint8_t a, int32_t value, Label to) {
    Jump(BPF_JMP | condition | BPF_K, a, 0, value, to);
  }
  // Of the low 32 bits.
  void JumpIfHalf(uint8_t condition, uint8_t a, uint32_t value, Label to) {
    Jump(BPF_JMP32 | condition | BPF_K, a, 0, static_cast<int32_t>(value), to);
  }
  void JumpIfRegister(uint8_t condition, uint8_t a, uint8_t b, Label to) {
    Jump(BPF_JMP | condition | BPF_X, a, b, 0, to);
  }
  void JumpTo(Label to) { Jump(BPF_JMP | BPF_JA, 0, 0, 0, to); }

  std::vector<uint64_t> Finish() {
    for (const auto& [at, label] : jumps_) {
      auto instruction = std::bit_cast<bpf_insn>(program_[at]);
      instruction.off = static_cast<int16_t>(places_[label] - at - 1);
      program_[at] = std::bit_cast<uint64_t>(instruction);
    }
    return std::move(program_);
  }

 private:
  void Add(int code, uint8_t to, uint8_t from, int16_t offset = 0, int32_t value = 0) {
    bpf_insn instruction{};
    instruction.code = static_cast<uint8_t>(code);
    instruction.dst_reg = to & 0xF;
    instruction.src_reg = from & 0xF;
    instruction.off = offset;
    instruction.imm = value;
    program_.push_back(std::bit_cast<uint64_t>(instruction));
  }
  void Jump(int code, uint8_t a, uint8_t b, int32_t value, Label to) {
    jumps_.emplace_back(program_.size(), to);
    Add(code, a, b, 0, value);
  }

  std::vector<uint64_t> program_;
  std::vector<size_t> places_;                   // by label
  std::vector<std::pair<size_t, Label>> jumps_;  // to be filled in
};

}  // namespace osprey::lab
