// activation(x) of a vector and its store, for results that the micro-kernel does not store itself.
#pragma once
#include "core/activation.h"
#include "cpu/simd/erf.h"
#include "cpu/simd/math.h"

namespace nabla::NABLA_ISA {

template <typename T>
NABLA_INLINE Vec<T> activate(Vec<T> x, Activation activation) {
  switch (activation) {
    case Activation::none: return x;
    case Activation::relu: return max(Vec<T>::zero(), x);  // in this order NaN stays NaN
    case Activation::sigmoid: return sigmoid(x);
    case Activation::tanh: return tanh(x);
    case Activation::gelu: return gelu(x);
  }
  return x;
}

template <typename T>
NABLA_INLINE Vec<T> load_lanes(const T* p, int64_t lanes) {
#if defined(NABLA_ISA_AVX2)
  if (lanes == Vec<T>::width) return Vec<T>::load(p);
#endif
  return Vec<T>::load_part(p, lanes);
}

// p[0 to lanes) = x
template <typename T>
NABLA_INLINE void store_lanes(Vec<T> x, T* p, int64_t lanes) {
#if defined(NABLA_ISA_AVX2)
  // Masked stores of AVX2 take many times longer than whole ones, and masked loads longer.
  if (lanes == Vec<T>::width) return x.store(p);
#endif
  x.store_part(p, lanes);
}

}  // namespace nabla::NABLA_ISA
