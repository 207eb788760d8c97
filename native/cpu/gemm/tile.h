// The shape of the micro-kernel's tile on each ISA, and the vectors that it is made of.
#pragma once
#include <cstdint>

#include "core/activation.h"
#include "core/inline.h"
#include "cpu/simd/vec.h"

namespace nabla::NABLA_ISA {

#if defined(NABLA_ISA_AVX512) || defined(NABLA_ISA_AVX2) || defined(NABLA_ISA_NEON)
template <typename T>
using TileVec = Vec<T>;
#else
// Vec has one lane in this build; a tile wants the baseline's 16-byte registers (SSE2, NEON).
template <typename T>
struct TileVec {
  typedef T Lanes __attribute__((vector_size(16)));
  static constexpr int width = 16 / sizeof(T);
  Lanes v;
  NABLA_INLINE static TileVec load(const T* p) {
    TileVec r;
    __builtin_memcpy(&r.v, p, sizeof(r.v));
    return r;
  }
  NABLA_INLINE static TileVec load_part(const T* p, int64_t n) {
    TileVec r = zero();
    for (int i = 0; i < width; ++i) {
      if (i < n) r.v[i] = p[i];
    }
    return r;
  }
  NABLA_INLINE static TileVec set(T x) { return {Lanes{} + x}; }
  NABLA_INLINE static TileVec zero() { return {Lanes{}}; }
  NABLA_INLINE void store(T* p) const { __builtin_memcpy(p, &v, sizeof(v)); }
  NABLA_INLINE void store_part(T* p, int64_t n) const {
    for (int i = 0; i < width; ++i) {
      if (i < n) p[i] = v[i];
    }
  }
  NABLA_INLINE friend TileVec operator+(TileVec a, TileVec b) { return {a.v + b.v}; }
};
template <typename T>
NABLA_INLINE TileVec<T> fma(TileVec<T> a, TileVec<T> b, TileVec<T> c) {
  return {a.v * b.v + c.v};
}
template <typename T>
NABLA_INLINE TileVec<T> max(TileVec<T> a, TileVec<T> b) {
  return {a.v > b.v ? a.v : b.v};
}
#endif

// Rows and vectors of one tile: as many accumulators as leave registers for a row of B and one element of A.
template <typename T>
struct TileShape {
#if defined(NABLA_ISA_AVX512)
  static constexpr int MR = 14, vectors = 2;
#elif defined(NABLA_ISA_AVX2)
  static constexpr int MR = 6, vectors = 2;
#elif defined(NABLA_ISA_NEON)
  // An element of A comes from memory into a register; the compilers load those of all rows ahead.
  static constexpr int MR = 10, vectors = 2;
#else
  static constexpr int MR = 4, vectors = 2;
#endif
  static constexpr int NR = vectors * TileVec<T>::width;
};

// Operand A of a tile: element (i, k) at a[i*row_stride + k*k_stride], where one of the two strides is 1. K comes in
// `segments` runs of `run` consecutive k; run s starts at a + s*segment_stride. A plain product has one segment.
template <typename T>
struct ATile {
  const T* a;
  int64_t row_stride, k_stride;
  int64_t run, segments, segment_stride;
};

// Element (i, j) of the result at c[i*ldc + j].
template <typename T>
struct CTile {
  T* c;
  int64_t ldc;
};

// What happens to a finished element of column j: activation(c + bias[j]) + residual. The last two matrices lie as c
// does, and z gets what the activation is applied to; it is for those after relu. Any pointer may be null.
template <typename T>
struct Epilogue {
  const T* bias;
  Activation activation;
  const T* residual = nullptr;
  T* z = nullptr;

  // That of the block of c that begins at column j, `offset` elements after c.
  NABLA_INLINE Epilogue at(int64_t j, int64_t offset) const {
    return {bias ? bias + j : nullptr, activation, residual ? residual + offset : nullptr, z ? z + offset : nullptr};
  }
};

}  // namespace nabla::NABLA_ISA
