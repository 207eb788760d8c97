// sin and cos of vectors, over the whole range of their type. Greatest error of the float versions: 2 units in the
// last place, with and without FMA. Infinities and NaN give NaN, sin(-0) = -0.
//
// The double versions, which gradient checks use, call the C library lane by lane.
#pragma once
#include <cmath>

#include "cpu/simd/lanes.h"
#include "cpu/simd/math.h"
#include "cpu/simd/vec.h"

namespace nabla::NABLA_ISA {

// The lanes of a Vec<float> as doubles, in as many registers as that takes.
struct Doubles {
  static constexpr int parts = Vec<float>::width / Vec<double>::width;
  Vec<double> part[parts];
};
NABLA_INLINE Doubles to_doubles(Vec<float> x) {
#if defined(NABLA_ISA_AVX512)
  return {{{_mm512_cvtps_pd(_mm512_castps512_ps256(x.v))}, {_mm512_cvtps_pd(_mm512_extractf32x8_ps(x.v, 1))}}};
#elif defined(NABLA_ISA_AVX2)
  return {{{_mm256_cvtps_pd(_mm256_castps256_ps128(x.v))}, {_mm256_cvtps_pd(_mm256_extractf128_ps(x.v, 1))}}};
#elif defined(NABLA_ISA_NEON)
  return {{{vcvt_f64_f32(vget_low_f32(x.v))}, {vcvt_high_f64_f32(x.v)}}};
#else
  return {{{static_cast<double>(x.v)}}};
#endif
}
NABLA_INLINE Vec<float> to_floats(const Doubles& x) {
#if defined(NABLA_ISA_AVX512)
  const __m512 low = _mm512_castps256_ps512(_mm512_cvtpd_ps(x.part[0].v));
  return {_mm512_insertf32x8(low, _mm512_cvtpd_ps(x.part[1].v), 1)};
#elif defined(NABLA_ISA_AVX2)
  const __m256 low = _mm256_castps128_ps256(_mm256_cvtpd_ps(x.part[0].v));
  return {_mm256_insertf128_ps(low, _mm256_cvtpd_ps(x.part[1].v), 1)};
#elif defined(NABLA_ISA_NEON)
  return {vcvt_high_f32_f64(vcvt_f32_f64(x.part[0].v), x.part[1].v)};
#else
  return {static_cast<float>(x.part[0].v)};
#endif
}

// The integer nearest to x, |x| < 2^51: adding 1.5 * 2^52 rounds away the fraction.
NABLA_INLINE Vec<double> nearest_integer(Vec<double> x) {
  const Vec<double> magic = Vec<double>::set(0x1.8p52);
  return (x + magic) - magic;
}

// Up to here the reduction below is exact but for the rounding of its result.
constexpr float kLargestReduced = 0x1p20f;

// sin(x + shift * pi/2) for |x| <= kLargestReduced.
NABLA_INLINE Vec<float> reduced_sine(Vec<float> x, double shift) {
  // x = n * pi/2 + rest with |rest| <= pi/4 (Cody and Waite). In double two parts of pi/2 are enough: the first has 33
  // bits, so that n times it is exact and the difference is too, and both have 86. The float nearest to a multiple of
  // pi/2 is some 2^-28 away from it.
  Doubles rests = to_doubles(x), quarters = rests;
  for (int i = 0; i < Doubles::parts; ++i) {
    const Vec<double> n = nearest_integer(rests.part[i] * Vec<double>::set(0x1.45f306dc9c883p-1));
    const Vec<double> first = rests.part[i] - n * Vec<double>::set(0x1.921fb544p0);
    rests.part[i] = first - n * Vec<double>::set(0x1.0b4611a626331p-34);
    // n + shift modulo 4, between -2 and 2.
    const Vec<double> turned = n + Vec<double>::set(shift);
    quarters.part[i] = turned - nearest_integer(turned * Vec<double>::set(0.25)) * Vec<double>::set(4);
  }
  const Vec<float> r = to_floats(rests), quarter = to_floats(quarters);
  const Vec<float> u = r * r;
  // Minimax polynomials for (sin(r) - r) / r^3 and (cos(r) - 1 + r^2/2) / r^4.
  Vec<float> s = Vec<float>::set(-0x1.994388p-13f);
  s = fma(s, u, Vec<float>::set(0x1.11073ap-7f));
  s = fma(s, u, Vec<float>::set(-0x1.555546p-3f));
  const Vec<float> sine = fma(u * r, s, r);
  Vec<float> c = Vec<float>::set(0x1.99eb4ap-16f);
  c = fma(c, u, Vec<float>::set(-0x1.6c0c32p-10f));
  c = fma(c, u, Vec<float>::set(0x1.55554ap-5f));
  const Vec<float> cosine = fma(u * u, c, fma(u, Vec<float>::set(-0.5f), Vec<float>::set(1)));
  const Vec<float> one = Vec<float>::set(1);
  const Vec<float> y = select(abs(quarter) == one, cosine, sine);
  return select((quarter < Vec<float>::zero()) | (quarter > one), -y, y);
}

// `y`, but f(lane) where x is too large for the reduction above. Rare, so lane by lane in double.
template <typename F>
NABLA_INLINE Vec<float> with_large(Vec<float> x, Vec<float> y, F&& f) {
  if (!any(abs(x) > Vec<float>::set(kLargestReduced))) return y;
  float in[Vec<float>::width], out[Vec<float>::width];
  x.store(in);
  y.store(out);
  for (int i = 0; i < Vec<float>::width; ++i) {
    if (in[i] > kLargestReduced || in[i] < -kLargestReduced) out[i] = static_cast<float>(f(static_cast<double>(in[i])));
  }
  return Vec<float>::load(out);
}

NABLA_INLINE Vec<float> sin(Vec<float> x) {
  const Vec<float> y = select(x == Vec<float>::zero(), x, reduced_sine(x, 0));
  return with_large(x, y, [](double lane) { return std::sin(lane); });
}
NABLA_INLINE Vec<float> cos(Vec<float> x) {
  return with_large(x, reduced_sine(x, 1), [](double lane) { return std::cos(lane); });
}
NABLA_INLINE Vec<double> sin(Vec<double> x) {
  return lane_by_lane(x, [](double lane) { return std::sin(lane); });
}
NABLA_INLINE Vec<double> cos(Vec<double> x) {
  return lane_by_lane(x, [](double lane) { return std::cos(lane); });
}

}  // namespace nabla::NABLA_ISA
