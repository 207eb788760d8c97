// The CPU's fork-join pool: threads-1 workers beside the executor thread.
#pragma once
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "core/parallel.h"

namespace nabla {

// The number of CPUs that this process may use.
int available_cpus();

class CpuThreadPool final : public ThreadPool {
 public:
  // `threads` counts the executor and is at least 1. With `pin`, worker i keeps to the i-th CPU that the process may
  // use; without as many CPUs as threads nothing is pinned.
  CpuThreadPool(int threads, bool pin);
  // No run may be in progress.
  ~CpuThreadPool() override;
  CpuThreadPool(const CpuThreadPool&) = delete;
  CpuThreadPool& operator=(const CpuThreadPool&) = delete;

  int threads() const override { return static_cast<int>(workers_.size()) + 1; }
  // Tasks must not throw.
  void run(int64_t tasks, void (*fn)(void* context, int64_t task), void* context) override;

  // The executor says whether more work is likely within microseconds. Workers without work spin for a while when it
  // is, and sleep at once when it is not.
  void set_active(bool active) override { active_.store(active, std::memory_order_relaxed); }
  bool pinned() const { return !cpus_.empty(); }
  // Pins the calling thread as thread `index` (0 is the executor), if the pool pins its threads.
  void pin_current_thread(int index) const;

 private:
  struct Job {
    void (*fn)(void* context, int64_t task);
    void* context;
    int64_t tasks;
  };
  void work(int index);
  void wait_for_tasks();
  // Draws tasks and runs them until none is left.
  void run_tasks();

  std::vector<int> cpus_;  // to pin to; empty when threads are not pinned
  std::vector<std::thread> workers_;
  Job job_ = {nullptr, nullptr, 0};

  // Each on a line of its own: drawing tasks must not disturb those who only watch.
  alignas(64) std::atomic<int64_t> undrawn_{0};
  alignas(64) std::atomic<int64_t> unfinished_{0};
  alignas(64) std::atomic<bool> active_{false};
  std::atomic<bool> stop_{false};
  std::atomic<int> sleepers_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
};

}  // namespace nabla
