// Vec and Mask (vec.h) on the 256-bit registers of AVX2, with FMA.
#pragma once
#include <immintrin.h>

#include <cstdint>

namespace nabla::NABLA_ISA {

// Lane i of the mask is on when i < n.
NABLA_INLINE __m256i first_lanes_32(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
NABLA_INLINE __m256i first_lanes_64(int64_t n) {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}

template <>
struct Vec<float> {
  static constexpr int width = 8;
  __m256 v;
  NABLA_INLINE static Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
  NABLA_INLINE static Vec load_part(const float* p, int64_t n) { return {_mm256_maskload_ps(p, first_lanes_32(n))}; }
  NABLA_INLINE static Vec set(float x) { return {_mm256_set1_ps(x)}; }
  NABLA_INLINE static Vec zero() { return {_mm256_setzero_ps()}; }
  NABLA_INLINE void store(float* p) const { _mm256_storeu_ps(p, v); }
  NABLA_INLINE void store_part(float* p, int64_t n) const { _mm256_maskstore_ps(p, first_lanes_32(n), v); }
  NABLA_INLINE friend Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
};
NABLA_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }

template <>
struct Mask<float> {
  __m256 m;
  NABLA_INLINE friend Mask operator&(Mask a, Mask b) { return {_mm256_and_ps(a.m, b.m)}; }
  NABLA_INLINE friend Mask operator|(Mask a, Mask b) { return {_mm256_or_ps(a.m, b.m)}; }
  NABLA_INLINE friend Mask operator!(Mask a) {
    return {_mm256_xor_ps(a.m, _mm256_castsi256_ps(_mm256_set1_epi32(-1)))};
  }
};
NABLA_INLINE Mask<float> operator<(Vec<float> a, Vec<float> b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)}; }
NABLA_INLINE Mask<float> operator<=(Vec<float> a, Vec<float> b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)}; }
NABLA_INLINE Mask<float> operator>(Vec<float> a, Vec<float> b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ)}; }
NABLA_INLINE Mask<float> operator>=(Vec<float> a, Vec<float> b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_GE_OQ)}; }
NABLA_INLINE Mask<float> operator==(Vec<float> a, Vec<float> b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)}; }
NABLA_INLINE Mask<float> operator!=(Vec<float> a, Vec<float> b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_NEQ_UQ)}; }
NABLA_INLINE Vec<float> select(Mask<float> m, Vec<float> a, Vec<float> b) { return {_mm256_blendv_ps(b.v, a.v, m.m)}; }
NABLA_INLINE Vec<float> max(Vec<float> a, Vec<float> b) { return {_mm256_max_ps(a.v, b.v)}; }
NABLA_INLINE Vec<float> min(Vec<float> a, Vec<float> b) { return {_mm256_min_ps(a.v, b.v)}; }
NABLA_INLINE Vec<float> sqrt(Vec<float> a) { return {_mm256_sqrt_ps(a.v)}; }
NABLA_INLINE Vec<float> abs(Vec<float> a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }
NABLA_INLINE Vec<float> floor(Vec<float> a) {
  return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)};
}
NABLA_INLINE Vec<float> ceil(Vec<float> a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC)}; }
NABLA_INLINE Vec<float> round(Vec<float> a) {
  return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
NABLA_INLINE Vec<float> operator-(Vec<float> a) { return {-a.v}; }
NABLA_INLINE Vec<float> copysign(Vec<float> magnitude, Vec<float> sign) {
  const auto sign_bit = _mm256_set1_ps(-0.0f);
  return {_mm256_or_ps(_mm256_andnot_ps(sign_bit, magnitude.v), _mm256_and_ps(sign_bit, sign.v))};
}

template <>
struct Vec<double> {
  static constexpr int width = 4;
  __m256d v;
  NABLA_INLINE static Vec load(const double* p) { return {_mm256_loadu_pd(p)}; }
  NABLA_INLINE static Vec load_part(const double* p, int64_t n) { return {_mm256_maskload_pd(p, first_lanes_64(n))}; }
  NABLA_INLINE static Vec set(double x) { return {_mm256_set1_pd(x)}; }
  NABLA_INLINE static Vec zero() { return {_mm256_setzero_pd()}; }
  NABLA_INLINE void store(double* p) const { _mm256_storeu_pd(p, v); }
  NABLA_INLINE void store_part(double* p, int64_t n) const { _mm256_maskstore_pd(p, first_lanes_64(n), v); }
  NABLA_INLINE friend Vec operator+(Vec a, Vec b) { return {_mm256_add_pd(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator-(Vec a, Vec b) { return {_mm256_sub_pd(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator*(Vec a, Vec b) { return {_mm256_mul_pd(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator/(Vec a, Vec b) { return {_mm256_div_pd(a.v, b.v)}; }
};
NABLA_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }

template <>
struct Mask<double> {
  __m256d m;
  NABLA_INLINE friend Mask operator&(Mask a, Mask b) { return {_mm256_and_pd(a.m, b.m)}; }
  NABLA_INLINE friend Mask operator|(Mask a, Mask b) { return {_mm256_or_pd(a.m, b.m)}; }
  NABLA_INLINE friend Mask operator!(Mask a) {
    return {_mm256_xor_pd(a.m, _mm256_castsi256_pd(_mm256_set1_epi32(-1)))};
  }
};
NABLA_INLINE Mask<double> operator<(Vec<double> a, Vec<double> b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_LT_OQ)}; }
NABLA_INLINE Mask<double> operator<=(Vec<double> a, Vec<double> b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_LE_OQ)}; }
NABLA_INLINE Mask<double> operator>(Vec<double> a, Vec<double> b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_GT_OQ)}; }
NABLA_INLINE Mask<double> operator>=(Vec<double> a, Vec<double> b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_GE_OQ)}; }
NABLA_INLINE Mask<double> operator==(Vec<double> a, Vec<double> b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_EQ_OQ)}; }
NABLA_INLINE Mask<double> operator!=(Vec<double> a, Vec<double> b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_NEQ_UQ)}; }
NABLA_INLINE Vec<double> select(Mask<double> m, Vec<double> a, Vec<double> b) {
  return {_mm256_blendv_pd(b.v, a.v, m.m)};
}
NABLA_INLINE Vec<double> max(Vec<double> a, Vec<double> b) { return {_mm256_max_pd(a.v, b.v)}; }
NABLA_INLINE Vec<double> min(Vec<double> a, Vec<double> b) { return {_mm256_min_pd(a.v, b.v)}; }
NABLA_INLINE Vec<double> sqrt(Vec<double> a) { return {_mm256_sqrt_pd(a.v)}; }
NABLA_INLINE Vec<double> abs(Vec<double> a) { return {_mm256_andnot_pd(_mm256_set1_pd(-0.0), a.v)}; }
NABLA_INLINE Vec<double> floor(Vec<double> a) {
  return {_mm256_round_pd(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)};
}
NABLA_INLINE Vec<double> ceil(Vec<double> a) {
  return {_mm256_round_pd(a.v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC)};
}
NABLA_INLINE Vec<double> round(Vec<double> a) {
  return {_mm256_round_pd(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
NABLA_INLINE Vec<double> operator-(Vec<double> a) { return {-a.v}; }
NABLA_INLINE Vec<double> copysign(Vec<double> magnitude, Vec<double> sign) {
  const auto sign_bit = _mm256_set1_pd(-0.0);
  return {_mm256_or_pd(_mm256_andnot_pd(sign_bit, magnitude.v), _mm256_and_pd(sign_bit, sign.v))};
}

}  // namespace nabla::NABLA_ISA
