// erf, and the normal distribution that gelu is made of: cpu/simd/erf.h on the device, with the same error bounds.
// erf(float) is off by 2 units in the last place at most. NaN gives NaN, erf(-0) = -0.
//
// The double versions are made of CUDA's.
#pragma once
#include "cuda/math.h"

namespace nabla::cuda::math {

// Beyond this, the tail of the normal distribution is 0 in float, and so is its density times z.
constexpr float kNormalEnd = 15;

// exp(-z^2/2) = 2^n * mantissa, and Mills' ratio Phi(-z) / exp(-z^2/2) = p / q, for 0 <= z <= kNormalEnd.
struct NormalParts {
  NearestInteger n;
  float mantissa, p, q;
};
__device__ __forceinline__ NormalParts normal_parts(float z) {
  // As exp_parts does, but for s = -2r = z^2 + 2n ln 2: that takes what rounding took off z^2 at no cost. Without it,
  // it would be an error of the result a hundred times as large, relative to it.
  const float square = z * z, square_error = fmaf(z, z, -square);
  const NearestInteger n = nearest_of_product(square, -0x1.715476p-1f);
  const float s = fmaf(n.value, 2 * kLn2Low, fmaf(n.value, 2 * kLn2High, square)) + square_error;
  // Minimax for exp(-s/2) with |s| <= ln 2, to 1.1e-7.
  float mantissa = -0x1.106278p-12f;
  mantissa = fmaf(mantissa, s, 0x1.5729f2p-9f);
  mantissa = fmaf(mantissa, s, -0x1.5557aep-6f);
  mantissa = fmaf(mantissa, s, 0x1.fffdfcp-4f);
  mantissa = fmaf(mantissa, s, -0.5f);
  mantissa = fmaf(mantissa, s, 1);
  // A rational minimax approximation, to 6e-9. Nothing cancels: all coefficients are positive.
  float p = 0x1.0dc224p-8f;
  p = fmaf(p, z, 0x1.4cdc50p-5f);
  p = fmaf(p, z, 0x1.7742b2p-3f);
  p = fmaf(p, z, 0x1.c0cf86p-2f);
  p = fmaf(p, z, 0.5f);
  float q = 0x1.52168ap-7f;
  q = fmaf(q, z, 0x1.a13490p-4f);
  q = fmaf(q, z, 0x1.e0bb36p-2f);
  q = fmaf(q, z, 0x1.33d694p0f);
  q = fmaf(q, z, 0x1.aca9f4p0f);
  q = fmaf(q, z, 1);
  return {n, mantissa, p, q};
}

constexpr double kInverseSqrt2Pi = 0.3989422804014326779;
constexpr double kSqrtHalf = 0.7071067811865475244;

// z Phi(-z) for z >= 0, where Phi is the distribution function of the standard normal: what gelu takes off max(x, 0).
// Relative error at most 8 units in the last place; infinity gives 0.
__device__ __forceinline__ float normal_loss(float z) {
  const float bounded = smaller(kNormalEnd, z);
  const NormalParts parts = normal_parts(bounded);
  return scale(parts.mantissa * (bounded * parts.p) / parts.q, parts.n);
}
// Its slope, Phi(-z) - z phi(z), with phi the density. The error is relative to the terms.
__device__ __forceinline__ float normal_loss_slope(float z) {
  const float bounded = smaller(kNormalEnd, z);
  const NormalParts parts = normal_parts(bounded);
  const float difference = fmaf(bounded, -static_cast<float>(kInverseSqrt2Pi), parts.p / parts.q);
  return scale(parts.mantissa * difference, parts.n);
}
__device__ __forceinline__ double normal_loss(double z) {
  const double bounded = smaller(40.0, z);
  return bounded * ::erfc(bounded * kSqrtHalf) * 0.5;
}
__device__ __forceinline__ double normal_loss_slope(double z) {
  const double bounded = smaller(40.0, z);
  return 0.5 * ::erfc(bounded * kSqrtHalf) - bounded * kInverseSqrt2Pi * ::exp(-0.5 * bounded * bounded);
}

// x Phi(x), as max(x, 0) - |x| Phi(-|x|): small relative error on both sides of 0.
template <typename T>
__device__ __forceinline__ T gelu(T x) {
  return larger(T(-0.0), x) - normal_loss(abs(x));
}

__device__ __forceinline__ float erf(float x) {
  const float z = fabsf(x);
  // Minimax polynomial for erf(x)/x - 1 in x^2, up to 1.
  const float u = z * z;
  float s = 0x1.496a30p-14f;
  s = fmaf(s, u, -0x1.a3f700p-11f);
  s = fmaf(s, u, 0x1.5405b2p-8f);
  s = fmaf(s, u, -0x1.b7f90ep-6f);
  s = fmaf(s, u, 0x1.ce2cf8p-4f);
  s = fmaf(s, u, -0x1.81273ep-2f);
  s = fmaf(s, u, 0x1.06eba8p-3f);
  // 1 - erfc(z) above, with erfc(z) = 2 Phi(-sqrt(2) z).
  const NormalParts parts = normal_parts(smaller(kNormalEnd, z * 0x1.6a09e6p0f));
  const float tail = scale(parts.mantissa * parts.p / parts.q, parts.n);
  return copysignf(z < 1 ? fmaf(z, s, z) : 1 - (tail + tail), x);
}
__device__ __forceinline__ double erf(double x) { return ::erf(x); }

}  // namespace nabla::cuda::math
