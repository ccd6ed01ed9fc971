// SPDX-License-Identifier: Apache-2.0
#pragma once
// A bounded lock-free queue between threads: moodycamel's ConcurrentQueue behind our own type,
// because its defaults surprise.
//
// Model: several producers, several consumers; order is kept per producer only. All memory is
// taken in the constructor: TryPush never allocates and fails when the producer's share is full,
// which is back-pressure, not an error. Each producer has a share of kPerProducer entries of its
// own (rounded up to whole blocks): without that cap the first busy producers take every block,
// and the rest fail for ever, even on an empty queue.
//
// Invariants:
//   1. A Producer belongs to one thread at a time, and must not outlive its queue.
//   2. Entries pushed by one Producer come out in the order they were pushed.
//   3. ApproxSize may be stale but never counts an entry for ever.

#include <concurrentqueue/concurrentqueue.h>

#include <bit>
#include <cstddef>
#include <utility>

namespace osprey {

template <size_t kPerProducer>
struct BoundedQueueTraits : moodycamel::ConcurrentQueueDefaultTraits {
  static constexpr size_t BLOCK_SIZE = 64;
  static constexpr size_t MAX_SUBQUEUE_SIZE = kPerProducer;
  // try_enqueue cannot grow the block index, so it must be large enough from the start.
  static constexpr size_t EXPLICIT_INITIAL_INDEX_SIZE =
      std::bit_ceil((kPerProducer + BLOCK_SIZE - 1) / BLOCK_SIZE + 1) * 2;
};

template <class T, size_t kPerProducer>
class BoundedQueue {
  using Queue = moodycamel::ConcurrentQueue<T, BoundedQueueTraits<kPerProducer>>;

 public:
  static constexpr size_t kCapacityPerProducer = kPerProducer;

  explicit BoundedQueue(size_t producers)
      : queue_(producers * (kPerProducer + 2 * BoundedQueueTraits<kPerProducer>::BLOCK_SIZE)) {}
  BoundedQueue(const BoundedQueue&) = delete;
  BoundedQueue& operator=(const BoundedQueue&) = delete;

  // One thread's way in. Making one allocates.
  class Producer {
   public:
    explicit Producer(BoundedQueue& queue) : queue_(&queue), token_(queue.queue_) {}
    // Returns false if this producer's share is full; `item` is then untouched.
    [[nodiscard]] bool TryPush(T&& item) {
      return queue_->queue_.try_enqueue(token_, std::move(item));
    }
    [[nodiscard]] bool TryPush(const T& item) { return queue_->queue_.try_enqueue(token_, item); }

   private:
    BoundedQueue* queue_;
    moodycamel::ProducerToken token_;
  };

  // Takes up to `max` entries. Returns how many. Any thread.
  size_t TryPopBatch(T* out, size_t max) { return queue_.try_dequeue_bulk(out, max); }
  [[nodiscard]] bool TryPop(T& out) { return queue_.try_dequeue(out); }

  size_t ApproxSize() const { return queue_.size_approx(); }

 private:
  Queue queue_;
};

}  // namespace osprey
