// The maximum of each window of a row, and its place in the window, which the gradient needs. A place counts the
// window's pixels that lie in the image, row by row. Padding never wins, NaN does, and of equals the first.
#pragma once
#include <cmath>
#include <cstring>
#include <type_traits>

#include "core/parallel.h"
#include "cpu/kernels/pool.h"

namespace nabla::NABLA_ISA {

// Places as lanes that go with those of Vec<T>: integers of T's size, in a register of T's.
template <typename T>
using PlaceBits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;

template <typename T>
NABLA_INLINE Vec<T> place(int64_t n) {
  const auto bits = static_cast<PlaceBits<T>>(n);
  T lane;
  std::memcpy(&lane, &bits, sizeof(T));
  return Vec<T>::set(lane);
}

template <typename T, typename Place>
NABLA_INLINE void store_places(Vec<T> places, Place* to, int64_t n) {
#if defined(NABLA_ISA_AVX512)
  const auto first = static_cast<__mmask16>((1u << n) - 1);
  if constexpr (sizeof(T) == 4) {
    const __m512i bits = _mm512_castps_si512(places.v);
    if constexpr (sizeof(Place) == 1) return _mm512_mask_cvtepi32_storeu_epi8(to, first, bits);
    return _mm512_mask_storeu_epi32(to, first, bits);
  } else {
    const __m512i bits = _mm512_castpd_si512(places.v);
    if constexpr (sizeof(Place) == 1) return _mm512_mask_cvtepi64_storeu_epi8(to, static_cast<__mmask8>(first), bits);
    return _mm512_mask_cvtepi64_storeu_epi32(to, static_cast<__mmask8>(first), bits);
  }
#else
  PlaceBits<T> lane[Vec<T>::width];
  std::memcpy(lane, &places.v, sizeof(lane));
  Place narrow[Vec<T>::width];
  for (int i = 0; i < Vec<T>::width; ++i) narrow[i] = static_cast<Place>(lane[i]);
  if (n == Vec<T>::width) {
    std::memcpy(to, narrow, sizeof(narrow));
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = narrow[i];
  }
#endif
}

template <typename T, typename Place>
NABLA_INLINE Vec<T> load_places(const Place* from, int64_t n) {
  Vec<T> places;
#if defined(NABLA_ISA_AVX512)
  const auto first = static_cast<__mmask16>((1u << n) - 1);
  if constexpr (sizeof(T) == 4) {
    __m512i bits;
    if constexpr (sizeof(Place) == 1)
      bits = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(first, from));
    else
      bits = _mm512_maskz_loadu_epi32(first, from);
    places.v = _mm512_castsi512_ps(bits);
  } else {
    __m512i bits;
    if constexpr (sizeof(Place) == 1)
      bits = _mm512_cvtepu8_epi64(_mm_maskz_loadu_epi8(first, from));
    else
      bits = _mm512_cvtepu32_epi64(_mm256_maskz_loadu_epi32(static_cast<__mmask8>(first), from));
    places.v = _mm512_castsi512_pd(bits);
  }
#else
  Place narrow[Vec<T>::width] = {};
  if (n == Vec<T>::width) {
    std::memcpy(narrow, from, sizeof(narrow));
  } else {
    for (int64_t i = 0; i < n; ++i) narrow[i] = from[i];
  }
  PlaceBits<T> lane[Vec<T>::width];
  for (int i = 0; i < Vec<T>::width; ++i) lane[i] = static_cast<PlaceBits<T>>(narrow[i]);
  std::memcpy(&places.v, lane, sizeof(lane));
#endif
  return places;
}

template <typename T>
NABLA_INLINE Mask<T> same_place(Vec<T> a, Vec<T> b) {
#if defined(NABLA_ISA_AVX512)
  if constexpr (sizeof(T) == 4)
    return {_mm512_cmpeq_epi32_mask(_mm512_castps_si512(a.v), _mm512_castps_si512(b.v))};
  else
    return {_mm512_cmpeq_epi64_mask(_mm512_castpd_si512(a.v), _mm512_castpd_si512(b.v))};
#elif defined(NABLA_ISA_AVX2)
  if constexpr (sizeof(T) == 4) {
    return {_mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_castps_si256(a.v), _mm256_castps_si256(b.v)))};
  } else {
    return {_mm256_castsi256_pd(_mm256_cmpeq_epi64(_mm256_castpd_si256(a.v), _mm256_castpd_si256(b.v)))};
  }
#elif defined(NABLA_ISA_NEON)
  if constexpr (sizeof(T) == 4) {
    return {vceqq_u32(vreinterpretq_u32_f32(a.v), vreinterpretq_u32_f32(b.v))};
  } else {
    return {vceqq_u64(vreinterpretq_u64_f64(a.v), vreinterpretq_u64_f64(b.v))};
  }
