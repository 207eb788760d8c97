// Folds as many registers as a register has lanes at once, by transposing them while they are combined: a quarter of
// the instructions of folding one after another.
#pragma once
#include "cpu/simd/vec.h"

namespace nabla::NABLA_ISA {

// Lane i of the result is what fold_registers (simd/lanes.h) makes of v[i], by the same tree.
#if defined(NABLA_ISA_AVX512)
template <typename Combine>
NABLA_INLINE Vec<float> fold_together(const Vec<float> (&v)[16], Combine&& combine) {
  using V = Vec<float>;
  V eighths[8], quarters[4], halves[2];
  for (int i = 0; i < 8; ++i) {
    const __m512 a = v[i].v, b = v[i + 8].v;
    eighths[i] = combine(V{_mm512_shuffle_f32x4(a, b, 0x44)}, V{_mm512_shuffle_f32x4(a, b, 0xEE)});
  }
  for (int i = 0; i < 4; ++i) {
    const __m512 a = eighths[i].v, b = eighths[i + 4].v;
    quarters[i] = combine(V{_mm512_shuffle_f32x4(a, b, 0x88)}, V{_mm512_shuffle_f32x4(a, b, 0xDD)});
  }
  for (int i = 0; i < 2; ++i) {
    const __m512 a = quarters[i].v, b = quarters[i + 2].v;
    halves[i] = combine(V{_mm512_unpacklo_ps(a, b)}, V{_mm512_unpackhi_ps(a, b)});
  }
  const __m512 a = halves[0].v, b = halves[1].v;
  const V all = combine(V{_mm512_unpacklo_ps(a, b)}, V{_mm512_unpackhi_ps(a, b)});
  return {_mm512_shuffle_f32x4(all.v, all.v, 0xD8)};
}
template <typename Combine>
NABLA_INLINE Vec<double> fold_together(const Vec<double> (&v)[8], Combine&& combine) {
  using V = Vec<double>;
  V quarters[4], halves[2];
  for (int i = 0; i < 4; ++i) {
    const __m512d a = v[i].v, b = v[i + 4].v;
    quarters[i] = combine(V{_mm512_shuffle_f64x2(a, b, 0x44)}, V{_mm512_shuffle_f64x2(a, b, 0xEE)});
  }
  for (int i = 0; i < 2; ++i) {
    const __m512d a = quarters[i].v, b = quarters[i + 2].v;
    halves[i] = combine(V{_mm512_shuffle_f64x2(a, b, 0x88)}, V{_mm512_shuffle_f64x2(a, b, 0xDD)});
  }
  const __m512d a = halves[0].v, b = halves[1].v;
  const V all = combine(V{_mm512_unpacklo_pd(a, b)}, V{_mm512_unpackhi_pd(a, b)});
  return {_mm512_shuffle_f64x2(all.v, all.v, 0xD8)};
}
#elif defined(NABLA_ISA_AVX2)
template <typename Combine>
NABLA_INLINE Vec<float> fold_together(const Vec<float> (&v)[8], Combine&& combine) {
  using V = Vec<float>;
  V quarters[4], halves[2];
  for (int i = 0; i < 4; ++i) {
    const __m256 a = v[i].v, b = v[i + 4].v;
    quarters[i] = combine(V{_mm256_permute2f128_ps(a, b, 0x20)}, V{_mm256_permute2f128_ps(a, b, 0x31)});
  }
  for (int i = 0; i < 2; ++i) {
    const __m256 a = quarters[i].v, b = quarters[i + 2].v;
    halves[i] = combine(V{_mm256_unpacklo_ps(a, b)}, V{_mm256_unpackhi_ps(a, b)});
  }
  const __m256 a = halves[0].v, b = halves[1].v;
  return combine(V{_mm256_unpacklo_ps(a, b)}, V{_mm256_unpackhi_ps(a, b)});
}
template <typename Combine>
NABLA_INLINE Vec<double> fold_together(const Vec<double> (&v)[4], Combine&& combine) {
  using V = Vec<double>;
  V halves[2];
  for (int i = 0; i < 2; ++i) {
    const __m256d a = v[i].v, b = v[i + 2].v;
    halves[i] = combine(V{_mm256_permute2f128_pd(a, b, 0x20)}, V{_mm256_permute2f128_pd(a, b, 0x31)});
  }
  const __m256d a = halves[0].v, b = halves[1].v;
  return combine(V{_mm256_unpacklo_pd(a, b)}, V{_mm256_unpackhi_pd(a, b)});
}
#elif defined(NABLA_ISA_NEON)
template <typename Combine>
NABLA_INLINE Vec<float> fold_together(const Vec<float> (&v)[4], Combine&& combine) {
  using V = Vec<float>;
  V halves[2];
  for (int i = 0; i < 2; ++i) {
    const float32x4_t a = v[i].v, b = v[i + 2].v;
    halves[i] = combine(V{vzip1q_f32(a, b)}, V{vzip2q_f32(a, b)});
  }
  const float32x4_t a = halves[0].v, b = halves[1].v;
  return combine(V{vzip1q_f32(a, b)}, V{vzip2q_f32(a, b)});
}
template <typename Combine>
NABLA_INLINE Vec<double> fold_together(const Vec<double> (&v)[2], Combine&& combine) {
  using V = Vec<double>;
  return combine(V{vzip1q_f64(v[0].v, v[1].v)}, V{vzip2q_f64(v[0].v, v[1].v)});
}
#else
template <typename T, typename Combine>
NABLA_INLINE Vec<T> fold_together(const Vec<T> (&v)[1], Combine&&) {
  return v[0];
}
#endif

}  // namespace nabla::NABLA_ISA
