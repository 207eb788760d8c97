// Work across the lanes of a register: partly filled ones, loops with such an end, and folding all lanes to one number.
#pragma once
#include "cpu/simd/vec.h"

namespace nabla::NABLA_ISA {

// The first n lanes from memory, the others `fill`; nothing beyond is touched.
template <typename T>
NABLA_INLINE Vec<T> load_part(const T* p, int64_t n, Vec<T> fill) {
  constexpr T kIndex[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  static_assert(Vec<T>::width <= 16, "every lane needs its index");
  return select(Vec<T>::load(kIndex) < Vec<T>::set(static_cast<T>(n)), Vec<T>::load_part(p, n), fill);
}

// Vec::load, on AVX-512 as two loads: of memory beyond the second-level cache these are quicker.
template <typename T>
NABLA_INLINE Vec<T> load_halves(const T* p) {
#if defined(NABLA_ISA_AVX512)
  if constexpr (sizeof(T) == 4) {
    return {_mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(p)), _mm256_loadu_ps(p + 8), 1)};
  } else {
    return {_mm512_insertf64x4(_mm512_castpd256_pd512(_mm256_loadu_pd(p)), _mm256_loadu_pd(p + 4), 1)};
  }
#else
  return Vec<T>::load(p);
#endif
}

// Whether the mask is on in any lane.
NABLA_INLINE bool any(Mask<float> mask) {
#if defined(NABLA_ISA_AVX512)
  return mask.m != 0;
#elif defined(NABLA_ISA_AVX2)
  return _mm256_movemask_ps(mask.m) != 0;
#elif defined(NABLA_ISA_NEON)
  return vmaxvq_u32(mask.m) != 0;
#else
  return mask.m;
#endif
}

// How a loop body reads and writes lanes: all of them, or the first n at a row's end.
template <typename T>
struct AllLanes {
  NABLA_INLINE Vec<T> load(const T* p) const { return Vec<T>::load(p); }
  NABLA_INLINE Vec<T> load(const T* p, Vec<T>) const { return Vec<T>::load(p); }
  NABLA_INLINE void store(T* p, Vec<T> v) const { v.store(p); }
};
template <typename T>
struct FirstLanes {
  int64_t n;
  NABLA_INLINE Vec<T> load(const T* p) const { return Vec<T>::load_part(p, n); }
  NABLA_INLINE Vec<T> load(const T* p, Vec<T> fill) const { return load_part(p, n, fill); }
  NABLA_INLINE void store(T* p, Vec<T> v) const { v.store_part(p, n); }
};
template <typename T, typename Body>
NABLA_INLINE void for_lanes(int64_t begin, int64_t n, Body&& body) {
  int64_t i = begin;
  for (; i + Vec<T>::width <= n; i += Vec<T>::width) body(i, AllLanes<T>{});
  if (i < n) body(i, FirstLanes<T>{n - i});
}

// Lane i is the given one's lane i + n, for a power of two n below the width; what the lanes from n on are is not said.
#if defined(NABLA_ISA_AVX512)
template <int n>
NABLA_INLINE Vec<float> lanes_down(Vec<float> x) {
  if constexpr (n == 8) return {_mm512_shuffle_f32x4(x.v, x.v, 0xEE)};
  if constexpr (n == 4) return {_mm512_shuffle_f32x4(x.v, x.v, 0x55)};
  if constexpr (n == 2) return {_mm512_permute_ps(x.v, 0xEE)};
  return {_mm512_permute_ps(x.v, 0x55)};
}
template <int n>
NABLA_INLINE Vec<double> lanes_down(Vec<double> x) {
  if constexpr (n == 4) return {_mm512_shuffle_f64x2(x.v, x.v, 0xEE)};
  if constexpr (n == 2) return {_mm512_shuffle_f64x2(x.v, x.v, 0x55)};
  return {_mm512_permute_pd(x.v, 0x55)};
}
#elif defined(NABLA_ISA_AVX2)
template <int n>
NABLA_INLINE Vec<float> lanes_down(Vec<float> x) {
  if constexpr (n == 4) return {_mm256_permute2f128_ps(x.v, x.v, 0x11)};
  if constexpr (n == 2) return {_mm256_permute_ps(x.v, 0xEE)};
  return {_mm256_permute_ps(x.v, 0x55)};
}
template <int n>
NABLA_INLINE Vec<double> lanes_down(Vec<double> x) {
  if constexpr (n == 2) return {_mm256_permute2f128_pd(x.v, x.v, 0x11)};
  return {_mm256_permute_pd(x.v, 0x5)};
}
#elif defined(NABLA_ISA_NEON)
template <int n>
NABLA_INLINE Vec<float> lanes_down(Vec<float> x) {
  return {vextq_f32(x.v, x.v, n)};
}
template <int n>
NABLA_INLINE Vec<double> lanes_down(Vec<double> x) {
  return {vextq_f64(x.v, x.v, n)};
}
#else
template <int n, typename T>
NABLA_INLINE Vec<T> lanes_down(Vec<T> x) {
  return x;
}
#endif

// Combines the lanes as a balanced tree. `combine` takes registers, and of lanes that are not needed too.
template <typename T, typename Combine>
NABLA_INLINE T fold_registers(Vec<T> v, Combine&& combine) {
  constexpr int kWidth = Vec<T>::width;
  if constexpr (kWidth > 8) v = combine(v, lanes_down<8>(v));
  if constexpr (kWidth > 4) v = combine(v, lanes_down<4>(v));
  if constexpr (kWidth > 2) v = combine(v, lanes_down<2>(v));
  if constexpr (kWidth > 1) v = combine(v, lanes_down<1>(v));
  T lane[kWidth];
  v.store(lane);
  return lane[0];
}

template <typename T>
NABLA_INLINE T sum_lanes(Vec<T> v) {
  return fold_registers(v, [](Vec<T> a, Vec<T> b) { return a + b; });
}

}  // namespace nabla::NABLA_ISA
