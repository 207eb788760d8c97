// Online softmax (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018): weights are made a block
// of keys at a time, relative to the greatest score so far; what was summed before is scaled down when a greater one
// comes.
#pragma once
#include <cstdint>

#include "cuda/fold.h"
#include "cuda/kernels/attention_dropout.h"
#include "cuda/kernels/attention_mask.h"
#include "cuda/kernels/attention_tiles.h"

namespace nabla::cuda {

template <typename T>
struct AttentionForward {
  AttentionProblem p;
  AttentionDropout dropout;
  Heads<const T> q, k, v;
  Heads<T> y;
  T* statistics;  // or null: the greatest scores of all queries, then what normalizes their weights
  int query_blocks, pieces;
};

// combine() of kLanes neighbours, which share rows.
template <int kLanes, typename T, typename Combine>
__device__ __forceinline__ T fold_lanes(T value, Combine combine) {
#pragma unroll
  for (int offset = kLanes / 2; offset > 0; offset /= 2)
    value = combine(value, __shfl_xor_sync(kFullMask, value, offset));
  return value;
}

// The greater number; NaN only if both are: a score that is NaN shows in its weight.
struct GreaterOp {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return a > b || b != b ? a : b;
  }
};

// The state of a thread's queries. `sum` has the thread's own keys only, until the end.
template <class Tile>
struct OnlineSoftmax {
  using T = typename Tile::T;
  T maximum[Tile::kRows], sum[Tile::kRows];

  __device__ __forceinline__ void start() {
#pragma unroll
    for (int i = 0; i < Tile::kRows; ++i) {
      maximum[i] = -infinity_of<T>();
      sum[i] = T(0);
    }
  }

  // Scores become exponentials, in place; what was summed before is scaled to the greatest score now.
  __device__ __forceinline__ void add(typename Tile::Scores& scores, typename Tile::Output& out) {
#pragma unroll
    for (int i = 0; i < Tile::kRows; ++i) {
      T greatest = maximum[i];
#pragma unroll
      for (int j = 0; j < Tile::kColumns; ++j) greatest = GreaterOp()(greatest, scores[i][j]);
      greatest = fold_lanes<16>(greatest, GreaterOp());
      // Where no key counts yet, all scores are -inf, and so must be their distance.
      const T shift = greatest == -infinity_of<T>() ? T(0) : greatest;
      const T factor = power(maximum[i] - shift);
      maximum[i] = greatest;
      sum[i] *= factor;
#pragma unroll
      for (int j = 0; j < Tile::kColumns; ++j) {
        scores[i][j] = power(scores[i][j] - shift);
        sum[i] += scores[i][j];
      }
#pragma unroll
      for (int piece = 0; piece < Tile::kPieces; ++piece) {
#pragma unroll
        for (int e = 0; e < Tile::kWidth; ++e) out[i][piece].at[e] *= factor;
      }
    }
  }
};

// A query's statistics. Without a key that counts all are 0, also what scores of -inf are relative to in the gradient.
template <typename T>
__device__ __forceinline__ void write_statistics(const AttentionForward<T>& f, int head, int row, T maximum, T sum,
                                                 T normalizer) {
  if (!f.statistics) return;
  const int64_t at = static_cast<int64_t>(head) * f.p.queries + row;
  f.statistics[at] = sum == T(0) ? T(0) : maximum;
  f.statistics[static_cast<int64_t>(f.p.batch) * f.p.heads * f.p.queries + at] = normalizer;
}

}  // namespace nabla::cuda
