// exp, expm1, log, log1p, tanh and sigmoid of vectors, over the whole range of their type. A lane's result depends on
// that lane only, so it does not matter where in a vector or in a tail an element lies.
//
// Greatest error of the float versions in units in the last place of the exact result, with and without FMA:
// exp 1, expm1 2, log 1, log1p 2, tanh 3, sigmoid 3.
// Special values are those of C: exp(-inf) = 0, exp(inf) = inf, log(0) = -inf, log(x < 0) = NaN, log1p(-1) = -inf,
// tanh(-0) = expm1(-0) = log1p(-0) = -0, results that are denormal are rounded to a denormal, NaN gives NaN.
//
// The double versions, which gradient checks use, call the C library lane by lane.
#pragma once
#include <cmath>

#include "cpu/simd/vec.h"
#include "cpu/simd/vec_int.h"

namespace nabla::NABLA_ISA {

// The integer nearest to an x of less than 22 bits, as a float (in `value`) and as a float whose lowest bits
// are the biased exponent of 2^value (in `biased`). Adding 1.5 * 2^23 rounds away the fraction.
struct NearestInteger {
  Vec<float> value, biased;
};
NABLA_INLINE NearestInteger nearest_of_product(Vec<float> x, Vec<float> y) {
  const Vec<float> magic = Vec<float>::set(0x1.8p23f + 127);
  const Vec<float> biased = fma(x, y, magic);
  return {biased - magic, biased};
}
// 2^n for -126 <= n <= 127.
NABLA_INLINE Vec<float> exp2_of(NearestInteger n) { return float_of_bits(bits_of(n.biased) << 23); }

// x * 2^n for |n| <= 252, rounded once.
NABLA_INLINE Vec<float> scale(Vec<float> x, NearestInteger n) {
#if defined(NABLA_ISA_AVX512)
  return {_mm512_scalef_ps(x.v, n.value.v)};
#else
  // In two steps, since 2^n itself may overflow or be denormal. Only the second step can round.
  const NearestInteger half = nearest_of_product(n.value, Vec<float>::set(0.5f));
  const NearestInteger rest = nearest_of_product(n.value - half.value, Vec<float>::set(1));
  return x * exp2_of(half) * exp2_of(rest);
#endif
}

// The same for -190 <= n <= 63, in fewer steps.
NABLA_INLINE Vec<float> scale_down(Vec<float> x, NearestInteger n) {
#if defined(NABLA_ISA_AVX512)
  return scale(x, n);
#else
  return x * float_of_bits((bits_of(n.biased) + Vec<int32_t>::set(64)) << 23) * Vec<float>::set(0x1p-64f);
#endif
}

// exp(x) = 2^n * exp(r) with |r| <= ln(2)/2.
struct ExpParts {
  NearestInteger n;
  Vec<float> expm1;  // exp(r) - 1
};
NABLA_INLINE ExpParts exp_parts(Vec<float> x) {
  const NearestInteger n = nearest_of_product(x, Vec<float>::set(0x1.715476p0f));  // 1/ln 2
  // ln 2 in two parts, of which the first is so short that n times it is exact.
  Vec<float> r = fma(n.value, Vec<float>::set(-0x1.63p-1f), x);
  r = fma(n.value, Vec<float>::set(0x1.bd0106p-13f), r);
  // Minimax polynomial for (exp(r) - 1 - r) / r^2.
  Vec<float> p = Vec<float>::set(0x1.6a24d8p-10f);
  p = fma(p, r, Vec<float>::set(0x1.123a6cp-7f));
  p = fma(p, r, Vec<float>::set(0x1.5558f2p-5f));
  p = fma(p, r, Vec<float>::set(0x1.555490p-3f));
  p = fma(p, r, Vec<float>::set(0x1.fffffcp-2f));
  return {n, fma(p, r * r, r)};
}

NABLA_INLINE Vec<float> exp(Vec<float> x) {
  // Beyond these bounds the result is 0 or inf anyway. NaN passes: min and max give their second operand.
  const Vec<float> bounded = max(Vec<float>::set(-104), min(Vec<float>::set(89), x));
  const ExpParts e = exp_parts(bounded);
  return scale(e.expm1 + Vec<float>::set(1), e.n);
}

// exp(x) - 1.
NABLA_INLINE Vec<float> expm1(Vec<float> x) {
  // exp(-20) is nothing beside 1. The powers are halves, since 2^128 would overflow.
  const ExpParts e = exp_parts(max(Vec<float>::set(-20), min(Vec<float>::set(89), x)));
  const NearestInteger less = nearest_of_product(e.n.value - Vec<float>::set(1), Vec<float>::set(1));
  const Vec<float> half_power = exp2_of(less);
  const Vec<float> half = fma(half_power, e.expm1, half_power - Vec<float>::set(0.5f));
  // The half of a denormal may be none.
  return select(abs(x) < Vec<float>::set(0x1p-30f), x, half + half);
}

// x = 2^exponent * m with m in [sqrt(1/2), sqrt(2)), for normal x.
struct LogParts {
  Vec<int32_t> exponent;
  Vec<float> m;
};
NABLA_INLINE LogParts log_parts(Vec<float> x) {
  const Vec<int32_t> exponent = (bits_of(x) - bits_of(Vec<float>::set(0x1.6a09e6p-1f))) >> 23;
  return {exponent, float_of_bits(bits_of(x) - (exponent << 23))};
}

// e*ln 2 + log(1 + f) for sqrt(1/2) <= 1 + f < sqrt(2).
NABLA_INLINE Vec<float> log_of_parts(Vec<float> e, Vec<float> f) {
  // Minimax polynomial for (log(1+f) - f + f^2/2) / f^3.
  Vec<float> p = Vec<float>::set(-0x1.420230p-4f);
  p = fma(p, f, Vec<float>::set(0x1.07d958p-3f));
  p = fma(p, f, Vec<float>::set(-0x1.0ce076p-3f));
  p = fma(p, f, Vec<float>::set(0x1.226d2cp-3f));
  p = fma(p, f, Vec<float>::set(-0x1.54787ap-3f));
  p = fma(p, f, Vec<float>::set(0x1.99a5a2p-3f));
  p = fma(p, f, Vec<float>::set(-0x1.000220p-2f));
  p = fma(p, f, Vec<float>::set(0x1.55554ap-2f));
  const Vec<float> f2 = f * f;
  // The small terms first.
  Vec<float> tail = f2 * f * p;
  tail = fma(e, Vec<float>::set(-0x1.bd0106p-13f), tail);
  tail = fma(f2, Vec<float>::set(-0.5f), tail);
  return fma(e, Vec<float>::set(0x1.63p-1f), f + tail);
}

// The logarithm `y` of an ordinary x, but what C has for 0, negative numbers, inf and NaN.
NABLA_INLINE Vec<float> log_special(Vec<float> x, Vec<float> y) {
  const Vec<float> inf = Vec<float>::set(INFINITY);
  const Vec<float> ordinary = select(x < inf, y, x);
  return select(x > Vec<float>::zero(), ordinary,
                select(x == Vec<float>::zero(), Vec<float>::zero() - inf, Vec<float>::set(NAN)));
}

NABLA_INLINE Vec<float> log(Vec<float> x) {
  const Mask<float> denormal = x < Vec<float>::set(0x1p-126f);
  const LogParts parts = log_parts(select(denormal, x * Vec<float>::set(0x1p23f), x));
  const Vec<float> e = to_float(parts.exponent) - select(denormal, Vec<float>::set(23), Vec<float>::zero());
  return log_special(x, log_of_parts(e, parts.m - Vec<float>::set(1)));
}

// log(1 + x).
NABLA_INLINE Vec<float> log1p(Vec<float> x) {
  const Vec<float> one = Vec<float>::set(1);
  const Vec<float> u = one + x;
  // What the sum lost: u + lost is 1 + x.
  const Vec<float> lost = select(x > one, one - (u - x), x - (u - one));
  const LogParts parts = log_parts(u);
  const Vec<float> e = to_float(parts.exponent);
  // 2^-exponent times `lost` belongs to m; where u is in [sqrt(1/2), sqrt(2)), f is x again. From 2^25 on, nothing
  // counts.
  const Vec<float> power = float_of_bits((Vec<int32_t>::set(127) - parts.exponent) << 23);
  const Vec<float> f = (parts.m - one) + select(u < Vec<float>::set(0x1p25f), power * lost, Vec<float>::zero());
  return select(x == Vec<float>::zero(), x, log_special(u, log_of_parts(e, f)));
}

NABLA_INLINE Vec<float> tanh(Vec<float> x) {
  // tanh(x) = (exp(2x) - 1) / (exp(2x) + 1); for x >= 9.02 it is 1. exp(2x) - 1 keeps its relative precision near 0.
  const Vec<float> magnitude = min(Vec<float>::set(10), abs(x));
  const ExpParts e = exp_parts(magnitude + magnitude);
  const Vec<float> power = exp2_of(e.n);
  const Vec<float> expm1 = fma(power, e.expm1, power - Vec<float>::set(1));
  return copysign(expm1 / (expm1 + Vec<float>::set(2)), x);
}

NABLA_INLINE Vec<float> sigmoid(Vec<float> x) {
  // exp(-|x|) cannot overflow; for negative x the quotient e/(1+e) keeps its relative precision down to 0.
  const Vec<float> one = Vec<float>::set(1);
  const ExpParts parts = exp_parts(max(Vec<float>::set(-104), -abs(x)));
  const Vec<float> e = scale_down(parts.expm1 + one, parts.n);
  return select(x < Vec<float>::zero(), e, one) / (one + e);
}

template <typename F>
NABLA_INLINE Vec<double> lane_by_lane(Vec<double> x, F&& f) {
  double lanes[Vec<double>::width];
  x.store(lanes);
  for (double& lane : lanes) lane = f(lane);
  return Vec<double>::load(lanes);
}
NABLA_INLINE Vec<double> exp(Vec<double> x) {
  return lane_by_lane(x, [](double lane) { return std::exp(lane); });
}
NABLA_INLINE Vec<double> expm1(Vec<double> x) {
  return lane_by_lane(x, [](double lane) { return std::expm1(lane); });
}
NABLA_INLINE Vec<double> log(Vec<double> x) {
  return lane_by_lane(x, [](double lane) { return std::log(lane); });
}
NABLA_INLINE Vec<double> log1p(Vec<double> x) {
  return lane_by_lane(x, [](double lane) { return std::log1p(lane); });
}
NABLA_INLINE Vec<double> tanh(Vec<double> x) {
  return lane_by_lane(x, [](double lane) { return std::tanh(lane); });
}
NABLA_INLINE Vec<double> sigmoid(Vec<double> x) {
  const Vec<double> one = Vec<double>::set(1);
  const Vec<double> e = exp(-abs(x));
  return select(x < Vec<double>::zero(), e, one) / (one + e);
}

}  // namespace nabla::NABLA_ISA
