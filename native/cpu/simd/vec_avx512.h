// Vec and Mask (vec.h) on the 512-bit registers of AVX-512.
#pragma once
#include <cstdint>

// g++ 12 takes the "undefined" registers of its own AVX-512 header for uninitialized variables.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop

namespace nabla::NABLA_ISA {

template <>
struct Vec<float> {
  static constexpr int width = 16;
  __m512 v;
  NABLA_INLINE static Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
  NABLA_INLINE static Vec load_part(const float* p, int64_t n) {
    return {_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p)};
  }
  NABLA_INLINE static Vec set(float x) { return {_mm512_set1_ps(x)}; }
  NABLA_INLINE static Vec zero() { return {_mm512_setzero_ps()}; }
  NABLA_INLINE void store(float* p) const { _mm512_storeu_ps(p, v); }
  NABLA_INLINE void store_part(float* p, int64_t n) const {
    _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
  }
  NABLA_INLINE friend Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
};
NABLA_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }

template <>
struct Mask<float> {
  __mmask16 m;
  NABLA_INLINE friend Mask operator&(Mask a, Mask b) { return {static_cast<__mmask16>(a.m & b.m)}; }
  NABLA_INLINE friend Mask operator|(Mask a, Mask b) { return {static_cast<__mmask16>(a.m | b.m)}; }
  NABLA_INLINE friend Mask operator!(Mask a) { return {static_cast<__mmask16>(~a.m)}; }
};
NABLA_INLINE Mask<float> operator<(Vec<float> a, Vec<float> b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
NABLA_INLINE Mask<float> operator<=(Vec<float> a, Vec<float> b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
NABLA_INLINE Mask<float> operator>(Vec<float> a, Vec<float> b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ)}; }
NABLA_INLINE Mask<float> operator>=(Vec<float> a, Vec<float> b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ)}; }
NABLA_INLINE Mask<float> operator==(Vec<float> a, Vec<float> b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
NABLA_INLINE Mask<float> operator!=(Vec<float> a, Vec<float> b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_NEQ_UQ)}; }
NABLA_INLINE Vec<float> select(Mask<float> m, Vec<float> a, Vec<float> b) {
  return {_mm512_mask_blend_ps(m.m, b.v, a.v)};
}
NABLA_INLINE Vec<float> max(Vec<float> a, Vec<float> b) { return {_mm512_max_ps(a.v, b.v)}; }
NABLA_INLINE Vec<float> min(Vec<float> a, Vec<float> b) { return {_mm512_min_ps(a.v, b.v)}; }
NABLA_INLINE Vec<float> sqrt(Vec<float> a) { return {_mm512_sqrt_ps(a.v)}; }
NABLA_INLINE Vec<float> abs(Vec<float> a) { return {_mm512_abs_ps(a.v)}; }
NABLA_INLINE Vec<float> floor(Vec<float> a) {
  return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)};
}
NABLA_INLINE Vec<float> ceil(Vec<float> a) {
  return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC)};
}
NABLA_INLINE Vec<float> round(Vec<float> a) {
  return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
NABLA_INLINE Vec<float> operator-(Vec<float> a) { return {-a.v}; }
NABLA_INLINE Vec<float> copysign(Vec<float> magnitude, Vec<float> sign) {
  const auto sign_bit = _mm512_set1_ps(-0.0f);
  return {_mm512_or_ps(_mm512_andnot_ps(sign_bit, magnitude.v), _mm512_and_ps(sign_bit, sign.v))};
}

template <>
struct Vec<double> {
  static constexpr int width = 8;
  __m512d v;
  NABLA_INLINE static Vec load(const double* p) { return {_mm512_loadu_pd(p)}; }
  NABLA_INLINE static Vec load_part(const double* p, int64_t n) {
    return {_mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1), p)};
  }
  NABLA_INLINE static Vec set(double x) { return {_mm512_set1_pd(x)}; }
  NABLA_INLINE static Vec zero() { return {_mm512_setzero_pd()}; }
  NABLA_INLINE void store(double* p) const { _mm512_storeu_pd(p, v); }
  NABLA_INLINE void store_part(double* p, int64_t n) const {
    _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << n) - 1), v);
  }
  NABLA_INLINE friend Vec operator+(Vec a, Vec b) { return {_mm512_add_pd(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator-(Vec a, Vec b) { return {_mm512_sub_pd(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator*(Vec a, Vec b) { return {_mm512_mul_pd(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator/(Vec a, Vec b) { return {_mm512_div_pd(a.v, b.v)}; }
};
NABLA_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) { return {_mm512_fmadd_pd(a.v, b.v, c.v)}; }

template <>
struct Mask<double> {
  __mmask8 m;
  NABLA_INLINE friend Mask operator&(Mask a, Mask b) { return {static_cast<__mmask8>(a.m & b.m)}; }
  NABLA_INLINE friend Mask operator|(Mask a, Mask b) { return {static_cast<__mmask8>(a.m | b.m)}; }
  NABLA_INLINE friend Mask operator!(Mask a) { return {static_cast<__mmask8>(~a.m)}; }
};
NABLA_INLINE Mask<double> operator<(Vec<double> a, Vec<double> b) { return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_LT_OQ)}; }
NABLA_INLINE Mask<double> operator<=(Vec<double> a, Vec<double> b) {
  return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_LE_OQ)};
}
NABLA_INLINE Mask<double> operator>(Vec<double> a, Vec<double> b) { return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_GT_OQ)}; }
NABLA_INLINE Mask<double> operator>=(Vec<double> a, Vec<double> b) {
  return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_GE_OQ)};
}
NABLA_INLINE Mask<double> operator==(Vec<double> a, Vec<double> b) {
  return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_EQ_OQ)};
}
NABLA_INLINE Mask<double> operator!=(Vec<double> a, Vec<double> b) {
  return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_NEQ_UQ)};
}
NABLA_INLINE Vec<double> select(Mask<double> m, Vec<double> a, Vec<double> b) {
  return {_mm512_mask_blend_pd(m.m, b.v, a.v)};
}
NABLA_INLINE Vec<double> max(Vec<double> a, Vec<double> b) { return {_mm512_max_pd(a.v, b.v)}; }
NABLA_INLINE Vec<double> min(Vec<double> a, Vec<double> b) { return {_mm512_min_pd(a.v, b.v)}; }
NABLA_INLINE Vec<double> sqrt(Vec<double> a) { return {_mm512_sqrt_pd(a.v)}; }
NABLA_INLINE Vec<double> abs(Vec<double> a) { return {_mm512_abs_pd(a.v)}; }
NABLA_INLINE Vec<double> floor(Vec<double> a) {
  return {_mm512_roundscale_pd(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)};
}
NABLA_INLINE Vec<double> ceil(Vec<double> a) {
  return {_mm512_roundscale_pd(a.v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC)};
}
NABLA_INLINE Vec<double> round(Vec<double> a) {
  return {_mm512_roundscale_pd(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
NABLA_INLINE Vec<double> operator-(Vec<double> a) { return {-a.v}; }
NABLA_INLINE Vec<double> copysign(Vec<double> magnitude, Vec<double> sign) {
  const auto sign_bit = _mm512_set1_pd(-0.0);
  return {_mm512_or_pd(_mm512_andnot_pd(sign_bit, magnitude.v), _mm512_and_pd(sign_bit, sign.v))};
}

}  // namespace nabla::NABLA_ISA
