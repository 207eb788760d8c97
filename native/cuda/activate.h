// core/activation.h in kernels.
#pragma once
#include <cuda_runtime.h>

#include "core/activation.h"

namespace nabla::cuda {

__device__ __forceinline__ float sigmoid_of(float x) { return 1.0f / (1.0f + expf(-x)); }
__device__ __forceinline__ double sigmoid_of(double x) { return 1.0 / (1.0 + exp(-x)); }
__device__ __forceinline__ float tanh_of(float x) { return tanhf(x); }
__device__ __forceinline__ double tanh_of(double x) { return tanh(x); }

// x Phi(x), as max(x, 0) - z Phi(-z) with z = |x|: small relative error on both sides of 0. From 40 on the second term
// is 0.
__device__ __forceinline__ float gelu_of(float x) {
  const float z = fminf(fabsf(x), 40.0f);
  return (x < 0 ? 0.0f : x) - 0.5f * z * erfcf(z * 0.70710678118654752f);
}
__device__ __forceinline__ double gelu_of(double x) {
  const double z = fmin(fabs(x), 40.0);
  return (x < 0 ? 0.0 : x) - 0.5 * z * erfc(z * 0.70710678118654752440);
}

// NaN stays NaN.
template <typename T>
__device__ __forceinline__ T relu_of(T x) {
  return x < 0 ? T(0) : x;
}

// Each of x gets its activation.
template <typename T, int kCount>
__device__ __forceinline__ void activate_all(T (&x)[kCount], Activation activation) {
  const auto each = [&](auto f) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) x[i] = f(x[i]);
  };
  switch (activation) {
    case Activation::none: return;
    case Activation::relu: return each([](T v) { return relu_of(v); });
    case Activation::sigmoid: return each([](T v) { return sigmoid_of(v); });
    case Activation::tanh: return each([](T v) { return tanh_of(v); });
    case Activation::gelu: return each([](T v) { return gelu_of(v); });
  }
}

template <typename T>
__device__ __forceinline__ T activate(T x, Activation activation) {
  T one[1] = {x};
  activate_all(one, activation);
  return one[0];
}

}  // namespace nabla::cuda
