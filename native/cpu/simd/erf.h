// erf of vectors, and the normal distribution that gelu is made of. Greatest error of erf(float): 2 units in the last
// place, with and without FMA. NaN gives NaN, erf(-0) = -0.
//
// The double versions, which gradient checks use, call the C library lane by lane.
#pragma once
#include <cmath>

#include "cpu/simd/math.h"
#include "cpu/simd/vec.h"

namespace nabla::NABLA_ISA {

// What rounding took off z * z to make `square`.
NABLA_INLINE Vec<float> square_error(Vec<float> z, Vec<float> square) {
#if defined(NABLA_ISA_AVX512) || defined(NABLA_ISA_AVX2) || defined(NABLA_ISA_NEON)
  return fma(z, z, -square);
#else
  return {static_cast<float>(static_cast<double>(z.v) * static_cast<double>(z.v) - static_cast<double>(square.v))};
#endif
}

// a / b for b of ordinary size, to 1 unit in the last place.
NABLA_INLINE Vec<float> quotient(Vec<float> a, Vec<float> b) {
#if defined(NABLA_ISA_AVX512)
  // One step of Newton's method is quicker than a division of 16 lanes.
  const Vec<float> reciprocal = {_mm512_rcp14_ps(b.v)};
  const Vec<float> guess = a * reciprocal;
  return fma(fma(-b, guess, a), reciprocal, guess);
#else
  return a / b;
#endif
}

// Beyond this, the tail of the normal distribution is 0 in float, and so is its density times z.
constexpr float kNormalEnd = 15;

// exp(-z^2/2) = 2^n * mantissa, and Mills' ratio Phi(-z) / exp(-z^2/2) = p / q, for 0 <= z <= kNormalEnd.
struct NormalParts {
  NearestInteger n;
  Vec<float> mantissa, p, q;
};
NABLA_INLINE NormalParts normal_parts(Vec<float> z) {
  // As exp_parts does, but for s = -2r = z^2 + 2n ln 2: that takes what rounding took off z^2 at no cost. Without it,
  // it would be an error of the result a hundred times as large, relative to it.
  const Vec<float> square = z * z;
  const NearestInteger n = nearest_of_product(square, Vec<float>::set(-0x1.715476p-1f));
  Vec<float> s = fma(n.value, Vec<float>::set(0x1.63p0f), square);
  s = fma(n.value, Vec<float>::set(-0x1.bd0106p-12f), s) + square_error(z, square);
  // Minimax for exp(-s/2) with |s| <= ln 2, to 1.1e-7: a degree less than exp_parts, of which nothing shows in the
  // result.
  Vec<float> mantissa = Vec<float>::set(-0x1.106278p-12f);
  mantissa = fma(mantissa, s, Vec<float>::set(0x1.5729f2p-9f));
  mantissa = fma(mantissa, s, Vec<float>::set(-0x1.5557aep-6f));
  mantissa = fma(mantissa, s, Vec<float>::set(0x1.fffdfcp-4f));
  mantissa = fma(mantissa, s, Vec<float>::set(-0.5f));
  mantissa = fma(mantissa, s, Vec<float>::set(1));
  // A rational minimax approximation, to 6e-9. Nothing cancels: all coefficients are positive.
  Vec<float> p = Vec<float>::set(0x1.0dc224p-8f);
  p = fma(p, z, Vec<float>::set(0x1.4cdc50p-5f));
  p = fma(p, z, Vec<float>::set(0x1.7742b2p-3f));
  p = fma(p, z, Vec<float>::set(0x1.c0cf86p-2f));
  p = fma(p, z, Vec<float>::set(0.5f));
  Vec<float> q = Vec<float>::set(0x1.52168ap-7f);
  q = fma(q, z, Vec<float>::set(0x1.a13490p-4f));
  q = fma(q, z, Vec<float>::set(0x1.e0bb36p-2f));
  q = fma(q, z, Vec<float>::set(0x1.33d694p0f));
  q = fma(q, z, Vec<float>::set(0x1.aca9f4p0f));
  q = fma(q, z, Vec<float>::set(1));
  return {n, mantissa, p, q};
}

constexpr double kInverseSqrt2Pi = 0.3989422804014326779;
constexpr double kSqrtHalf = 0.7071067811865475244;

// z Phi(-z) for z >= 0, where Phi is the distribution function of the standard normal: what gelu takes off max(x, 0).
// Relative error at most 8 units in the last place; infinity gives 0.
NABLA_INLINE Vec<float> normal_loss(Vec<float> z) {
  const Vec<float> bounded = min(Vec<float>::set(kNormalEnd), z);
  const NormalParts parts = normal_parts(bounded);
  return scale(quotient(parts.mantissa * (bounded * parts.p), parts.q), parts.n);
}
// Its slope, Phi(-z) - z phi(z), with phi the density. The error is relative to the terms.
NABLA_INLINE Vec<float> normal_loss_slope(Vec<float> z) {
  const Vec<float> bounded = min(Vec<float>::set(kNormalEnd), z);
  const NormalParts parts = normal_parts(bounded);
  const Vec<float> difference =
      fma(bounded, Vec<float>::set(-static_cast<float>(kInverseSqrt2Pi)), quotient(parts.p, parts.q));
  return scale(parts.mantissa * difference, parts.n);
}
NABLA_INLINE Vec<double> normal_loss(Vec<double> z) {
  const Vec<double> bounded = min(Vec<double>::set(40), z);
  const Vec<double> twice = lane_by_lane(bounded, [](double lane) { return std::erfc(lane * kSqrtHalf); });
  return bounded * twice * Vec<double>::set(0.5);
}
NABLA_INLINE Vec<double> normal_loss_slope(Vec<double> z) {
  return lane_by_lane(min(Vec<double>::set(40), z), [](double lane) {
    return 0.5 * std::erfc(lane * kSqrtHalf) - lane * kInverseSqrt2Pi * std::exp(-0.5 * lane * lane);
  });
}

// x Phi(x), as max(x, 0) - |x| Phi(-|x|): small relative error on both sides of 0.
template <typename T>
NABLA_INLINE Vec<T> gelu(Vec<T> x) {
  return max(Vec<T>::set(T(-0.0)), x) - normal_loss(abs(x));
}

NABLA_INLINE Vec<float> erf(Vec<float> x) {
  const Vec<float> one = Vec<float>::set(1);
  const Vec<float> z = abs(x);
  // Minimax polynomial for erf(x)/x - 1 in x^2, up to 1.
  const Vec<float> u = z * z;
  Vec<float> s = Vec<float>::set(0x1.496a30p-14f);
  s = fma(s, u, Vec<float>::set(-0x1.a3f700p-11f));
  s = fma(s, u, Vec<float>::set(0x1.5405b2p-8f));
  s = fma(s, u, Vec<float>::set(-0x1.b7f90ep-6f));
  s = fma(s, u, Vec<float>::set(0x1.ce2cf8p-4f));
  s = fma(s, u, Vec<float>::set(-0x1.81273ep-2f));
  s = fma(s, u, Vec<float>::set(0x1.06eba8p-3f));
  const Vec<float> small = fma(z, s, z);
  // 1 - erfc(z) above, with erfc(z) = 2 Phi(-sqrt(2) z).
  const Vec<float> wide = min(Vec<float>::set(kNormalEnd), z * Vec<float>::set(0x1.6a09e6p0f));
  const NormalParts parts = normal_parts(wide);
  const Vec<float> tail = scale(quotient(parts.mantissa * parts.p, parts.q), parts.n);
  return copysign(select(z < one, small, one - (tail + tail)), x);
}
NABLA_INLINE Vec<double> erf(Vec<double> x) {
  return lane_by_lane(x, [](double lane) { return std::erf(lane); });
}

}  // namespace nabla::NABLA_ISA
