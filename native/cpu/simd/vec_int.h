// Vec<int32_t>: as many lanes as Vec<float>, for work on exponents and bit patterns.
#pragma once
#include <cstring>

#include "cpu/simd/vec.h"

namespace nabla::NABLA_ISA {

#if defined(NABLA_ISA_AVX512)

template <>
struct Vec<int32_t> {
  static constexpr int width = 16;
  __m512i v;
  NABLA_INLINE static Vec set(int32_t x) { return {_mm512_set1_epi32(x)}; }
  NABLA_INLINE friend Vec operator+(Vec a, Vec b) { return {_mm512_add_epi32(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator-(Vec a, Vec b) { return {_mm512_sub_epi32(a.v, b.v)}; }
  // The sign is kept by >>.
  NABLA_INLINE friend Vec operator<<(Vec a, int n) { return {_mm512_slli_epi32(a.v, static_cast<unsigned>(n))}; }
  NABLA_INLINE friend Vec operator>>(Vec a, int n) { return {_mm512_srai_epi32(a.v, static_cast<unsigned>(n))}; }
};
NABLA_INLINE Vec<int32_t> bits_of(Vec<float> a) { return {_mm512_castps_si512(a.v)}; }
NABLA_INLINE Vec<float> float_of_bits(Vec<int32_t> a) { return {_mm512_castsi512_ps(a.v)}; }
NABLA_INLINE Vec<float> to_float(Vec<int32_t> a) { return {_mm512_cvtepi32_ps(a.v)}; }

#elif defined(NABLA_ISA_AVX2)

template <>
struct Vec<int32_t> {
  static constexpr int width = 8;
  __m256i v;
  NABLA_INLINE static Vec set(int32_t x) { return {_mm256_set1_epi32(x)}; }
  NABLA_INLINE friend Vec operator+(Vec a, Vec b) { return {_mm256_add_epi32(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator-(Vec a, Vec b) { return {_mm256_sub_epi32(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator<<(Vec a, int n) { return {_mm256_slli_epi32(a.v, n)}; }
  NABLA_INLINE friend Vec operator>>(Vec a, int n) { return {_mm256_srai_epi32(a.v, n)}; }
};
NABLA_INLINE Vec<int32_t> bits_of(Vec<float> a) { return {_mm256_castps_si256(a.v)}; }
NABLA_INLINE Vec<float> float_of_bits(Vec<int32_t> a) { return {_mm256_castsi256_ps(a.v)}; }
NABLA_INLINE Vec<float> to_float(Vec<int32_t> a) { return {_mm256_cvtepi32_ps(a.v)}; }

#elif defined(NABLA_ISA_NEON)

template <>
struct Vec<int32_t> {
  static constexpr int width = 4;
  int32x4_t v;
  NABLA_INLINE static Vec set(int32_t x) { return {vdupq_n_s32(x)}; }
  NABLA_INLINE friend Vec operator+(Vec a, Vec b) { return {vaddq_s32(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator-(Vec a, Vec b) { return {vsubq_s32(a.v, b.v)}; }
  NABLA_INLINE friend Vec operator<<(Vec a, int n) { return {vshlq_s32(a.v, vdupq_n_s32(n))}; }
  // To the right by shifting a negative number of bits to the left.
  NABLA_INLINE friend Vec operator>>(Vec a, int n) { return {vshlq_s32(a.v, vdupq_n_s32(-n))}; }
};
NABLA_INLINE Vec<int32_t> bits_of(Vec<float> a) { return {vreinterpretq_s32_f32(a.v)}; }
NABLA_INLINE Vec<float> float_of_bits(Vec<int32_t> a) { return {vreinterpretq_f32_s32(a.v)}; }
NABLA_INLINE Vec<float> to_float(Vec<int32_t> a) { return {vcvtq_f32_s32(a.v)}; }

#else

template <>
struct Vec<int32_t> {
  static constexpr int width = 1;
  int32_t v;
  NABLA_INLINE static Vec set(int32_t x) { return {x}; }
  // Unsigned, so that overflow wraps as it does in a register.
  NABLA_INLINE friend Vec operator+(Vec a, Vec b) { return of(bits(a) + bits(b)); }
  NABLA_INLINE friend Vec operator-(Vec a, Vec b) { return of(bits(a) - bits(b)); }
  NABLA_INLINE friend Vec operator<<(Vec a, int n) { return of(bits(a) << n); }
  NABLA_INLINE friend Vec operator>>(Vec a, int n) { return {a.v >> n}; }

 private:
  NABLA_INLINE static uint32_t bits(Vec a) { return static_cast<uint32_t>(a.v); }
  NABLA_INLINE static Vec of(uint32_t x) { return {static_cast<int32_t>(x)}; }
};
NABLA_INLINE Vec<int32_t> bits_of(Vec<float> a) {
  Vec<int32_t> r;
  std::memcpy(&r.v, &a.v, sizeof r.v);
  return r;
}
NABLA_INLINE Vec<float> float_of_bits(Vec<int32_t> a) {
  Vec<float> r;
  std::memcpy(&r.v, &a.v, sizeof r.v);
  return r;
}
NABLA_INLINE Vec<float> to_float(Vec<int32_t> a) { return {static_cast<float>(a.v)}; }

#endif

}  // namespace nabla::NABLA_ISA
