// Operands as the products compute with them, from the elements that they are stored in: 16-bit numbers become floats.
#pragma once
#include <type_traits>

#include "cpu/gemm/tile.h"
#include "cpu/kernels/half.h"

namespace nabla::NABLA_ISA {

NABLA_INLINE float widen(float x) { return x; }
NABLA_INLINE double widen(double x) { return x; }

template <typename S>
using Wide = decltype(widen(S{}));

// The next TileVec::width elements.
template <typename S>
NABLA_INLINE TileVec<Wide<S>> load_wide(const S* p) {
  using V = TileVec<Wide<S>>;
  if constexpr (!kIsHalf<S>) {
    return V::load(p);
#if defined(NABLA_ISA_AVX512)
  } else if constexpr (std::is_same<S, BFloat16>::value) {
    const __m512i bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(bits, 16))};
  } else if constexpr (std::is_same<S, Float16>::value) {
    return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
#elif defined(NABLA_ISA_AVX2)
  } else if constexpr (std::is_same<S, BFloat16>::value) {
    const __m256i bits = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(bits, 16))};
#elif defined(NABLA_ISA_NEON)
  } else if constexpr (std::is_same<S, BFloat16>::value) {
    return {vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(&p->bits), 16))};
  } else if constexpr (std::is_same<S, Float16>::value) {
    return {vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(&p->bits)))};
#endif
  } else {
    float wide[V::width];
    for (int i = 0; i < V::width; ++i) wide[i] = widen(p[i]);
    return V::load(wide);
  }
}

// The first n of them, the others 0; nothing beyond is read.
template <typename S>
NABLA_INLINE TileVec<Wide<S>> load_wide_part(const S* p, int64_t n) {
  using V = TileVec<Wide<S>>;
  if constexpr (kIsHalf<S>) {
    S part[V::width] = {};
    for (int64_t i = 0; i < n; ++i) part[i] = p[i];
    return load_wide(part);
  } else {
    return V::load_part(p, n);
  }
}

// dst[0..n) = src[0..n)
template <typename S>
NABLA_INLINE void copy_row(const S* src, Wide<S>* dst, int64_t n) {
  using V = TileVec<Wide<S>>;
  int64_t i = 0;
  for (; i + V::width <= n; i += V::width) load_wide(src + i).store(dst + i);
  if (i < n) load_wide_part(src + i, n - i).store_part(dst + i, n - i);
}

}  // namespace nabla::NABLA_ISA
