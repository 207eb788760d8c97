// Indices in the device's memory: negative ones count from the end, as in NumPy, and those outside are reported.
#pragma once
#include <cstdint>
#include <string>

#include "cuda/launch.h"
#include "cuda/queue.h"

namespace nabla::cuda {

// Says which index is outside [0, size), and where.
inline FaultWord* index_fault(KernelArgs& args, int64_t size) {
  return queue_of(args).fault(ErrorKind::index, [size](int64_t position, int32_t index) {
    return "index " + std::to_string(index) + " at position " + std::to_string(position) + " is outside [0, " +
           std::to_string(size) + ")";
  });
}

__device__ inline bool inside(int32_t index, int32_t size) { return index >= -size && index < size; }
__device__ inline int32_t resolve(int32_t index, int32_t size) { return index < 0 ? index + size : index; }

constexpr int kIndexThreads = 256;

// For kernels that do not meet every index.
static __global__ void __launch_bounds__(kIndexThreads)
    report_outside(const int32_t* indices, int64_t n, int32_t size, FaultWord* fault) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kIndexThreads + threadIdx.x;
  if (i < n && !inside(indices[i], size)) report_fault(fault, i, indices[i]);
}

inline void check_indices(KernelArgs& args, const int32_t* indices, int64_t n, int64_t size, FaultWord* fault) {
  launch(report_outside, blocks_for(n, kIndexThreads), kIndexThreads, 0, queue_of(args).stream(), indices, n, size,
         fault);
}

}  // namespace nabla::cuda
