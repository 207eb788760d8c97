// What kernels are written with. nvcc compiles them for the GPU; g++ compiles the same sources for tests, with the
// emulator's cuda_runtime.h (native/test/cuda_emulator), which also defines SHARED and DYN_SHARED. So kernels are
// started by launch(), never by <<<>>>, and declare shared memory by these macros.
#pragma once
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "cuda/error.h"

#if !defined(NABLA_CUDA_EMULATOR)
// SHARED(float, tile, [16][17]): an array that a block's threads share.
#define SHARED(type, name, dims) __shared__ type name dims
// The shared memory whose size launch() was given, aligned to 16 bytes.
#define DYN_SHARED(name) extern __shared__ __align__(16) unsigned char name[]
#endif

namespace nabla::cuda {

// What a kernel gets without asking for more.
constexpr size_t kSharedBytes = size_t{48} << 10;

// Queues a kernel; an empty grid does nothing. Arguments are converted to the kernel's parameters. Throws KernelError.
template <typename... Parameters, typename... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
            Arguments... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  if (shared_bytes > kSharedBytes) {
    check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shared_bytes)));
  }
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  check(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...));
}

// Blocks of a one-dimensional grid for n pieces of work, `per_block` each. Tensors have less than 2^31 elements.
inline unsigned blocks_for(int64_t n, int64_t per_block) {
  return static_cast<unsigned>((n + per_block - 1) / per_block);
}

}  // namespace nabla::cuda
