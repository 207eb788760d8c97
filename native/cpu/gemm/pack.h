// Copies of blocks of A and B in the order in which the micro-kernel reads them.
#pragma once
#include "cpu/gemm/tile.h"

namespace nabla::NABLA_ISA {

// dst[c*dst_stride + r] = src[r*src_stride + c]: both sides are read and written by vectors.
template <typename T>
NABLA_INLINE void transpose(const T* src, int64_t src_stride, int64_t rows, int64_t cols, T* dst, int64_t dst_stride) {
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    typedef T Quad __attribute__((vector_size(4 * sizeof(T))));
    int64_t c = 0;
    for (; c + 4 <= cols; c += 4) {
      Quad x[4];
      for (int i = 0; i < 4; ++i) __builtin_memcpy(&x[i], src + (r + i) * src_stride + c, sizeof(Quad));
      const Quad ab_low = __builtin_shufflevector(x[0], x[1], 0, 4, 1, 5);
      const Quad ab_high = __builtin_shufflevector(x[0], x[1], 2, 6, 3, 7);
      const Quad cd_low = __builtin_shufflevector(x[2], x[3], 0, 4, 1, 5);
      const Quad cd_high = __builtin_shufflevector(x[2], x[3], 2, 6, 3, 7);
      x[0] = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
      x[1] = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
      x[2] = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
      x[3] = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
      for (int i = 0; i < 4; ++i) __builtin_memcpy(dst + (c + i) * dst_stride + r, &x[i], sizeof(Quad));
    }
    for (; c < cols; ++c) {
      for (int i = 0; i < 4; ++i) dst[c * dst_stride + r + i] = src[(r + i) * src_stride + c];
    }
  }
  for (; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) dst[c * dst_stride + r] = src[r * src_stride + c];
  }
}

// dst[0..n) = src[0..n)
template <typename T>
NABLA_INLINE void copy_row(const T* src, T* dst, int64_t n) {
  using V = TileVec<T>;
  int64_t i = 0;
  for (; i + V::width <= n; i += V::width) V::load(src + i).store(dst + i);
  if (i < n) V::load_part(src + i, n - i).store_part(dst + i, n - i);
}

// B [k x n] -> panels of NR columns, one after another; within a panel, rows of NR.
template <typename T>
NABLA_INLINE void pack_b(const T* b, int64_t b_row, int64_t b_col, int64_t k, int64_t n, T* dst) {
  constexpr int64_t NR = TileShape<T>::NR;
  if (b_col == 1) {
    // Row by row over all panels: long runs of memory are read.
    for (int64_t p = 0; p < k; ++p) {
      const T* row = b + p * b_row;
      T* out = dst + p * NR;
      int64_t j = 0;
      for (; j + NR <= n; j += NR) copy_row(row + j, out + j * k, NR);
      if (j < n) copy_row(row + j, out + j * k, n - j);
    }
    return;
  }
  for (int64_t j = 0; j < n; j += NR) {
    const int64_t width = n - j < NR ? n - j : NR;
    const T* from = b + j * b_col;
    T* out = dst + j * k;
    if (b_row == 1) {
      transpose(from, b_col, width, k, out, NR);
    } else {
      for (int64_t p = 0; p < k; ++p) {
        for (int64_t i = 0; i < width; ++i) out[p * NR + i] = from[p * b_row + i * b_col];
      }
    }
  }
}

// Rows of a packed tile of A lie this far apart: an odd number of cache lines, so that they map to different sets.
template <typename T>
NABLA_INLINE int64_t packed_a_row(int64_t k) {
  constexpr int64_t line = 64 / sizeof(T);
  return ((k + line - 1) / line | 1) * line;
}
template <typename T>
NABLA_INLINE int64_t packed_a_elements(int64_t k) {
  return TileShape<T>::MR * packed_a_row<T>(k);
}

// The first m rows of a tile of A, one segment with any strides, copied to dst. A row-wise tile stays row-wise; any
// other becomes k columns of MR elements.
template <typename T>
NABLA_INLINE ATile<T> pack_a(const ATile<T>& a, int64_t m, T* dst) {
  constexpr int64_t MR = TileShape<T>::MR;
  if (a.k_stride == 1) {
    const int64_t stride = packed_a_row<T>(a.run);
    for (int64_t i = 0; i < m; ++i) copy_row(a.a + i * a.row_stride, dst + i * stride, a.run);
    return {dst, stride, 1, a.run, 1, 0};
  }
  for (int64_t p = 0; p < a.run; ++p) {
    const T* column = a.a + p * a.k_stride;
    if (a.row_stride == 1) {
      copy_row(column, dst + p * MR, m);
    } else {
      for (int64_t i = 0; i < m; ++i) dst[p * MR + i] = column[i * a.row_stride];
    }
  }
  return {dst, 1, MR, a.run, 1, 0};
}

}  // namespace nabla::NABLA_ISA
