// SPDX-License-Identifier: Apache-2.0
#pragma once
// Work on batches by several threads, with results in the order of submission and bounded memory.
//
// The batches lie in a ring. The owner fills one after the other; before it fills one again, the
// result that lies there is handed over, so at most `slots` batches are under way. Workers take
// tickets: ticket t works on slot t mod slots.
//
//   owner:   Next() ── fill ── Submit() ── Next() ... Drain()
//   workers:           work(batch, worker)
//
// Invariants:
//   1. slots >= workers, so no two workers wait for the same slot.
//   2. A slot belongs to the owner while kFree or kDone, to the worker of its ticket while kFilled.
//   3. `done` is called by the owner's thread, in order of submission, inside Next and Drain.
//
// One owner thread. Waiting is a futex (std::atomic::wait): batches are milliseconds of work.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace osprey::tools {

template <class Batch>
class BatchRing {
 public:
  using Work = std::function<void(Batch& batch, size_t worker)>;
  using Done = std::function<void(Batch& batch)>;

  BatchRing(size_t workers, size_t slots, Work work, Done done)
      : slots_(std::max(slots, workers)), work_(std::move(work)), done_(std::move(done)) {
    for (size_t i = 0; i < workers; ++i) threads_.emplace_back([this, i] { Serve(i); });
  }
  BatchRing(const BatchRing&) = delete;
  BatchRing& operator=(const BatchRing&) = delete;
  // What is under way is worked on, but not handed over: call Drain first.
  ~BatchRing() {
    for (size_t i = 0; i < threads_.size(); ++i) {
      Slot& slot = SlotOf(submitted_++);
      WaitWhile(slot, kFilled);
      Publish(slot, kStop);
    }
    for (std::thread& thread : threads_) thread.join();
  }

  // The batch to fill next. May wait for the oldest one under way and hand it over. What is in it
  // is what `done` left.
  Batch& Next() {
    if (submitted_ - handed_over_ == slots_.size()) HandOverOldest();
    return SlotOf(submitted_).batch;
  }
  // Gives the batch of the last Next to the workers.
  void Submit() { Publish(SlotOf(submitted_++), kFilled); }
  // Waits for everything under way, and hands it over.
  void Drain() {
    while (handed_over_ < submitted_) HandOverOldest();
  }

 private:
  enum State : uint32_t { kFree, kFilled, kDone, kStop };
  struct Slot {
    std::atomic<uint32_t> state = kFree;
    Batch batch;
  };

  Slot& SlotOf(uint64_t ticket) { return slots_[ticket % slots_.size()]; }

  static void Publish(Slot& slot, State state) {
    slot.state.store(state, std::memory_order_release);
    slot.state.notify_all();
  }
  static uint32_t WaitWhile(Slot& slot, uint32_t state) {
    slot.state.wait(state, std::memory_order_acquire);
    return slot.state.load(std::memory_order_acquire);
  }

  void HandOverOldest() {
    Slot& slot = SlotOf(handed_over_++);
    WaitWhile(slot, kFilled);
    done_(slot.batch);
    slot.state.store(kFree, std::memory_order_relaxed);
  }

  void Serve(size_t worker) {
    while (true) {
      Slot& slot = SlotOf(next_ticket_.fetch_add(1, std::memory_order_relaxed));
      uint32_t state = slot.state.load(std::memory_order_acquire);
      while (state != kFilled && state != kStop) state = WaitWhile(slot, state);
      if (state == kStop) return;
      work_(slot.batch, worker);
      Publish(slot, kDone);
    }
  }

  std::vector<Slot> slots_;
  Work work_;
  Done done_;
  uint64_t submitted_ = 0;    // owner
  uint64_t handed_over_ = 0;  // owner
  std::atomic<uint64_t> next_ticket_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace osprey::tools
