// What a command's kernels are launched on: the CUDA stream, what the device can do, and where bad indices are
// reported.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>
#include <functional>
#include <string>

#include "core/checks.h"
#include "core/kernel.h"

namespace nabla {

// The first bad value that the kernels of one command met: its position in the high half, its bits in the low one.
using FaultWord = unsigned long long;

class DeviceQueue {
 public:
  virtual ~DeviceQueue() = default;
  cudaStream_t stream() const { return stream_; }
  // 10 * major + minor of the compute capability: 80 and more have tf32 and bf16 tensor cores and cp.async.
  int capability() const { return capability_; }
  int multiprocessors() const { return multiprocessors_; }
  // Whether products of float32 may round their inputs to tf32 (10 bits of fraction).
  bool allow_tf32() const { return allow_tf32_; }
  // A word for report_fault(). If anything was reported by the next wait, the command has failed with the message
  // that `describe` makes of the least position and its value.
  virtual FaultWord* fault(ErrorKind kind, std::function<std::string(int64_t position, int32_t value)> describe) = 0;

 protected:
  cudaStream_t stream_ = nullptr;
  int capability_ = 0;
  int multiprocessors_ = 1;
  bool allow_tf32_ = false;
};

namespace cuda {

using Queue = DeviceQueue;

inline Queue& queue_of(KernelArgs& args) { return *args.queue; }

#if defined(__CUDACC__) || defined(NABLA_CUDA_EMULATOR)
// In a kernel: reports that position `position` (below 2^31) holds `value`. The least position is kept, so the message
// does not depend on the order of threads.
__device__ inline void report_fault(FaultWord* word, int64_t position, int32_t value) {
  atomicMin(word, static_cast<FaultWord>(position) << 32 | static_cast<uint32_t>(value));
}
#endif

}  // namespace cuda
}  // namespace nabla
