#include "cpu/gemm/gemv.h"

#include "cpu/simd/math.h"

namespace nabla::NABLA_ISA {
namespace {

// sum[j] += x[0..count) * B[0..count, j], for rows of B that are contiguous. `rows` rows are added in one pass over
// the sums.
template <typename T, int rows>
NABLA_INLINE void add_rows(const T* x, int64_t x_stride, const T* b, int64_t b_row, int64_t n, T* sum) {
  using V = TileVec<T>;
  V factor[rows];
  for (int r = 0; r < rows; ++r) factor[r] = V::set(x[r * x_stride]);
  int64_t j = 0;
  for (; j + V::width <= n; j += V::width) {
    V s = V::load(sum + j);
    for (int r = 0; r < rows; ++r) s = fma(factor[r], V::load(b + r * b_row + j), s);
    s.store(sum + j);
  }
  if (j < n) {
    V s = V::load_part(sum + j, n - j);
    for (int r = 0; r < rows; ++r) s = fma(factor[r], V::load_part(b + r * b_row + j, n - j), s);
    s.store_part(sum + j, n - j);
  }
}

// sum[c] = x . B[:, c] for `columns` columns that are contiguous.
template <typename T, int columns>
NABLA_INLINE void dot_columns(const T* x, const T* b, int64_t b_col, int64_t k, T* sum) {
  using V = TileVec<T>;
  V s[columns];
  for (int c = 0; c < columns; ++c) s[c] = V::zero();
  int64_t p = 0;
  for (; p + V::width <= k; p += V::width) {
    const V xs = V::load(x + p);
    for (int c = 0; c < columns; ++c) s[c] = fma(xs, V::load(b + c * b_col + p), s[c]);
  }
  if (p < k) {
    const V xs = V::load_part(x + p, k - p);
    for (int c = 0; c < columns; ++c) s[c] = fma(xs, V::load_part(b + c * b_col + p, k - p), s[c]);
  }
  for (int c = 0; c < columns; ++c) {
    T lanes[V::width];
    s[c].store(lanes);
    for (int step = V::width / 2; step > 0; step /= 2) {
      for (int i = 0; i < step; ++i) lanes[i] += lanes[i + step];
    }
    sum[c] = lanes[0];
  }
}

// y[0..n) = activation(sum + bias (+ y))
template <typename T>
void finish(const GemvArgs<T>& g, int64_t j0, int64_t n, const T* sum) {
  using V = Vec<T>;
  const T* bias = g.epilogue.bias ? g.epilogue.bias + j0 * g.bias_stride : nullptr;
  T* y = g.y + j0;
  for (int64_t j = 0; j < n; j += V::width) {
    const int64_t lanes = n - j < V::width ? n - j : V::width;
    V v = V::load_part(sum + j, lanes);
    if (g.accumulate) v = V::load_part(y + j, lanes) + v;
    if (bias) v = v + (g.bias_stride ? V::load_part(bias + j, lanes) : V::set(*bias));
    switch (g.epilogue.activation) {
      case Activation::none: break;
      case Activation::relu: v = max(V::zero(), v); break;  // in this order NaN stays NaN
      case Activation::sigmoid: v = sigmoid(v); break;
      case Activation::tanh: v = tanh(v); break;
    }
    v.store_part(y + j, lanes);
  }
}

}  // namespace

template <typename T>
bool as_gemv(const GemmArgs<T>& g, GemvArgs<T>* gemv) {
  if (g.m == 1) {
    *gemv = {g.n, g.k, g.a, g.a_col, g.b, g.b_row, g.b_col, g.c, g.accumulate, g.epilogue, 1};
  } else if (g.n == 1 && g.ldc == 1) {
    *gemv = {g.m, g.k, g.b, g.b_row, g.a, g.a_col, g.a_row, g.c, g.accumulate, g.epilogue, 0};
  } else {
    return false;
  }
  return gemv->b_col == 1 || (gemv->b_row == 1 && gemv->x_stride == 1);
}

template <typename T>
void gemv_columns(const GemvArgs<T>& g, int64_t j0, int64_t j1) {
  alignas(64) T sum[kGemvColumns<T>];
  const int64_t n = j1 - j0;
  const T* b = g.b + j0 * g.b_col;
  if (g.b_col == 1) {
    constexpr int kRows = 8;
    for (int64_t j = 0; j < n; ++j) sum[j] = T(0);
    int64_t p = 0;
    for (; p + kRows <= g.k; p += kRows) {
      add_rows<T, kRows>(g.x + p * g.x_stride, g.x_stride, b + p * g.b_row, g.b_row, n, sum);
    }
    for (; p < g.k; ++p) add_rows<T, 1>(g.x + p * g.x_stride, g.x_stride, b + p * g.b_row, g.b_row, n, sum);
  } else {
    constexpr int kColumns = 4;
    int64_t j = 0;
    for (; j + kColumns <= n; j += kColumns) dot_columns<T, kColumns>(g.x, b + j * g.b_col, g.b_col, g.k, sum + j);
    for (; j < n; ++j) dot_columns<T, 1>(g.x, b + j * g.b_col, g.b_col, g.k, sum + j);
  }
  finish(g, j0, n, sum);
}

template bool as_gemv<float>(const GemmArgs<float>&, GemvArgs<float>*);
template bool as_gemv<double>(const GemmArgs<double>&, GemvArgs<double>*);
template void gemv_columns<float>(const GemvArgs<float>&, int64_t, int64_t);
template void gemv_columns<double>(const GemvArgs<double>&, int64_t, int64_t);

}  // namespace nabla::NABLA_ISA
