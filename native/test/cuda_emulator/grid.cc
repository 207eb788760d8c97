#include "grid.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "crash.h"
#include "settings.h"

namespace emulator {

namespace {

// Blocks are taken by number, so each of them runs on the first worker that is free.
class Workers {
 public:
  ~Workers() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& t : threads_) t.join();
  }

  void run(const Launch& launch) {
    launch_ = &launch;
    next_ = 0;
    failed_ = false;
    // For a few threads waking others takes longer than doing their work.
    const bool alone = settings().workers == 1 || launch.blocks() == 1 || launch.blocks() * launch.threads() < 2048;
    if (!alone) {
      if (threads_.empty()) {
        for (int i = 1; i < settings().workers; ++i) threads_.emplace_back([this] { serve(); });
      }
      const std::lock_guard<std::mutex> lock(mutex_);
      ++generation_;
      busy_ = static_cast<int>(threads_.size());
      wake_.notify_all();
    }
    work(block_);
    if (!alone) {
      std::unique_lock<std::mutex> lock(mutex_);
      done_.wait(lock, [this] { return busy_ == 0; });
    }
  }

 private:
  void work(Block& block) {
    catch_crashes();
    const uint64_t blocks = launch_->blocks();
    for (uint64_t i; (i = next_++) < blocks && !failed_;) {
      const uint64_t index = blocks_backwards() ? blocks - 1 - i : i;
      if (!block.run(*launch_, index)) failed_ = true;
    }
  }
  void serve() {
    Block block;
    uint64_t seen = 0;
    for (;;) {
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return stopping_ || generation_ != seen; });
        if (stopping_) return;
        seen = generation_;
      }
      work(block);
      const std::lock_guard<std::mutex> lock(mutex_);
      if (--busy_ == 0) done_.notify_one();
    }
  }

  Block block_;  // of the thread that calls run()
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  uint64_t generation_ = 0;
  int busy_ = 0;
  bool stopping_ = false;
  const Launch* launch_ = nullptr;
  std::atomic<uint64_t> next_{0};
  std::atomic<bool> failed_{false};
};

}  // namespace

void run_grid(const Launch& launch) {
  static Workers workers;
  workers.run(launch);
}

}  // namespace emulator
