// Vec and Mask (vec.h) on the 128-bit registers of AArch64, where every CPU has them and their FMA.
#pragma once
#include <arm_neon.h>

#include <cstdint>

namespace nabla::NABLA_ISA {

template <>
struct Vec<float> {
  static constexpr int width = 4;
  float32x4_t v;
  NABLA_INLINE static Vec load(const float* p) { return {vld1q_f32(p)}; }
  // There are no masked loads and stores: a pair of lanes and a single one make up what is there.
  NABLA_INLINE static Vec load_part(const float* p, int64_t n) {
    if (n >= width) return load(p);
    float32x4_t v = vdupq_n_f32(0);
    if (n == 1) return {vld1q_lane_f32(p, v, 0)};
    if (n >= 2) v = vcombine_f32(vld1_f32(p), vdup_n_f32(0));
    return {n == 3 ? vld1q_lane_f32(p + 2, v, 2) : v};
  }
  NABLA_INLINE static Vec set(float x) { return {vdupq_n_f32(x)}; }
  NABLA_INLINE static Vec zero() { return {vdupq_n_f32(0)}; }
  NABLA_INLINE void store(float* p) const { vst1q_f32(p, v); }
  NABLA_INLINE void store_part(float* p, int64_t n) const {
    if (n >= width) return store(p);
    if (n == 1) return vst1q_lane_f32(p, v, 0);
    if (n >= 2) vst1_f32(p, vget_low_f32(v));
    if (n == 3) vst1q_lane_f32(p + 2, v, 2);
  }
  NABLA_INLINE friend Vec operator+(Vec a, Vec b) { return {vaddq_f32(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator-(Vec a, Vec b) { return {vsubq_f32(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator*(Vec a, Vec b) { return {vmulq_f32(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator/(Vec a, Vec b) { return {vdivq_f32(a.v, b.v)}; }
};
NABLA_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return {vfmaq_f32(c.v, a.v, b.v)}; }

template <>
struct Mask<float> {
  uint32x4_t m;
  NABLA_INLINE friend Mask operator&(Mask a, Mask b) { return {vandq_u32(a.m, b.m)}; }
  NABLA_INLINE friend Mask operator|(Mask a, Mask b) { return {vorrq_u32(a.m, b.m)}; }
  NABLA_INLINE friend Mask operator!(Mask a) { return {vmvnq_u32(a.m)}; }
};
NABLA_INLINE Mask<float> operator<(Vec<float> a, Vec<float> b) { return {vcltq_f32(a.v, b.v)}; }
NABLA_INLINE Mask<float> operator<=(Vec<float> a, Vec<float> b) { return {vcleq_f32(a.v, b.v)}; }
NABLA_INLINE Mask<float> operator>(Vec<float> a, Vec<float> b) { return {vcgtq_f32(a.v, b.v)}; }
NABLA_INLINE Mask<float> operator>=(Vec<float> a, Vec<float> b) { return {vcgeq_f32(a.v, b.v)}; }
NABLA_INLINE Mask<float> operator==(Vec<float> a, Vec<float> b) { return {vceqq_f32(a.v, b.v)}; }
NABLA_INLINE Mask<float> operator!=(Vec<float> a, Vec<float> b) { return !(a == b); }
NABLA_INLINE Vec<float> select(Mask<float> m, Vec<float> a, Vec<float> b) { return {vbslq_f32(m.m, a.v, b.v)}; }
// The instructions FMAX and FMIN give NaN where either operand is one.
NABLA_INLINE Vec<float> max(Vec<float> a, Vec<float> b) { return select(a > b, a, b); }
NABLA_INLINE Vec<float> min(Vec<float> a, Vec<float> b) { return select(a < b, a, b); }
NABLA_INLINE Vec<float> sqrt(Vec<float> a) { return {vsqrtq_f32(a.v)}; }
NABLA_INLINE Vec<float> abs(Vec<float> a) { return {vabsq_f32(a.v)}; }
NABLA_INLINE Vec<float> floor(Vec<float> a) { return {vrndmq_f32(a.v)}; }
NABLA_INLINE Vec<float> ceil(Vec<float> a) { return {vrndpq_f32(a.v)}; }
NABLA_INLINE Vec<float> round(Vec<float> a) { return {vrndnq_f32(a.v)}; }
NABLA_INLINE Vec<float> operator-(Vec<float> a) { return {vnegq_f32(a.v)}; }
NABLA_INLINE Vec<float> copysign(Vec<float> magnitude, Vec<float> sign) {
  return {vbslq_f32(vdupq_n_u32(uint32_t{1} << 31), sign.v, magnitude.v)};
}

template <>
struct Vec<double> {
  static constexpr int width = 2;
  float64x2_t v;
  NABLA_INLINE static Vec load(const double* p) { return {vld1q_f64(p)}; }
  NABLA_INLINE static Vec load_part(const double* p, int64_t n) {
    if (n >= width) return load(p);
    return {n == 1 ? vld1q_lane_f64(p, vdupq_n_f64(0), 0) : vdupq_n_f64(0)};
  }
  NABLA_INLINE static Vec set(double x) { return {vdupq_n_f64(x)}; }
  NABLA_INLINE static Vec zero() { return {vdupq_n_f64(0)}; }
  NABLA_INLINE void store(double* p) const { vst1q_f64(p, v); }
  NABLA_INLINE void store_part(double* p, int64_t n) const {
    if (n >= width) return store(p);
    if (n == 1) vst1q_lane_f64(p, v, 0);
  }
  NABLA_INLINE friend Vec operator+(Vec a, Vec b) { return {vaddq_f64(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator-(Vec a, Vec b) { return {vsubq_f64(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator*(Vec a, Vec b) { return {vmulq_f64(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator/(Vec a, Vec b) { return {vdivq_f64(a.v, b.v)}; }
};
NABLA_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) { return {vfmaq_f64(c.v, a.v, b.v)}; }

template <>
struct Mask<double> {
  uint64x2_t m;
  NABLA_INLINE friend Mask operator&(Mask a, Mask b) { return {vandq_u64(a.m, b.m)}; }
  NABLA_INLINE friend Mask operator|(Mask a, Mask b) { return {vorrq_u64(a.m, b.m)}; }
  NABLA_INLINE friend Mask operator!(Mask a) { return {~a.m}; }
};
NABLA_INLINE Mask<double> operator<(Vec<double> a, Vec<double> b) { return {vcltq_f64(a.v, b.v)}; }
NABLA_INLINE Mask<double> operator<=(Vec<double> a, Vec<double> b) { return {vcleq_f64(a.v, b.v)}; }
NABLA_INLINE Mask<double> operator>(Vec<double> a, Vec<double> b) { return {vcgtq_f64(a.v, b.v)}; }
NABLA_INLINE Mask<double> operator>=(Vec<double> a, Vec<double> b) { return {vcgeq_f64(a.v, b.v)}; }
NABLA_INLINE Mask<double> operator==(Vec<double> a, Vec<double> b) { return {vceqq_f64(a.v, b.v)}; }
NABLA_INLINE Mask<double> operator!=(Vec<double> a, Vec<double> b) { return !(a == b); }
NABLA_INLINE Vec<double> select(Mask<double> m, Vec<double> a, Vec<double> b) { return {vbslq_f64(m.m, a.v, b.v)}; }
NABLA_INLINE Vec<double> max(Vec<double> a, Vec<double> b) { return select(a > b, a, b); }
NABLA_INLINE Vec<double> min(Vec<double> a, Vec<double> b) { return select(a < b, a, b); }
NABLA_INLINE Vec<double> sqrt(Vec<double> a) { return {vsqrtq_f64(a.v)}; }
NABLA_INLINE Vec<double> abs(Vec<double> a) { return {vabsq_f64(a.v)}; }
NABLA_INLINE Vec<double> floor(Vec<double> a) { return {vrndmq_f64(a.v)}; }
NABLA_INLINE Vec<double> ceil(Vec<double> a) { return {vrndpq_f64(a.v)}; }
NABLA_INLINE Vec<double> round(Vec<double> a) { return {vrndnq_f64(a.v)}; }
NABLA_INLINE Vec<double> operator-(Vec<double> a) { return {vnegq_f64(a.v)}; }
NABLA_INLINE Vec<double> copysign(Vec<double> magnitude, Vec<double> sign) {
  return {vbslq_f64(vdupq_n_u64(uint64_t{1} << 63), sign.v, magnitude.v)};
}

}  // namespace nabla::NABLA_ISA
