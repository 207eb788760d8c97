// Products with one row (or one column), which read each element of the matrix once: bound by memory, not by FMA.
#pragma once
#include "cpu/gemm/gemm.h"

namespace nabla::NABLA_ISA {

// y[0..n) = activation(x * B + bias) + residual, or y += x * B, for B [k x n] with columns or rows contiguous. The
// elements of x and B may be 16-bit numbers.
template <typename T, typename X, typename B>
struct GemvArgs {
  int64_t n, k;
  const X* x;
  int64_t x_stride;
  const B* b;
  int64_t b_row, b_col;
  T* y;
  bool accumulate;
  Epilogue<T> epilogue;
  int64_t bias_stride;  // 0 for one number for all

  // Whether gemv_columns computes it.
  NABLA_INLINE bool fits() const { return b_col == 1 || (b_row == 1 && x_stride == 1); }
};

// Columns of one task: their sums stay in L1.
template <typename T>
constexpr int64_t kGemvColumns = 2048 / sizeof(T);

// A product with one row.
template <typename T, typename A, typename B>
NABLA_INLINE GemvArgs<T, A, B> row_product(const GemmArgs<T, A, B>& g) {
  return {g.n, g.k, g.a, g.a_col, g.b, g.b_row, g.b_col, g.c, g.accumulate, g.epilogue, 1};
}
// A product with one column, whose elements follow each other: the roles of A and B are swapped.
template <typename T, typename A, typename B>
NABLA_INLINE GemvArgs<T, B, A> column_product(const GemmArgs<T, A, B>& g) {
  return {g.m, g.k, g.b, g.b_row, g.a, g.a_col, g.a_row, g.c, g.accumulate, g.epilogue, 0};
}

// Computes the columns [j0, j1), at most kGemvColumns.
template <typename T, typename X, typename B>
void gemv_columns(const GemvArgs<T, X, B>& g, int64_t j0, int64_t j1);

}  // namespace nabla::NABLA_ISA
