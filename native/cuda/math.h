// exp, expm1, log, log1p, tanh and sigmoid on the device. The float versions do what those of cpu/simd/math.h do, with
// the same error bounds, and so does the emulator; CUDA's own are up to 2 units off. Greatest error in units in the
// last place: exp 1, expm1 2, log 1, log1p 2, tanh 3, sigmoid 3. Special values are those of C.
//
// The double versions are CUDA's.
#pragma once
#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>

namespace nabla::cuda::math {

__device__ __forceinline__ uint32_t bits_of(float x) {
  union {
    float value;
    uint32_t bits;
  } u = {x};
  return u.bits;
}
__device__ __forceinline__ float float_of(uint32_t bits) {
  union {
    uint32_t bits;
    float value;
  } u = {bits};
  return u.value;
}

// a * b, which the compiler may not merge with an addition: for what compensates its rounding.
__device__ __forceinline__ float rounded_product(float a, float b) { return fmaf(a, b, 0.0f); }
__device__ __forceinline__ double rounded_product(double a, double b) { return fma(a, b, 0.0); }

// The second operand where either is NaN.
template <typename T>
__device__ __forceinline__ T larger(T a, T b) {
  return a > b ? a : b;
}
template <typename T>
__device__ __forceinline__ T smaller(T a, T b) {
  return a < b ? a : b;
}

// The integer nearest to a number of less than 22 bits, as a float (in `value`) and as a float whose lowest bits are
// the biased exponent of 2^value (in `biased`). Adding 1.5 * 2^23 rounds away the fraction.
struct NearestInteger {
  float value, biased;
};
__device__ __forceinline__ NearestInteger nearest_of_product(float x, float y) {
  constexpr float magic = 0x1.8p23f + 127;
  const float biased = fmaf(x, y, magic);
  return {biased - magic, biased};
}
// 2^n for -126 <= n <= 127.
__device__ __forceinline__ float exp2_of(NearestInteger n) { return float_of(bits_of(n.biased) << 23); }

// x * 2^n for |n| <= 252, rounded once.
__device__ __forceinline__ float scale(float x, NearestInteger n) {
  // In two steps, since 2^n itself may overflow or be denormal. Only the second step can round.
  const NearestInteger half = nearest_of_product(n.value, 0.5f);
  const NearestInteger rest = nearest_of_product(n.value - half.value, 1);
  return x * exp2_of(half) * exp2_of(rest);
}

// ln 2 in two parts, of which the first is so short that its product with an exponent is exact.
constexpr float kLn2High = 0x1.63p-1f, kLn2Low = -0x1.bd0106p-13f;

// The minimax polynomial for (exp(r) - 1 - r) / r^2 with |r| <= ln(2)/2.
__device__ __forceinline__ float exp_tail(float r) {
  float p = 0x1.6a24d8p-10f;
  p = fmaf(p, r, 0x1.123a6cp-7f);
  p = fmaf(p, r, 0x1.5558f2p-5f);
  p = fmaf(p, r, 0x1.555490p-3f);
  return fmaf(p, r, 0x1.fffffcp-2f);
}

// exp(x) = 2^n * exp(r) with |r| <= ln(2)/2.
struct ExpParts {
  NearestInteger n;
  float expm1;  // exp(r) - 1
};
__device__ __forceinline__ ExpParts exp_parts(float x) {
  const NearestInteger n = nearest_of_product(x, 0x1.715476p0f);  // 1/ln 2
  const float r = fmaf(n.value, -kLn2Low, fmaf(n.value, -kLn2High, x));
  return {n, fmaf(exp_tail(r), r * r, r)};
}

__device__ __forceinline__ float exp(float x) {
  // Beyond these bounds the result is 0 or inf anyway.
  const ExpParts e = exp_parts(larger(-104.0f, smaller(89.0f, x)));
  return scale(e.expm1 + 1, e.n);
}

__device__ __forceinline__ float expm1(float x) {
  // exp(-20) is nothing beside 1. The powers are halves, since 2^128 would overflow.
  const ExpParts e = exp_parts(larger(-20.0f, smaller(89.0f, x)));
  const float half_power = exp2_of(nearest_of_product(e.n.value - 1, 1));
  const float half = fmaf(half_power, e.expm1, half_power - 0.5f);
  // The half of a denormal may be none.
  return fabsf(x) < 0x1p-30f ? x : half + half;
}

// x = 2^exponent * m with m in [sqrt(1/2), sqrt(2)), for normal x.
struct LogParts {
  int32_t exponent;
  float m;
};
__device__ __forceinline__ LogParts log_parts(float x) {
  const int32_t exponent = static_cast<int32_t>(bits_of(x) - bits_of(0x1.6a09e6p-1f)) >> 23;
  return {exponent, float_of(bits_of(x) - (static_cast<uint32_t>(exponent) << 23))};
}

// e*ln 2 + log(1 + f) for sqrt(1/2) <= 1 + f < sqrt(2).
__device__ __forceinline__ float log_of_parts(float e, float f) {
  // Minimax polynomial for (log(1+f) - f + f^2/2) / f^3.
  float p = -0x1.420230p-4f;
  p = fmaf(p, f, 0x1.07d958p-3f);
  p = fmaf(p, f, -0x1.0ce076p-3f);
  p = fmaf(p, f, 0x1.226d2cp-3f);
  p = fmaf(p, f, -0x1.54787ap-3f);
  p = fmaf(p, f, 0x1.99a5a2p-3f);
  p = fmaf(p, f, -0x1.000220p-2f);
  p = fmaf(p, f, 0x1.55554ap-2f);
  const float f2 = f * f;
  // The small terms first.
  float tail = fmaf(e, kLn2Low, f2 * f * p);
  tail = fmaf(f2, -0.5f, tail);
  return fmaf(e, kLn2High, f + tail);
}

// The logarithm `y` of an ordinary x, but what C has for 0, negative numbers, inf and NaN.
__device__ __forceinline__ float log_special(float x, float y) {
  if (x > 0) return x < INFINITY ? y : x;
  return x == 0 ? -INFINITY : NAN;
}

__device__ __forceinline__ float log(float x) {
  const bool denormal = x < 0x1p-126f;
  const LogParts parts = log_parts(denormal ? x * 0x1p23f : x);
  const float e = static_cast<float>(parts.exponent) - (denormal ? 23.0f : 0.0f);
  return log_special(x, log_of_parts(e, parts.m - 1));
}

__device__ __forceinline__ float log1p(float x) {
  const float u = 1 + x;
  // What the sum lost: u + lost is 1 + x.
  const float lost = x > 1 ? 1 - (u - x) : x - (u - 1);
  const LogParts parts = log_parts(u);
  // 2^-exponent times `lost` belongs to m; where u is in [sqrt(1/2), sqrt(2)), f is x again. From 2^25 on, nothing
  // counts.
  const float power = float_of(static_cast<uint32_t>(127 - parts.exponent) << 23);
  const float f = (parts.m - 1) + (u < 0x1p25f ? power * lost : 0);
  return x == 0 ? x : log_special(u, log_of_parts(static_cast<float>(parts.exponent), f));
}

__device__ __forceinline__ float tanh(float x) {
  // (exp(2x) - 1) / (exp(2x) + 1); for x >= 9.02 it is 1. exp(2x) - 1 keeps its relative precision near 0.
  const float magnitude = smaller(10.0f, fabsf(x));
  const ExpParts e = exp_parts(magnitude + magnitude);
  const float power = exp2_of(e.n);
  const float expm1 = fmaf(power, e.expm1, power - 1);
  return copysignf(expm1 / (expm1 + 2), x);
}

__device__ __forceinline__ double exp(double x) { return ::exp(x); }
__device__ __forceinline__ double expm1(double x) { return ::expm1(x); }
__device__ __forceinline__ double log(double x) { return ::log(x); }
__device__ __forceinline__ double log1p(double x) { return ::log1p(x); }
__device__ __forceinline__ double tanh(double x) { return ::tanh(x); }

__device__ __forceinline__ float abs(float x) { return fabsf(x); }
__device__ __forceinline__ double abs(double x) { return fabs(x); }
__device__ __forceinline__ float sqrt(float x) { return sqrtf(x); }
__device__ __forceinline__ double sqrt(double x) { return ::sqrt(x); }

// exp(-|x|) cannot overflow; for negative x the quotient e/(1+e) keeps its relative precision down to 0.
template <typename T>
__device__ __forceinline__ T sigmoid(T x) {
  const T e = exp(-abs(x));
  return (x < 0 ? e : T(1)) / (1 + e);
}

}  // namespace nabla::cuda::math
