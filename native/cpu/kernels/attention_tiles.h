// Blocks and panels of attention, and their products. Scores are kept transposed: a panel holds a row for each key and
// NR columns, one for each query, so that softmax goes down the lanes. Then no product needs K or V packed:
//   scores = K * Q^T           K by rows, Q^T packed once for a block of queries
//   out = P * V                the panel by columns, V by rows
//   dV = P^T * dO, dK = dS^T * Q    the panels by rows, dO and Q by rows
//   dQ = dS * K                the panel by columns, K by rows
#pragma once
#include <cstdint>

#include "cpu/gemm/microkernel.h"
#include "cpu/gemm/pack.h"
#include "cpu/gemm/prefetch.h"
#include "cpu/kernels/attention_problem.h"

namespace nabla::NABLA_ISA {

// [begin, end) in pieces of at most `most`, of nearly equal numbers of units.
struct AttentionCut {
  int64_t begin, end, unit, pieces;
  NABLA_INLINE AttentionCut(int64_t first, int64_t last, int64_t of, int64_t most)
      : begin(first), end(last), unit(of), pieces(ceil_div(last - first, most)) {}
  NABLA_INLINE int64_t at(int64_t piece) const {
    return min_of(end, begin + ceil_div(end - begin, unit) * piece / pieces * unit);
  }
};

// Pieces of a thread's scratch memory, in elements; they start on cache lines. Without memory it only counts them.
template <typename T>
struct ScratchCut {
  T* memory;
  int64_t taken = 0;
  NABLA_INLINE T* take(int64_t elements) {
    constexpr int64_t line = 64 / sizeof(T);
    T* const piece = memory ? memory + taken : nullptr;
    taken += ceil_div(elements, line) * line;
    return piece;
  }
  NABLA_INLINE size_t bytes() const { return static_cast<size_t>(taken) * sizeof(T); }
};

// Rows lie far apart in memory, where no prefetcher of the machine finds the next one.
template <typename T>
NABLA_INLINE Prefetcher rows_ahead(const HeadRows<T>& rows, int64_t begin, int64_t end, int64_t columns) {
  if (begin >= end || columns == 0) return {};
  return Prefetcher(rows.row(begin), rows.stride, 1, end - begin, columns);
}

// The tiles of a block of [m x n].
template <typename T>
NABLA_INLINE int64_t tiles_of(int64_t m, int64_t n) {
  return ceil_div(m, TileShape<T>::MR) * ceil_div(n, TileShape<T>::NR);
}

// c[m x n] = (accumulate ? c : 0) + A*B, with rows of A shared evenly among tiles.
template <typename T>
NABLA_INLINE void multiply_block(int64_t m, int64_t n, const ATile<T>& a, const T* b, int64_t ldb, T* c, int64_t ldc,
                                 bool accumulate, Ahead& ahead, const Epilogue<T>* epilogue = nullptr) {
  constexpr int64_t MR = TileShape<T>::MR, NR = TileShape<T>::NR;
  const int64_t tiles = ceil_div(m, MR);
  for (int64_t j = 0; j < n; j += NR) {
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int64_t i = m * tile / tiles, rows = m * (tile + 1) / tiles - i;
      ATile<T> part = a;
      part.a += i * a.row_stride;
      microkernel<T>(static_cast<int>(rows), static_cast<int>(min_of(NR, n - j)), part, b + j, ldb,
                     CTile<T>{c + i * ldc + j, ldc}, accumulate, epilogue, &ahead);
    }
  }
}

// A matrix by rows, and the k columns of a panel that are queries as the rows of a matrix.
template <typename T>
NABLA_INLINE ATile<T> by_rows(const T* a, int64_t stride, int64_t k) {
  return {a, stride, 1, k, 1, 0};
}
template <typename T>
NABLA_INLINE ATile<T> by_columns(const T* a, int64_t stride, int64_t k) {
  return {a, 1, stride, k, 1, 0};
}

// Rows [begin, end) without gaps between them: where they lie, or copied.
template <typename T>
NABLA_INLINE const T* near_rows(const HeadRows<const T>& rows, int64_t begin, int64_t end, int64_t columns, T* copy) {
  if (rows.stride == columns) return rows.row(begin);
  for (int64_t i = begin; i < end; ++i) copy_row(rows.row(i), copy + (i - begin) * columns, columns);
  return copy;
}

// A panel of n rows whose columns are `queries` rows of n elements, then zeros.
template <typename T>
NABLA_INLINE void transpose_panel(const T* from, int64_t stride, int64_t queries, int64_t n, T* panel) {
  constexpr int64_t NR = TileShape<T>::NR;
  if (queries < NR) {
    using V = TileVec<T>;
    for (int64_t i = 0; i < n * NR; i += V::width) V::zero().store(panel + i);
  }
  transpose(from, stride, queries, n, panel, NR);
}

// The first `columns` elements of rows [begin, end), transposed, in panels of NR columns with zeros at the end of the
// last one; times `factor`.
template <typename T>
NABLA_INLINE void pack_transposed(const HeadRows<const T>& rows, int64_t begin, int64_t end, int64_t columns, T factor,
                                  T* panels) {
  using V = TileVec<T>;
  constexpr int64_t NR = TileShape<T>::NR;
  const int64_t whole = ceil_div(end - begin, NR) * NR;
  for (int64_t i = begin; i < end; i += NR) {
    transpose_panel(rows.row(i), rows.stride, min_of(NR, end - i), columns, panels + (i - begin) * columns);
  }
  if (factor == T(1)) return;
  const V times = V::set(factor), zero = V::zero();
  for (int64_t i = 0; i < whole * columns; i += V::width) fma(V::load(panels + i), times, zero).store(panels + i);
}

template <typename T>
NABLA_INLINE void fill_zero(T* p, int64_t n) {
  for (int64_t i = 0; i < n; ++i) p[i] = T(0);
}

}  // namespace nabla::NABLA_ISA
