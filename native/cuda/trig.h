// sin and cos on the device, over the whole range of their type and without local memory, which CUDA's own take for
// large arguments. Greatest error in units in the last place: float 2, double 1. Infinities and NaN give NaN, sin(-0) =
// -0.
#pragma once
#include "cuda/math.h"

namespace nabla::cuda::math {

// x = quarter * pi/2 + high + low with |high + low| about pi/4 at most; quarter counts modulo 4.
struct Reduced {
  double high, low;
  uint32_t quarter;
};

// pi/2 as a sum of three doubles.
constexpr double kHalfPi = 0x1.921fb54442d18p0, kHalfPiRest = 0x1.1a62633145c07p-54,
                 kHalfPiLast = -0x1.f1976b7ed8fbcp-110;

// Up to here one step of Cody and Waite's reduction is enough.
constexpr double kLargestReduced = 0x1p31;

__device__ __forceinline__ Reduced reduce_ordinary(double x) {
  constexpr double magic = 0x1.8p52;
  union {
    double value;
    uint64_t bits;
  } shifted = {fma(x, 0x1.45f306dc9c883p-1, magic)};
  const double n = shifted.value - magic;
  // Exact: a multiple of 2^-53 below 1.
  const double rest = fma(n, -kHalfPi, x);
  const double product = rounded_product(n, kHalfPiRest);
  const double high = rest - product;
  // What rounding took off the difference and the product.
  const double back = high - rest;
  const double lost = (rest - (high - back)) - (product + back);
  const double low = lost - fma(n, kHalfPiRest, -product);
  return {high, fma(n, -kHalfPiLast, low), static_cast<uint32_t>(shifted.bits)};
}

// By those 192 bits of 2/pi that count (Payne and Hanek), for finite |x| >= 2^30.
__device__ __forceinline__ Reduced reduce_large(double x) {
  // 64 bits of zeros, then those of 2/pi.
  static constexpr uint64_t kTwoOverPi[] = {0,
                                            0xa2f9836e4e441529u,
                                            0xfc2757d1f534ddc0u,
                                            0xdb6295993c439041u,
                                            0xfe5163abdebbc561u,
                                            0xb7246e3a424dd2e0u,
                                            0x06492eea09d1921cu,
                                            0xfe1deb1cb129a73eu,
                                            0xe88235f52ebb4484u,
                                            0xe99c7026b45f7e41u,
                                            0x3991d639835339f4u,
                                            0x9c845f8bbdf9283bu,
                                            0x1ff897ffde05980fu,
                                            0xef2f118b5a0a6d1fu,
                                            0x6d367ecf27cb09b7u,
                                            0x4f463f669e5fea2du,
                                            0x7527bac7ebe5f17bu,
                                            0x3d0739f78a5292eau,
                                            0x6bfb5fb11f8d5d08u,
                                            0x56033046fc7b6babu,
                                            0xf0cfbc209af4361du};
  using Wide = unsigned __int128;
  union {
    double value;
    uint64_t bits;
  } u = {x};
  // |x| = mantissa * 2^exponent.
  const uint64_t mantissa = (u.bits & 0xfffffffffffffu) | 0x10000000000000u;
  const int exponent = static_cast<int>(u.bits >> 52 & 0x7ff) - 1075;
  // The first bit whose product with the mantissa is no multiple of 4.
  const int first = 62 + exponent, word = first / 64, shift = first % 64;
  uint64_t window[3];
#pragma unroll
  for (int i = 0; i < 3; ++i) {
    const Wide pair = Wide{kTwoOverPi[word + i]} << 64 | kTwoOverPi[word + i + 1];
    window[i] = static_cast<uint64_t>(pair << shift >> 64);
  }
  // The product modulo 4 in units of 2^-190; the lowest 64 bits are dropped.
  const Wide low = Wide{mantissa} * window[2], middle = Wide{mantissa} * window[1] + (low >> 64);
  const Wide product =
      (Wide{mantissa * window[0] + static_cast<uint64_t>(middle >> 64)} << 64) | static_cast<uint64_t>(middle);
  // Rounded to the nearest integer; what is left is a signed fraction.
  uint32_t quarter = static_cast<uint32_t>(product >> 126);
  Wide fraction = product << 2;
  bool negative = static_cast<uint64_t>(fraction >> 64) >> 63 != 0;
  if (negative) {
    ++quarter;
    fraction = 0 - fraction;
  }
  if (x < 0) {
    quarter = 0 - quarter;
    negative = !negative;
  }
  // 53 bits and the next 53. No double is so near to a multiple of pi/2 that more than 64 leading bits would be 0.
  double unit = 0x1p-53;
  if (static_cast<uint64_t>(fraction >> 64) == 0) {
    fraction <<= 64;
    unit *= 0x1p-64;
  }
#pragma unroll
  for (int step = 32; step > 0; step /= 2) {
    if (static_cast<uint64_t>(fraction >> 64) >> (64 - step) != 0) continue;
    fraction <<= step;
    unit *= 1.0 / static_cast<double>(uint64_t{1} << step);
  }
  if (negative) unit = -unit;
  const double high = static_cast<double>(static_cast<uint64_t>(fraction >> 75)) * unit;
  const double low_bits = static_cast<double>(static_cast<uint64_t>(fraction >> 22) & 0x1fffffffffffffu);
  const double rest = low_bits * (unit * 0x1p-53);
  const double r = rounded_product(high, kHalfPi);
  const double r_low = fma(high, kHalfPi, -r) + fma(high, kHalfPiRest, rest * kHalfPi);
  return {r, r_low, quarter};
}

// Of infinities, NaN.
__device__ __forceinline__ Reduced reduce(double x) {
  if (!(fabs(x) > kLargestReduced)) return reduce_ordinary(x);
  return fabs(x) < INFINITY ? reduce_large(x) : Reduced{x - x, 0, 0};
}

// sin(x + shift * pi/2), x reduced.
__device__ __forceinline__ double sine_of(Reduced x, uint32_t shift) {
  const double r = x.high, u = r * r;
  // Minimax polynomials for (sin(r) - r) / r^3 and (cos(r) - 1 + r^2/2) / r^4.
  double s = 0x1.5e0af186af739p-33;
  s = fma(s, u, -0x1.ae600a926c89ap-26);
  s = fma(s, u, 0x1.71de37961e4c6p-19);
  s = fma(s, u, -0x1.a01a019e8357dp-13);
  s = fma(s, u, 0x1.1111111110bb1p-7);
  s = fma(s, u, -0x1.5555555555555p-3);
  const double sine = r + fma(u * r, s, x.low * fma(u, -0.5, 1.0));
  double c = -0x1.907d7aebd5e3dp-37;
  c = fma(c, u, 0x1.1eeb68b109173p-29);
  c = fma(c, u, -0x1.27e4fa17a41b4p-22);
  c = fma(c, u, 0x1.a01a019f4e867p-16);
  c = fma(c, u, -0x1.6c16c16c16966p-10);
  c = fma(c, u, 0x1.5555555555555p-5);
  // What is lost from 1 - r^2/2 is added again.
  const double half = 0.5 * u, most = 1 - half;
  const double lost = ((1 - most) - half) - fma(r, x.low, 0.5 * fma(r, r, -u));
  const double cosine = most + fma(u * u, c, lost);
  const uint32_t quarter = x.quarter + shift;
  const double y = quarter & 1 ? cosine : sine;
  return quarter & 2 ? -y : y;
}

// Up to here the reduction in float is enough.
constexpr float kLargestReducedFloat = 0x1p17f;

__device__ __forceinline__ float sine_of(float x, uint32_t shift) {
  const NearestInteger n = nearest_of_product(x, 0x1.45f306p-1f);
  // The first step is exact. The float nearest to a multiple of pi/2 is some 2^-28 away from it.
  float r = fmaf(n.value, -0x1.921fb6p0f, x);
  r = fmaf(n.value, 0x1.777a5cp-25f, r);
  r = fmaf(n.value, 0x1.ee59dap-50f, r);
  uint32_t quarter = bits_of(n.biased) - 127;
  if (fabsf(x) > kLargestReducedFloat) {
    const Reduced large = reduce(static_cast<double>(x));
    r = static_cast<float>(large.high);
    quarter = large.quarter;
  }
  quarter += shift;
  const float u = r * r;
  // Minimax polynomials for (sin(r) - r) / r^3 and (cos(r) - 1 + r^2/2) / r^4.
  float s = -0x1.994388p-13f;
  s = fmaf(s, u, 0x1.11073ap-7f);
  s = fmaf(s, u, -0x1.555546p-3f);
  const float sine = fmaf(u * r, s, r);
  float c = 0x1.99eb4ap-16f;
  c = fmaf(c, u, -0x1.6c0c32p-10f);
  c = fmaf(c, u, 0x1.55554ap-5f);
  const float cosine = fmaf(u * u, c, fmaf(u, -0.5f, 1));
  const float y = quarter & 1 ? cosine : sine;
  return quarter & 2 ? -y : y;
}

__device__ __forceinline__ float sin(float x) { return x == 0 ? x : sine_of(x, 0); }
__device__ __forceinline__ float cos(float x) { return sine_of(x, 1); }
__device__ __forceinline__ double sin(double x) { return x == 0 ? x : sine_of(reduce(x), 0); }
__device__ __forceinline__ double cos(double x) { return sine_of(reduce(x), 1); }

}  // namespace nabla::cuda::math
