// The math of float and double by one name each. (The kernels of exp, log and so on have the names without _of.)
#pragma once
#include <cuda_runtime.h>

#include <cmath>

namespace nabla::cuda {

__device__ inline float exp_of(float x) { return expf(x); }
__device__ inline double exp_of(double x) { return ::exp(x); }
__device__ inline float log_of(float x) { return logf(x); }
__device__ inline double log_of(double x) { return ::log(x); }
__device__ inline float sqrt_of(float x) { return sqrtf(x); }
__device__ inline double sqrt_of(double x) { return ::sqrt(x); }
__device__ inline float abs_of(float x) { return fabsf(x); }
__device__ inline double abs_of(double x) { return ::fabs(x); }
__device__ inline float fma_of(float x, float y, float z) { return fmaf(x, y, z); }
__device__ inline double fma_of(double x, double y, double z) { return ::fma(x, y, z); }
// NaN is passed over.
__device__ inline float greater_of(float x, float y) { return fmaxf(x, y); }
__device__ inline double greater_of(double x, double y) { return ::fmax(x, y); }

// As a constant: device code cannot call std::numeric_limits.
template <typename T>
__device__ T infinity() {
  return static_cast<T>(HUGE_VALF);
}

}  // namespace nabla::cuda
