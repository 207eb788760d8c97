// Tasks that need scratch memory: one piece per thread, not per task.
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/kernel.h"
#include "cpu/isa_namespace.h"

namespace nabla::NABLA_ISA {

// Calls body(task, scratch) for each task in [0, tasks); `scratch` has `bytes` bytes, 64-byte aligned, with undefined
// contents. Executor thread only. Tasks are drawn from a counter, so what one computes must depend on its number only.
template <typename F>
NABLA_INLINE void parallel_for_with_scratch(ThreadPool& pool, Workspace& workspace, int64_t tasks, size_t bytes,
                                            F&& body) {
  if (tasks <= 0) return;
  const int64_t workers = tasks < pool.threads() ? tasks : pool.threads();
  // Pieces start on pages of their own: threads share no line, and the prefetcher no page.
  bytes = (bytes + 4095) / 4096 * 4096 + 64;
  char* scratch = static_cast<char*>(workspace.get(bytes * static_cast<size_t>(workers)));
  const TaskOrder order = {tasks, workers};
  int64_t next = 0;
  parallel_for(pool, workers, [&](int64_t worker) {
    for (;;) {
      const int64_t draw = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);
      if (draw >= tasks) return;
      body(order.at(draw), static_cast<void*>(scratch + static_cast<size_t>(worker) * bytes));
    }
  });
}

}  // namespace nabla::NABLA_ISA
