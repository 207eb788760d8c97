// activation(x) of a vector, for results that the micro-kernel does not store itself.
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

}  // namespace nabla::NABLA_ISA
