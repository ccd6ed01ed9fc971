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
//   1. A slot's state names the ticket it speaks of, so that a worker whose ticket comes round to a
//      slot where a slower one is still at work waits for it.
//   2. A slot belongs to the worker of its ticket while kFilled, else to the owner.
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
      : slots_(slots), work_(std::move(work)), done_(std::move(done)) {
    for (size_t i = 0; i < workers; ++i) threads_.emplace_back([this, i] { Serve(i); });
  }
  BatchRing(const BatchRing&) = delete;
  BatchRing& operator=(const BatchRing&) = delete;
  // What is under way is worked on, but not handed over: call Drain first.
  ~BatchRing() {
    for (size_t i = 0; i < threads_.size(); ++i) {
      if (submitted_ >= slots_.size()) WaitForDone(submitted_ - slots_.size());
      Publish(submitted_++, kStop);
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
  void Submit() { Publish(submitted_++, kFilled); }
  // Batches that were submitted and not handed over. Owner's thread.
  size_t depth() const { return static_cast<size_t>(submitted_ - handed_over_); }
  size_t slots() const { return slots_.size(); }
  // Waits for everything under way, and hands it over.
  void Drain() {
    while (handed_over_ < submitted_) HandOverOldest();
  }

 private:
  enum Phase : uint32_t { kFilled, kDone, kStop };
  // Ticket and phase. Tickets may wrap: at most slots_.size() are under way.
  static constexpr uint32_t State(uint64_t ticket, Phase phase) {
    return static_cast<uint32_t>(ticket << 2) | phase;
  }
  struct Slot {
    std::atomic<uint32_t> state = State(~uint64_t{0}, kDone);
    Batch batch;
  };

  Slot& SlotOf(uint64_t ticket) { return slots_[ticket % slots_.size()]; }

  void Publish(uint64_t ticket, Phase phase) {
    Slot& slot = SlotOf(ticket);
    slot.state.store(State(ticket, phase), std::memory_order_release);
    slot.state.notify_all();
  }

  void WaitForDone(uint64_t ticket) {
    const std::atomic<uint32_t>& state = SlotOf(ticket).state;
    while (true) {
      const uint32_t now = state.load(std::memory_order_acquire);
      if (now == State(ticket, kDone)) return;
      state.wait(now, std::memory_order_acquire);
    }
  }

  void HandOverOldest() {
    const uint64_t ticket = handed_over_++;
    WaitForDone(ticket);
    done_(SlotOf(ticket).batch);
  }

  // Waits until the owner has said what this ticket is.
  uint32_t WaitForTicket(uint64_t ticket) {
    const std::atomic<uint32_t>& state = SlotOf(ticket).state;
    while (true) {
      const uint32_t now = state.load(std::memory_order_acquire);
      if (now == State(ticket, kFilled) || now == State(ticket, kStop)) return now;
      state.wait(now, std::memory_order_acquire);
    }
  }

  void Serve(size_t worker) {
    while (true) {
      const uint64_t ticket = next_ticket_.fetch_add(1, std::memory_order_relaxed);
      const bool stop = WaitForTicket(ticket) == State(ticket, kStop);
      if (!stop) work_(SlotOf(ticket).batch, worker);
      Publish(ticket, kDone);
      if (stop) return;
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
