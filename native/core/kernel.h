// What a kernel gets and how kernels are listed.
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/inline.h"
#include "core/parallel.h"
#include "core/tensor_view.h"

namespace nabla {

// Scratch memory of one kernel call, taken from the stream's caching allocator (so it costs no system
// call once warm) and given back when the kernel returns. 64-byte aligned, not cleared.
class Workspace {
 public:
  virtual ~Workspace();
  // Throws KernelError{out_of_memory}. Executor thread only: ask before the parallel part.
  virtual void* get(size_t bytes) = 0;
  template <typename T>
  NABLA_HOST_INLINE T* array(int64_t count) {
    return static_cast<T*>(get(static_cast<size_t>(count) * sizeof(T)));
  }
};

// What a GPU's kernels are launched on (cuda/queue.h).
class DeviceQueue;

// Outputs are allocated, contiguous and not cleared. Inputs marked `inout` in ops.def may be written.
// TypeScript has checked shapes and dtypes; the kernel re-checks what memory safety depends on and
// calls kernel_error() (core/checks.h) on the executor thread, outside parallel parts.
struct KernelArgs {
  const TensorView* in;
  int n_in;
  const TensorView* out;
  int n_out;
  const double* attr;
  int n_attr;
  ThreadPool& pool;
  Workspace& workspace;
  DeviceQueue* queue = nullptr;  // null on the CPU
};

using Kernel = void (*)(KernelArgs& args);

// One column of the table that ops.def spans: all kernels of one ISA (or device), in ops.def's order.
struct KernelTable {
  const char* isa;
  const Kernel* kernels;
};

}  // namespace nabla
