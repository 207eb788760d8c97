// What softmax and cross-entropy share. A row that holds NaN or +inf, or nothing but -inf, gives NaN.
#pragma once
#include "cuda/kernels/float_math.h"
#include "cuda/kernels/row_team.h"

namespace nabla::cuda {

// NaN is passed over: it shows up in the exponentials.
struct GreaterOp {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return greater_of(a, b);
  }
};

// The greatest of a team's row, which is copied to `kept` if it fits.
template <typename T>
__device__ T row_max(const RowLayout& rows, const T* x, uint32_t n, T* kept) {
  T greatest = -infinity<T>();
  rows.for_row<T>(n, [&](uint32_t j, auto width) {
    const auto v = load_elements<width.value>(x + j);
    if (rows.kept) store_elements(kept + j, v);
    for (int i = 0; i < width.value; ++i) greatest = greater_of(v[i], greatest);
  });
  return rows.team.fold(greatest, GreaterOp());
}

// The sum of exp(x - shift); visit(j, exponentials) may store them.
template <typename T, typename Visit>
__device__ T sum_of_exp(const RowLayout& rows, const T* x, uint32_t n, T shift, Visit&& visit) {
  T sum = 0;
  rows.for_row<T>(n, [&](uint32_t j, auto width) {
    auto v = load_elements<width.value>(x + j);
    for (int i = 0; i < width.value; ++i) {
      v[i] = exp_of(v[i] - shift);
      sum += v[i];
    }
    visit(j, v);
  });
  return rows.team.fold(sum, AddOp());
}

}  // namespace nabla::cuda
