// core/activation.h in kernels.
#pragma once
#include "core/activation.h"
#include "cuda/erf.h"
#include "cuda/math.h"

namespace nabla::cuda {

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
    case Activation::sigmoid: return each([](T v) { return math::sigmoid(v); });
    case Activation::tanh: return each([](T v) { return math::tanh(v); });
    case Activation::gelu: return each([](T v) { return math::gelu(v); });
  }
}

template <typename T>
__device__ __forceinline__ T activate(T x, Activation activation) {
  T one[1] = {x};
  activate_all(one, activation);
  return one[0];
}

}  // namespace nabla::cuda
