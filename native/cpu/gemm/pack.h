// Copies of blocks of A and B in the order in which the micro-kernel reads them.
#pragma once
#include "cpu/gemm/tile.h"
#include "cpu/gemm/widen.h"
#include "cpu/integers.h"

namespace nabla::NABLA_ISA {

// A block of 4*groups rows and 4 columns, transposed in registers: vector i holds row i of each group of four rows.
template <typename T, int groups>
struct TransposedBlock {
  static_assert(groups == 1 || groups == 2);
  static constexpr int rows = 4 * groups;
  typedef T Lanes __attribute__((vector_size(rows * sizeof(T))));

  NABLA_INLINE static void copy(const T* src, int64_t src_stride, T* dst, int64_t dst_stride) {
    Lanes x[4], low_ab, high_ab, low_cd, high_cd;
    for (int i = 0; i < 4; ++i) load(src + i * src_stride, 4 * src_stride, x[i]);
    interleave(x[0], x[1], low_ab, high_ab);
    interleave(x[2], x[3], low_cd, high_cd);
    interleave_pairs(low_ab, low_cd, x[0], x[1]);
    interleave_pairs(high_ab, high_cd, x[2], x[3]);
    for (int i = 0; i < 4; ++i) __builtin_memcpy(dst + i * dst_stride, &x[i], sizeof(Lanes));
  }

 private:
  // Results by reference: a vector wider than the baseline's registers cannot be returned.
  NABLA_INLINE static void load(const T* p, int64_t group_stride, Lanes& x) {
    typedef T Group __attribute__((vector_size(4 * sizeof(T))));
    Group group[groups];
    for (int g = 0; g < groups; ++g) __builtin_memcpy(&group[g], p + g * group_stride, sizeof(Group));
    if constexpr (groups == 1) {
      x = group[0];
    } else {
      x = __builtin_shufflevector(group[0], group[1], 0, 1, 2, 3, 4, 5, 6, 7);
    }
  }
  // Within each group of four lanes: the first two elements of a and b alternately, and the last two.
  NABLA_INLINE static void interleave(const Lanes& a, const Lanes& b, Lanes& low, Lanes& high) {
    if constexpr (groups == 1) {
      low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
      high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    } else {
      low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
      high = __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
    }
  }
  // The same with pairs of elements.
  NABLA_INLINE static void interleave_pairs(const Lanes& a, const Lanes& b, Lanes& low, Lanes& high) {
    if constexpr (groups == 1) {
      low = __builtin_shufflevector(a, b, 0, 1, 4, 5);
      high = __builtin_shufflevector(a, b, 2, 3, 6, 7);
    } else {
      low = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
      high = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
};

// dst[c*dst_stride + r] = src[r*src_stride + c]: both sides are read and written by vectors.
template <typename T>
NABLA_INLINE void transpose(const T* src, int64_t src_stride, int64_t rows, int64_t cols, T* dst, int64_t dst_stride) {
  // 32-byte vectors where there are such registers.
  using Block = TransposedBlock<T, sizeof(T) == 4 && TileVec<T>::width >= 8 ? 2 : 1>;
  int64_t r = 0;
  for (; r + Block::rows <= rows; r += Block::rows) {
    int64_t c = 0;
    for (; c + 4 <= cols; c += 4) {
      Block::copy(src + r * src_stride + c, src_stride, dst + c * dst_stride + r, dst_stride);
    }
    for (; c < cols; ++c) {
      for (int i = 0; i < Block::rows; ++i) dst[c * dst_stride + r + i] = src[(r + i) * src_stride + c];
    }
  }
  for (; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) dst[c * dst_stride + r] = src[r * src_stride + c];
  }
}

// `count` runs of n elements, widened and transposed: dst[p*dst_stride + i] = src[i*src_stride + p].
template <typename S>
NABLA_INLINE void transpose_wide(const S* src, int64_t src_stride, int64_t count, int64_t n, Wide<S>* dst,
                                 int64_t dst_stride) {
  if constexpr (kIsHalf<S>) {
    constexpr int64_t kRun = 64;
    Wide<S> wide[TileShape<Wide<S>>::NR * kRun];
    for (int64_t p = 0; p < n; p += kRun) {
      const int64_t run = n - p < kRun ? n - p : kRun;
      for (int64_t i = 0; i < count; ++i) copy_row(src + i * src_stride + p, wide + i * kRun, run);
      transpose(wide, kRun, count, run, dst + p * dst_stride, dst_stride);
    }
  } else {
    transpose(src, src_stride, count, n, dst, dst_stride);
  }
}

// B [k x n] -> panels of NR columns, one after another; within a panel, rows of NR.
template <typename S>
NABLA_INLINE void pack_b(const S* b, int64_t b_row, int64_t b_col, int64_t k, int64_t n, Wide<S>* dst) {
  using T = Wide<S>;
  constexpr int64_t NR = TileShape<T>::NR;
  if (b_col == 1) {
    // Row by row over all panels: long runs of memory are read.
    for (int64_t p = 0; p < k; ++p) {
      const S* row = b + p * b_row;
      T* out = dst + p * NR;
      int64_t j = 0;
      for (; j + NR <= n; j += NR) copy_row(row + j, out + j * k, NR);
      if (j < n) copy_row(row + j, out + j * k, n - j);
    }
    return;
  }
  for (int64_t j = 0; j < n; j += NR) {
    const int64_t width = n - j < NR ? n - j : NR;
    const S* from = b + j * b_col;
    T* out = dst + j * k;
    if (b_row == 1) {
      transpose_wide(from, b_col, width, k, out, NR);
    } else {
      for (int64_t p = 0; p < k; ++p) {
        for (int64_t i = 0; i < width; ++i) out[p * NR + i] = widen(from[p * b_row + i * b_col]);
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

// A packed tile of k steps.
template <typename T>
NABLA_INLINE ATile<T> packed_tile(const T* a, bool by_rows, int64_t k) {
  if (by_rows) return {a, packed_a_row<T>(k), 1, k, 1, 0};
  return {a, 1, TileShape<T>::MR, k, 1, 0};
}

// The first m rows and k columns of A, with any strides, copied to dst. A row-wise tile stays row-wise; any other
// becomes k columns of MR elements. More rows than MR become tiles packed_a_elements apart, of which the first is
// returned: a cache line of a column-wise A has rows of several tiles, and is read once for all of them.
template <typename S>
NABLA_INLINE ATile<Wide<S>> pack_a(const S* a, int64_t a_row, int64_t a_col, int64_t m, int64_t k, Wide<S>* dst) {
  constexpr int64_t MR = TileShape<Wide<S>>::MR;
  if (a_col == 1) {
    const int64_t stride = packed_a_row<Wide<S>>(k);
    for (int64_t i = 0; i < m; ++i) copy_row(a + i * a_row, dst + i * stride, k);
    return packed_tile(dst, true, k);
  }
  for (int64_t p = 0; p < k; ++p) {
    const S* column = a + p * a_col;
    Wide<S>* to = dst + p * MR;
    for (int64_t first = 0; first < m; first += MR, to += packed_a_elements<Wide<S>>(k)) {
      const int64_t rows = min_of(MR, m - first);
      if (a_row != 1) {
        for (int64_t i = 0; i < rows; ++i) to[i] = widen(column[(first + i) * a_row]);
      } else if (!kIsHalf<S> && rows == MR) {
        __builtin_memcpy(to, column + first, MR * sizeof(S));
      } else {
        copy_row(column + first, to, rows);
      }
    }
  }
  return packed_tile(dst, false, k);
}

}  // namespace nabla::NABLA_ISA
