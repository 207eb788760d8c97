// Which scores count. Masked scores are -inf: their exponentials are 0.
#pragma once
#include <cstdint>

#include "cuda/kernels/attention_tiles.h"

namespace nabla::cuda {

// Softmax of float32 computes in powers of 2, of float64 in powers of e: scores are multiplied by score_unit, and
// power(x * score_unit) is exp(x). As on the CPU, whose statistics these are too.
template <typename T>
NABLA_INLINE constexpr T score_unit() {
  return sizeof(T) == 4 ? T(1.4426950408889634) : T(1);
}
__device__ __forceinline__ float power(float x) { return exp2f(x); }
__device__ __forceinline__ double power(double x) { return exp(x); }

template <typename T>
__device__ __forceinline__ T infinity_of();
template <>
__device__ __forceinline__ float infinity_of<float>() {
  return __int_as_float(0x7f800000);
}
template <>
__device__ __forceinline__ double infinity_of<double>() {
  return __longlong_as_double(0x7ff0000000000000LL);
}

// What is added to a score. A finite number stays finite: a row of nothing but the least number attends all keys alike.
template <typename T>
__device__ __forceinline__ T mask_value(const AttentionProblem& p, int64_t offset) {
  if (p.mask_kind == AttentionMask::boolean) {
    return static_cast<const uint8_t*>(p.mask)[offset] ? T(0) : -infinity_of<T>();
  }
  constexpr T kGreatest = sizeof(T) == 4 ? T(3.4028234663852886e38) : T(1.7976931348623157e308);
  const T x = static_cast<const T*>(p.mask)[offset];
  if (x == infinity_of<T>() || x == -infinity_of<T>()) return x;
  const T unit = x * score_unit<T>(), low = unit < -kGreatest ? -kGreatest : unit;
  return low > kGreatest ? kGreatest : low;
}

// Applies mask, lengths and order to a tile of scores whose rows are queries from `query` on and whose columns are keys
// from `key` on; with kKeysByRow the other way round. `keys` is the sample's length.
template <class Tile, bool kKeysByRow>
__device__ __forceinline__ void mask_scores(const AttentionProblem& p, int b, int h, int query, int key, int keys,
                                            typename Tile::Scores& scores) {
  using T = typename Tile::T;
  const int row = Tile::first_row(), column = Tile::lane();
  const int first_query = query + (kKeysByRow ? column : row), first_key = key + (kKeysByRow ? row : column);
  const auto seen = [&](int i, int j) {
    const int q = first_query + (kKeysByRow ? 16 * j : i), k = first_key + (kKeysByRow ? i : 16 * j);
    return q < p.queries && k < keys && (!p.causal || k <= q);
  };
  if (p.mask_kind != AttentionMask::none) {
    const int64_t first = b * p.mask_batch + h * p.mask_head + first_query * p.mask_query + first_key * p.mask_key;
    const int64_t row_stride = kKeysByRow ? p.mask_key : p.mask_query;
    const int64_t column_stride = 16 * (kKeysByRow ? p.mask_query : p.mask_key);
#pragma unroll
    for (int i = 0; i < Tile::kRows; ++i) {
#pragma unroll
      for (int j = 0; j < Tile::kColumns; ++j) {
        if (seen(i, j)) scores[i][j] += mask_value<T>(p, first + i * row_stride + j * column_stride);
      }
    }
  }
#pragma unroll
  for (int i = 0; i < Tile::kRows; ++i) {
#pragma unroll
    for (int j = 0; j < Tile::kColumns; ++j) {
      if (!seen(i, j)) scores[i][j] = -infinity_of<T>();
    }
  }
}

}  // namespace nabla::cuda