#else
  return {std::memcmp(&a.v, &b.v, sizeof(T)) == 0};
#endif
}

// What a window's pixels are: `body(place, offset)` for each, in order, of window (rows, cols).
template <bool kTwoByTwo, typename F>
NABLA_INLINE void each_tap(const PoolShape& p, const TapRange& rows, const TapRange& cols, F&& body) {
  if constexpr (kTwoByTwo) {
    const int64_t at = p.tap(rows, cols, 0, 0), row = p.row();
    body(0, at);
    body(1, at + p.channels);
    body(2, at + row);
    body(3, at + row + p.channels);
  } else {
    int64_t place = 0;
    for (int64_t i = rows.begin; i < rows.end; ++i) {
      for (int64_t j = cols.begin; j < cols.end; ++j) body(place++, p.tap(rows, cols, i, j));
    }
  }
}

template <typename T>
NABLA_INLINE Vec<T> nan_or_max(Vec<T> a, Vec<T> b) {
  // max gives b where b is NaN.
  return select(a != a, a, max(a, b));
}

// One row of windows of the image x. `places` may be null.
template <bool kTwoByTwo, typename T, typename Place>
void max_pool_row(const PoolShape& p, const T* x, int64_t oy, T* y, Place* places) {
  const TapRange rows = p.rows(oy);
  for (int64_t ox = 0; ox < p.out_w; ++ox, y += p.channels) {
    const TapRange cols = kTwoByTwo ? TapRange{2 * ox, 0, 2} : p.cols(ox);
    by_vectors<T>(
        p.channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
          Vec<T> best = Vec<T>::set(-static_cast<T>(INFINITY));
          if (places == nullptr) {
            each_tap<kTwoByTwo>(
                p, rows, cols, [&](int64_t, int64_t at) __attribute__((always_inline)) {
                  best = nan_or_max(best, load(x + at + c, n));
                });
          } else {
            Vec<T> won = place<T>(0);
            each_tap<kTwoByTwo>(
                p, rows, cols, [&](int64_t k, int64_t at) __attribute__((always_inline)) {
                  const Vec<T> value = load(x + at + c, n);
                  // Not <=, so that NaN wins, but nothing wins over NaN.
                  won = select((!(value <= best)) & (best == best), place<T>(k), won);
                  best = nan_or_max(best, value);
                });
            store_places(won, places + c, n);
          }
          store(best, y + c, n);
        });
    if (places != nullptr) places += p.channels;
  }
}

// x [images, h, w, C] -> y, and places unless null.
template <typename T, typename Place>
void max_pool(ThreadPool& pool, const PoolShape& p, const T* x, T* y, Place* places) {
  const bool two_by_two = p.two_by_two();
  parallel_ranges(pool, p.images * p.out_h, rows_per_task(p.out_row()), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const T* image = x + r / p.out_h * p.h * p.row();
      Place* row_places = places == nullptr ? nullptr : places + r * p.out_row();
      if (two_by_two)
        max_pool_row<true>(p, image, r % p.out_h, y + r * p.out_row(), row_places);
      else
        max_pool_row<false>(p, image, r % p.out_h, y + r * p.out_row(), row_places);
    }
  });
}

// Places of windows of up to 256 pixels are uint8, of larger ones int32.
NABLA_INLINE void check_places(const ConvGeometry& g, const TensorView& x, const TensorView& y,
                               const TensorView& places) {
  const bool small = places.dtype == DType::uint8;
  NABLA_CHECK(small || places.dtype == DType::int32, "places are uint8 or int32");
  NABLA_CHECK(small ? g.kernel_h * g.kernel_w <= 256 : x.shape[1] * x.shape[2] <= INT32_MAX,
              "the places do not fit their dtype");
  NABLA_CHECK(places.rank == 4 && places.contiguous(), "places need the layout of the maxima");
  for (int i = 0; i < 4; ++i) NABLA_CHECK(places.shape[i] == y.shape[i], "places need the shape of the maxima");
}

// body(T{}, Place{}) for the dtypes of the elements and the places.
template <typename F>
NABLA_INLINE void by_dtypes(DType elements, DType places, F&& body) {
  const bool small = places == DType::uint8;
  if (elements == DType::float32) {
    small ? body(float{}, uint8_t{}) : body(float{}, int32_t{});
  } else {
    small ? body(double{}, uint8_t{}) : body(double{}, int32_t{});
  }
}

}  // namespace nabla::NABLA_ISA
