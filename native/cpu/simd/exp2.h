// 2^x of vectors for softmax: cheaper than exp (math.h), for exponents that cannot overflow.
#pragma once
#include "cpu/simd/math.h"

namespace nabla::NABLA_ISA {

// For x < 127.5. Greatest error 3 ULP with and without FMA. Below -126.5 the result is 0 instead of a denormal; so
// exp2(-inf) = 0. NaN gives NaN.
NABLA_INLINE Vec<float> exp2(Vec<float> x) {
  const Vec<float> bounded = max(Vec<float>::set(-127), x);  // in this order NaN passes
  const NearestInteger n = nearest_of_product(bounded, Vec<float>::set(1));
  const Vec<float> r = bounded - n.value;
  // Minimax polynomial for 2^r with |r| <= 1/2 that is 1 at 0.
  Vec<float> p = Vec<float>::set(0x1.5bb9e6p-10f);
  p = fma(p, r, Vec<float>::set(0x1.3ceab4p-7f));
  p = fma(p, r, Vec<float>::set(0x1.c6b754p-5f));
  p = fma(p, r, Vec<float>::set(0x1.ebf9bcp-3f));
  p = fma(p, r, Vec<float>::set(0x1.62e42ap-1f));
  p = fma(p, r, Vec<float>::set(1));
  return p * exp2_of(n);  // the bits of 2^-127 are those of 0
}

// Softmax computes in powers of 2 where these are cheaper than those of e: scores are multiplied by kScoreUnit, and
// power(x * kScoreUnit) is exp(x).
template <typename T>
constexpr T kScoreUnit = sizeof(T) == 4 ? T(1.4426950408889634) : T(1);
NABLA_INLINE Vec<float> power(Vec<float> x) { return exp2(x); }
NABLA_INLINE Vec<double> power(Vec<double> x) { return exp(x); }

}  // namespace nabla::NABLA_ISA
