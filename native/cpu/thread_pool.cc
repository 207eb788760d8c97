#include "cpu/thread_pool.h"

#include <chrono>

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#include <unistd.h>
#endif

#include "core/pause.h"

namespace nabla {
namespace {

using Clock = std::chrono::steady_clock;
// Longer than the gap between two kernels of a busy stream, shorter than what waking a sleeping CPU costs the next one.
constexpr std::chrono::microseconds kSpin{100};
constexpr int kPausesPerClockCheck = 32;

// Spins until `done()` or until `limit` has passed; tells which.
template <typename Done>
bool spin(std::chrono::microseconds limit, Done&& done) {
  const auto end = Clock::now() + limit;
  do {
    for (int i = 0; i < kPausesPerClockCheck; ++i) {
      if (done()) return true;
      pause();
    }
  } while (Clock::now() < end);
  return done();
}

// The CPUs that the process may use, whatever the calling thread has been pinned to.
std::vector<int> process_cpus() {
  std::vector<int> cpus;
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(getpid(), sizeof(set), &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
  }
#endif
  return cpus;
}

}  // namespace

int available_cpus() {
  const size_t cpus = process_cpus().size();
  return cpus > 0 ? static_cast<int>(cpus) : static_cast<int>(std::thread::hardware_concurrency());
}

CpuThreadPool::CpuThreadPool(int threads, bool pin) {
  if (threads < 1) threads = 1;
  if (pin) {
    cpus_ = process_cpus();
    if (cpus_.size() < static_cast<size_t>(threads)) cpus_.clear();
  }
  workers_.reserve(static_cast<size_t>(threads) - 1);
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
}

CpuThreadPool::~CpuThreadPool() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_.store(true);
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void CpuThreadPool::pin_current_thread(int index) const {
#if defined(__linux__)
  if (cpus_.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpus_[static_cast<size_t>(index) % cpus_.size()], &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);  // a refusal costs speed only
#else
  (void)index;
#endif
}

void CpuThreadPool::run(int64_t tasks, void (*fn)(void* context, int64_t task), void* context) {
  if (workers_.empty() || tasks == 1) {
    for (int64_t task = 0; task < tasks; ++task) fn(context, task);
    return;
  }
  if (tasks <= 0) return;
  // Only who has drawn a task reads job_, and the last job's tasks are all finished, so nobody reads it now.
  job_ = {fn, context, tasks};
  unfinished_.store(tasks, std::memory_order_relaxed);
  // Sequentially consistent with sleepers_: a worker that is about to sleep sees the tasks, or it is seen here.
  undrawn_.store(tasks, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) > 0) {
    { std::lock_guard<std::mutex> lock(mutex_); }  // who counts as a sleeper is waiting after this
    wake_.notify_all();
  }
  run_tasks();
  const auto finished = [this] { return unfinished_.load(std::memory_order_acquire) == 0; };
  // A worker that has lost its CPU to this very thread needs it back: after a while, yield.
  while (!spin(kSpin, finished)) std::this_thread::yield();
}

void CpuThreadPool::run_tasks() {
  int64_t undrawn = undrawn_.load(std::memory_order_acquire);
  while (undrawn > 0) {
    if (!undrawn_.compare_exchange_weak(undrawn, undrawn - 1, std::memory_order_acquire)) continue;
    job_.fn(job_.context, TaskOrder{job_.tasks, threads()}.at(job_.tasks - undrawn));
    unfinished_.fetch_sub(1, std::memory_order_release);
    undrawn = undrawn_.load(std::memory_order_acquire);
  }
}

void CpuThreadPool::work(int index) {
  pin_current_thread(index);
  for (;;) {
    wait_for_tasks();
    if (stop_.load()) return;
    run_tasks();
  }
}

void CpuThreadPool::wait_for_tasks() {
  const auto ready = [this] { return undrawn_.load(std::memory_order_seq_cst) > 0 || stop_.load(); };
  const auto ready_or_idle = [&] { return ready() || !active_.load(std::memory_order_relaxed); };
  if (spin(kSpin, ready_or_idle) && ready()) return;
  std::unique_lock<std::mutex> lock(mutex_);
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  wake_.wait(lock, ready);
  sleepers_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace nabla
