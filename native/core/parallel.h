// Fork-join parallelism for kernels: the executor thread and N-1 pool workers share a list of tasks.
#pragma once
#include <cstdint>
#include <type_traits>

#include "core/inline.h"

namespace nabla {

// The order in which threads draw tasks from one counter. Neighbours among tasks often write neighbouring memory, where
// two CPUs slow each other down, probably because each fetches ahead what the other is writing. So each thread goes
// along a share of neighbours, as long as they draw in turn.
struct TaskOrder {
  int64_t tasks, threads;

  // The task that the draw with this number gives.
  NABLA_INLINE int64_t at(int64_t draw) const { return begin(draw % threads) + draw / threads; }
  // What the same thread draws after this task, if they draw in turn: the next one, or the first of its share again,
  // when tasks are handed out anew.
  NABLA_INLINE int64_t next(int64_t task) const {
    const int64_t least = tasks / threads, larger = tasks % threads * (least + 1);
    const int64_t share = task < larger ? task / (least + 1) : (task - larger) / least + tasks % threads;
    return task + 1 < begin(share + 1) ? task + 1 : begin(share);
  }

 private:
  // Of a share; the first ones have one task more where they differ.
  NABLA_INLINE int64_t begin(int64_t share) const {
    const int64_t rest = tasks % threads;
    return share * (tasks / threads) + (share < rest ? share : rest);
  }
};

class ThreadPool {
 public:
  virtual ~ThreadPool();
  // Threads that take part, the caller included.
  virtual int threads() const = 0;
  // Calls fn(context, task) for each task in [0, tasks), in any order and on any thread; returns when
  // all are done. Must be called by the executor thread only, and not from inside a task. What a task
  // computes must not depend on the number of threads: cut work by shape, never by threads().
  virtual void run(int64_t tasks, void (*fn)(void* context, int64_t task), void* context) = 0;
  // Tells whether more calls of run are to be expected soon, so that workers know how long to stay awake.
  virtual void set_active(bool active) = 0;
};

// parallel_for(pool, n, [&](int64_t task) { ... }). With one task the caller runs it at once.
template <typename F>
NABLA_INLINE void parallel_for(ThreadPool& pool, int64_t tasks, F&& body) {
  if (tasks == 1) {
    body(int64_t{0});
    return;
  }
  if (tasks <= 0) return;
  using Body = std::remove_reference_t<F>;
  pool.run(
      tasks, [](void* context, int64_t task) { (*static_cast<Body*>(context))(task); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

// Splits [0, n) into ranges of `grain` (the last may be shorter): body(begin, end).
template <typename F>
NABLA_INLINE void parallel_ranges(ThreadPool& pool, int64_t n, int64_t grain, F&& body) {
  const int64_t tasks = (n + grain - 1) / grain;
  parallel_for(pool, tasks, [&](int64_t task) {
    const int64_t begin = task * grain;
    body(begin, begin + grain < n ? begin + grain : n);
  });
}

}  // namespace nabla
