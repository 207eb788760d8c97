#include "cpu/gemm/gemv.h"

#include "cpu/gemm/conv_epilogue.h"
#include "cpu/gemm/widen.h"
#include "cpu/simd/lanes.h"

namespace nabla::NABLA_ISA {
namespace {

// sum[j] += x[0..count) * B[0..count, j], for rows of B that are contiguous. `rows` rows are added in one pass over
// the sums.
template <typename T, int rows, bool ahead, typename X, typename B>
NABLA_INLINE void add_rows(const X* x, int64_t x_stride, const B* b, int64_t b_row, int64_t n, T* sum) {
  using V = TileVec<T>;
  V factor[rows];
  for (int r = 0; r < rows; ++r) factor[r] = V::set(widen(x[r * x_stride]));
  int64_t j = 0;
  for (; j + V::width <= n; j += V::width) {
    V s = V::load(sum + j);
    if constexpr (ahead) {
      // The rows that come next: the hardware alone does not keep up with so many runs of memory.
      for (int r = 0; r < rows; ++r) __builtin_prefetch(b + (r + rows) * b_row + j, 0, 2);
    }
    for (int r = 0; r < rows; ++r) s = fma(factor[r], load_wide(b + r * b_row + j), s);
    s.store(sum + j);
  }
  if (j < n) {
    V s = V::load_part(sum + j, n - j);
    for (int r = 0; r < rows; ++r) s = fma(factor[r], load_wide_part(b + r * b_row + j, n - j), s);
    s.store_part(sum + j, n - j);
  }
}

// sum[c] = x . B[:, c] for `columns` columns that are contiguous.
template <typename T, int columns, typename X, typename B>
NABLA_INLINE void dot_columns(const X* x, const B* b, int64_t b_col, int64_t k, T* sum) {
  using V = TileVec<T>;
  V s[columns];
  for (int c = 0; c < columns; ++c) s[c] = V::zero();
  int64_t p = 0;
  for (; p + V::width <= k; p += V::width) {
    const V xs = load_wide(x + p);
    for (int c = 0; c < columns; ++c) s[c] = fma(xs, load_wide(b + c * b_col + p), s[c]);
  }
  if (p < k) {
    const V xs = load_wide_part(x + p, k - p);
    for (int c = 0; c < columns; ++c) s[c] = fma(xs, load_wide_part(b + c * b_col + p, k - p), s[c]);
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

// y[0..n) = activation(sum + bias (+ y)) + residual
template <typename T>
void finish(const Epilogue<T>& epilogue, int64_t bias_stride, bool accumulate, int64_t n, const T* sum, T* y) {
  using V = Vec<T>;
  for_lanes<T>(0, n, [&](int64_t j, auto lanes) {
    V v = lanes.load(sum + j);
    if (accumulate) v = lanes.load(y + j) + v;
    if (epilogue.bias) v = v + (bias_stride ? lanes.load(epilogue.bias + j) : V::set(*epilogue.bias));
    if (epilogue.z) lanes.store(epilogue.z + j, v);
    v = activate(v, epilogue.activation);
    if (epilogue.residual) v = v + lanes.load(epilogue.residual + j);
    lanes.store(y + j, v);
  });
}

}  // namespace

template <typename T, typename X, typename B>
void gemv_columns(const GemvArgs<T, X, B>& g, int64_t j0, int64_t j1) {
  alignas(64) T sum[kGemvColumns<T>];
  const int64_t n = j1 - j0;
  const B* b = g.b + j0 * g.b_col;
  if (g.b_col == 1) {
    constexpr int kRows = 8;
    const bool far = g.k * g.n * static_cast<int64_t>(sizeof(B)) >= kBeyondCaches;
    for (int64_t j = 0; j < n; ++j) sum[j] = T(0);
    int64_t p = 0;
    for (; p + kRows <= g.k; p += kRows) {
      const X* x = g.x + p * g.x_stride;
      if (far) {
        add_rows<T, kRows, true>(x, g.x_stride, b + p * g.b_row, g.b_row, n, sum);
      } else {
        add_rows<T, kRows, false>(x, g.x_stride, b + p * g.b_row, g.b_row, n, sum);
      }
    }
    for (; p < g.k; ++p) add_rows<T, 1, false>(g.x + p * g.x_stride, g.x_stride, b + p * g.b_row, g.b_row, n, sum);
  } else {
    constexpr int kColumns = 4;
    int64_t j = 0;
    for (; j + kColumns <= n; j += kColumns) dot_columns<T, kColumns>(g.x, b + j * g.b_col, g.b_col, g.k, sum + j);
    for (; j < n; ++j) dot_columns<T, 1>(g.x, b + j * g.b_col, g.b_col, g.k, sum + j);
  }
  finish(g.epilogue.at(j0 * g.bias_stride, j0), g.bias_stride, g.accumulate, n, sum, g.y + j0);
}

#define NABLA_GEMV(T, X, B) template void gemv_columns(const GemvArgs<T, X, B>&, int64_t, int64_t);
NABLA_GEMV(double, double, double)
#define NABLA_GEMV_OF(X) \
  NABLA_GEMV(float, X, float) \
  NABLA_GEMV(float, X, BFloat16) \
  NABLA_GEMV(float, X, Float16)
NABLA_GEMV_OF(float)
NABLA_GEMV_OF(BFloat16)
NABLA_GEMV_OF(Float16)
#undef NABLA_GEMV_OF
#undef NABLA_GEMV

}  // namespace nabla::NABLA_ISA
