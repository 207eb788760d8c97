// What kernels that draw random numbers share: a thread makes one block of Philox and with it four neighbours, so that
// element i takes word i % 4 of block counter + i / 4, as on the CPU.
#pragma once
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"
#include "core/philox.h"
#include "cuda/kernels/pack.h"
#include "cuda/launch.h"
#include "cuda/queue.h"

namespace nabla::cuda {

constexpr int kPhiloxThreads = 256;
constexpr int kPhiloxWords = 4;

struct PhiloxStream {
  uint64_t seed, counter;
};

// attr[0], attr[1]: seed, counter.
inline PhiloxStream philox_stream(const KernelArgs& args) {
  constexpr double kMaxSafeInteger = 9007199254740991.0;
  NABLA_CHECK(args.n_attr >= 2 && args.attr[0] >= 0 && args.attr[0] <= kMaxSafeInteger && args.attr[1] >= 0 &&
                  args.attr[1] <= kMaxSafeInteger,
              "seed and counter must be integers below 2^53");
  return {static_cast<uint64_t>(args.attr[0]), static_cast<uint64_t>(args.attr[1])};
}

// Threads for n elements.
inline unsigned philox_grid(int64_t n) { return blocks_for(n, kPhiloxThreads * kPhiloxWords); }

// A product that is rounded before anything is added to it, as on the CPU: nvcc makes one operation of both.
__device__ inline float product(float a, float b) {
#if defined(__CUDA_ARCH__)
  return __fmul_rn(a, b);
#else
  return a * b;
#endif
}
__device__ inline double product(double a, double b) {
#if defined(__CUDA_ARCH__)
  return __dmul_rn(a, b);
#else
  return a * b;
#endif
}

// Four neighbours from `first` on, of n; those behind the end stay as they are.
template <typename T>
__device__ void load_four(const T* from, int64_t first, int64_t n, bool packed, T* value) {
  constexpr int kWidth = Pack<T>::size;
  if (packed && first + kPhiloxWords <= n) {
#pragma unroll
    for (int i = 0; i < kPhiloxWords / kWidth; ++i) {
      const Pack<T> pack = reinterpret_cast<const Pack<T>*>(from + first)[i];
#pragma unroll
      for (int w = 0; w < kWidth; ++w) value[i * kWidth + w] = pack.value[w];
    }
    return;
  }
#pragma unroll
  for (int i = 0; i < kPhiloxWords; ++i) {
    if (first + i < n) value[i] = from[first + i];
  }
}

template <typename T>
__device__ void store_four(const T* value, int64_t first, int64_t n, bool packed, T* to) {
  constexpr int kWidth = Pack<T>::size;
  if (packed && first + kPhiloxWords <= n) {
#pragma unroll
    for (int i = 0; i < kPhiloxWords / kWidth; ++i) {
      Pack<T> pack;
#pragma unroll
      for (int w = 0; w < kWidth; ++w) pack.value[w] = value[i * kWidth + w];
      reinterpret_cast<Pack<T>*>(to + first)[i] = pack;
    }
    return;
  }
#pragma unroll
  for (int i = 0; i < kPhiloxWords; ++i) {
    if (first + i < n) to[first + i] = value[i];
  }
}

}  // namespace nabla::cuda
