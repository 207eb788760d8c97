// Products with one row (or one column), which read each element of the matrix once: bound by memory, not by FMA.
#pragma once
#include "cpu/gemm/gemm.h"

namespace nabla::NABLA_ISA {

// y[0..n) = activation(x * B + bias), or y += x * B, for B [k x n] with columns or rows contiguous.
template <typename T>
struct GemvArgs {
  int64_t n, k;
  const T* x;
  int64_t x_stride;
  const T* b;
  int64_t b_row, b_col;
  T* y;
  bool accumulate;
  Epilogue<T> epilogue;
  int64_t bias_stride;  // 0 for one number for all
};

// Columns of one task: their sums stay in L1.
template <typename T>
constexpr int64_t kGemvColumns = 2048 / sizeof(T);

// Whether the product is one that gemv computes; fills `gemv` if so. For c = A*b, the roles of A and B are swapped.
template <typename T>
bool as_gemv(const GemmArgs<T>& g, GemvArgs<T>* gemv);

// Computes the columns [j0, j1), at most kGemvColumns.
template <typename T>
void gemv_columns(const GemvArgs<T>& g, int64_t j0, int64_t j1);

extern template bool as_gemv<float>(const GemmArgs<float>&, GemvArgs<float>*);
extern template bool as_gemv<double>(const GemmArgs<double>&, GemvArgs<double>*);
extern template void gemv_columns<float>(const GemvArgs<float>&, int64_t, int64_t);
extern template void gemv_columns<double>(const GemvArgs<double>&, int64_t, int64_t);

}  // namespace nabla::NABLA_ISA
