// Powers on the device. Greatest error of the float version: 1 unit in the last place, where CUDA's has up to 4.
// Special values are those of C. The double version is CUDA's.
#pragma once
#include "cuda/math.h"

namespace nabla::cuda::math {

// log(x) + exponent_shift * ln 2 for normal x > 0 as a sum, to about 2^-34 of it.
struct LogSum {
  float high, low;
};
__device__ __forceinline__ LogSum log_sum(float x, float exponent_shift) {
  const LogParts parts = log_parts(x);
  const float e = static_cast<float>(parts.exponent) + exponent_shift;
  // log(m) = 2 artanh(q) with q = f / (2 + f).
  const float f = parts.m - 1, reciprocal = 1 / (f + 2);
  const float q = f * reciprocal;
  const float q_low = fmaf(-q, f, fmaf(q, -2, f)) * reciprocal;
  // artanh(q) = q (1 + t) with t = s/3 + s^2 P(s), s = q^2.
  const float s = q * q;
  const float s_low = fmaf(q, q, -s) + 2 * q * q_low;
  float p = 0x1.d80798p-4f;
  p = fmaf(p, s, 0x1.247a2ep-3f);
  p = fmaf(p, s, 0x1.9999a4p-3f);
  constexpr float third = 0x1.555556p-2f, third_low = -0x1.555556p-27f;
  const float t = s * third;
  const float t_low = fmaf(s * s, p, fmaf(s, third, -t) + fmaf(s, third_low, s_low * third));
  const float qt = rounded_product(q, t);
  const float qt_low = fmaf(q, t, -qt) + fmaf(q, t_low, q_low * t);
  const float half = q + qt;
  const float half_low = ((q - half) + qt) + (qt_low + q_low);
  const float main = e * kLn2High, high = fmaf(half, 2, main);
  const float low = fmaf(half, 2, main - high) + fmaf(half_low, 2, e * kLn2Low);
  const float sum = high + low;
  return {sum, (high - sum) + low};
}

__device__ __forceinline__ float pow(float x, float y) {
  const float a = fabsf(x);
  const bool denormal = a < 0x1p-126f;
  const LogSum log = log_sum(denormal ? a * 0x1p23f : a, denormal ? -23.0f : 0.0f);
  const float product = y * log.high;
  const float product_low = fmaf(y, log.low, fmaf(y, log.high, -product));
  // exp(product + product_low), as exp_parts, but with both parts of what is left after the powers of 2.
  const float bounded = larger(-104.0f, smaller(89.0f, product));
  const NearestInteger n = nearest_of_product(bounded, 0x1.715476p0f);
  const float first = fmaf(n.value, -kLn2High, bounded);
  const float r = fmaf(n.value, -kLn2Low, first);
  const float r_low = fmaf(n.value, -kLn2Low, first - r) + product_low;
  const float tail = exp_tail(r) * (r * r);
  const float sum = 1 + r;
  // exp(r + r_low) is about exp(r) + r_low * exp(r).
  const float mantissa = sum + (((1 - sum) + r) + (tail + fmaf(r_low, r + tail, r_low)));
  float power = scale(mantissa, n);
  if (product > 89 || product < -104) power = product > 0 ? INFINITY : 0;
  if (a == 1) power = 1;
  if (a == 0 || a == INFINITY) power = (a == 0) == (y < 0) ? INFINITY : 0;
  // Negative bases: an odd exponent keeps the sign, a fraction has no real power.
  const bool integer = truncf(y) == y, odd = integer && truncf(y * 0.5f) != y * 0.5f;
  if (!integer && x < 0 && a < INFINITY) power = NAN;
  power = copysignf(power, odd ? x : 1.0f);
  if (x != x || y != y) power = x + y;
  return y == 0 || x == 1 ? 1 : power;
}

__device__ __forceinline__ double pow(double x, double y) { return ::pow(x, y); }

}  // namespace nabla::cuda::math
