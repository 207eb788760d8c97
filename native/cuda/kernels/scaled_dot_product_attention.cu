// softmax(scale * Q * K^T + mask) * V without the matrix of scores, after FlashAttention-2 (Dao, 2023): a block of
// threads keeps a block of queries, and blocks of keys pass by. Weights are made by online softmax (Milakov and
// Gimelshein, 2018), relative to the greatest score so far.
#include "core/checks.h"
#include "core/kernel.h"
#include "cuda/fold.h"
#include "cuda/kernels/attention_dropout.h"
#include "cuda/kernels/attention_mask.h"
#include "cuda/kernels/attention_problem.h"
#include "cuda/kernels/attention_tiles.h"

namespace nabla::cuda {
namespace {

template <typename T>
struct Forward {
  AttentionProblem p;
  AttentionDropout dropout;
  Heads<const T> q, k, v;
  Heads<T> y;
  T* statistics;  // or null: the greatest scores of all queries, then what normalizes their weights
  int query_blocks, pieces;
};

// combine() of the 16 threads that share rows of the tile.
template <typename T, typename Combine>
__device__ __forceinline__ T fold_lanes(T value, Combine combine) {
#pragma unroll
  for (int offset = 8; offset > 0; offset /= 2) value = combine(value, __shfl_xor_sync(kFullMask, value, offset));
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
      greatest = fold_lanes(greatest, GreaterOp());
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

// A block of queries of one head by a piece of the columns of its values.
template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads) attention_forward(Forward<typename Tile::T> f) {
  using T = typename Tile::T;
  SHARED(Lanes<T>, chunk_memory, [Tile::kChunk / Tile::kWidth]);
  SHARED(Lanes<T>, tile_memory, [Tile::kTile / Tile::kWidth]);
  SHARED(uint32_t, bits, [KeptBits<Tile>::kAll]);
  T *const chunk = chunk_memory[0].at, *const tile = tile_memory[0].at;
  const AttentionProblem& p = f.p;

  const int piece = static_cast<int>(blockIdx.x % f.pieces), block = static_cast<int>(blockIdx.x / f.pieces);
  // The last blocks of a causal head see the most keys: they come first.
  const int query = (f.query_blocks - 1 - block % f.query_blocks) * Tile::kBlock;
  const int head = block / f.query_blocks, b = head / p.heads, h = head % p.heads;
  const int value_column = piece * Tile::kOut;

  const int length = p.length(b), last = query + Tile::kBlock;
  const int visible = p.causal && last < length ? last : length;
  const HeadRows<const T> queries = f.q.at(b, h);
  HeadRows<const T> keys = f.k.at(b, h / p.group()), values = f.v.at(b, h / p.group());
  keys.rows = values.rows = visible;  // what nobody attends is not read

  const T factor = static_cast<T>(p.scale) * score_unit<T>();
  OnlineSoftmax<Tile> softmax;
  typename Tile::Output out;
  softmax.start();
  clear_output<Tile>(out);
#pragma unroll 1
  for (int key = 0; key < visible; key += Tile::kBlock) {
    typename Tile::Scores scores;
    if (f.dropout.exists) {
      __syncthreads();  // nobody reads the bits before any more
      KeptBits<Tile>::make(p, f.dropout.threshold, b, h, query, key, bits);
    }
    multiply_rows<Tile>(queries, query, factor, keys, key, chunk, scores);
    mask_scores<Tile, false>(p, b, h, query, key, visible, scores);
    softmax.add(scores, out);
    if (f.dropout.exists) {
      __syncthreads();
      const T scale = static_cast<T>(f.dropout.scale);
#pragma unroll
      for (int i = 0; i < Tile::kRows; ++i) {
#pragma unroll
        for (int j = 0; j < Tile::kColumns; ++j) {
          scores[i][j] *= KeptBits<Tile>::template kept<false>(bits, i, j) ? scale : T(0);
        }
      }
    }
    store_tile<Tile>(scores, tile);
    add_product<Tile>(tile, values, key, value_column, chunk, out);
  }

  const HeadRows<T> y = f.y.at(b, h);
#pragma unroll
  for (int i = 0; i < Tile::kRows; ++i) {
    const int row = query + Tile::first_row() + i;
    const T sum = fold_lanes(softmax.sum[i], AddOp());
    // Without a key that counts all is 0, also what scores of -inf are relative to in the gradient.
    const T normalizer = sum == T(0) ? T(0) : T(1) / sum;
    write_output<Tile>(out[i], normalizer, y, row, value_column);
    if (f.statistics && piece == 0 && Tile::lane() == 0 && row < p.queries) {
      const int64_t at = static_cast<int64_t>(head) * p.queries + row;
      f.statistics[at] = sum == T(0) ? T(0) : softmax.maximum[i];
      f.statistics[static_cast<int64_t>(p.batch) * p.heads * p.queries + at] = normalizer;
    }
  }
}

template <class Tile>
void launch_forward(Queue& queue, Forward<typename Tile::T> f) {
  const AttentionProblem& p = f.p;
  f.query_blocks = static_cast<int>(blocks_for(p.queries, Tile::kBlock));
  f.pieces = static_cast<int>(blocks_for(p.value_size, Tile::kOut));
  if (f.statistics && f.pieces == 0) f.pieces = 1;
  const int64_t blocks = static_cast<int64_t>(p.batch) * p.heads * f.query_blocks * f.pieces;
  launch(attention_forward<Tile>, dim3(static_cast<unsigned>(blocks)), dim3(Tile::kThreads), 0, queue.stream(), f);
}

template <typename T>
Forward<T> forward_of(KernelArgs& args, const AttentionProblem& p) {
  return {p,
          AttentionDropout::of(p),
          Heads<const T>::of(args.in[0], 2),
          Heads<const T>::of(args.in[1], 2),
          Heads<const T>::of(args.in[2], 2),
          Heads<T>::of(args.out[0], 1),
          args.n_out > 1 ? args.out[1].as<T>() : nullptr,
          0,
          0};
}

}  // namespace

void scaledDotProductAttention(KernelArgs& args) {
  const AttentionProblem p = attention_problem(args);
  NABLA_CHECK(args.n_attr >= 8 && args.n_out == (args.attr[7] != 0 ? 2 : 1), "there are statistics in training only");
  const DType dtype = args.in[0].dtype;
  check_attention_view(args.out[0], dtype, p.batch, p.queries, p.heads, p.value_size);
  NABLA_CHECK(args.n_out == 1 || (args.out[1].dtype == dtype &&
                                  args.out[1].numel() == 2 * static_cast<int64_t>(p.batch) * p.heads * p.queries),
              "the statistics must have two numbers for each query");
  Queue& queue = queue_of(args);
  if (dtype == DType::float64) return launch_forward<AttentionTile<double, 4, 2>>(queue, forward_of<double>(args, p));
  const Forward<float> f = forward_of<float>(args, p);
  if (p.value_size <= 64) return launch_forward<AttentionTile<float, 8, 1>>(queue, f);
  launch_forward<AttentionTile<float, 4, 2>>(queue, f);
}

}  // namespace nabla::cuda
