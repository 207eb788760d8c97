// Combining the values of a warp's and a block's threads. Trees of a fixed shape: the result does not depend on timing.
#pragma once
#include "cuda/launch.h"

namespace nabla::cuda {

constexpr int kWarp = 32;
constexpr unsigned kFullMask = 0xffffffffu;

struct AddOp {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};
// NaN wins, as in NumPy.
struct MaxOp {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};

// Every lane gets combine() of all lanes' values; all 32 must take part.
template <typename T, typename Combine>
__device__ T warp_fold(T value, Combine combine) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    value = combine(value, __shfl_xor_sync(kFullMask, value, offset));
  }
  return value;
}

// Every thread gets combine() of all threads' values. kThreads = blockDim.x, a multiple of 32; all must take part.
// Another call needs a barrier before it: some threads may still read this one's values.
template <int kThreads, typename T, typename Combine>
__device__ T block_fold(T value, Combine combine) {
  constexpr int kWarps = kThreads / kWarp;
  value = warp_fold(value, combine);
  if (kWarps == 1) return value;
  SHARED(T, partial, [kWarps]);
  if (threadIdx.x % kWarp == 0) partial[threadIdx.x / kWarp] = value;
  __syncthreads();
  T result = partial[0];
  for (int w = 1; w < kWarps; ++w) result = combine(result, partial[w]);
  return result;
}

}  // namespace nabla::cuda
