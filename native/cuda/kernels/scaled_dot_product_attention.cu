// softmax(scale * Q * K^T + mask) * V without the matrix of scores, after FlashAttention-2 (Dao, 2023): a block of
// threads keeps a block of queries, and blocks of keys pass by. Weights are made by online softmax (Milakov and
// Gimelshein, 2018), relative to the greatest score so far.
#include "core/checks.h"
#include "core/kernel.h"
#include "cuda/fold.h"
#include "cuda/kernels/attention_dropout.h"
#include "cuda/kernels/attention_mask.h"
#include "cuda/kernels/attention_problem.h"
#include "cuda/kernels/attention_softmax.h"
#include "cuda/kernels/attention_tensor_core.h"
#include "cuda/kernels/attention_tiles.h"

namespace nabla::cuda {
namespace {

// A block of queries of one head by a piece of the columns of its values.
template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads) attention_forward(AttentionForward<typename Tile::T> f) {
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
    // The product with the values has had a barrier since the bits before were read.
    if (f.dropout.exists) KeptBits<Tile>::make(p, f.dropout.threshold, b, h, query, key, bits);
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
    const T sum = fold_lanes<16>(softmax.sum[i], AddOp());
    const T normalizer = sum == T(0) ? T(0) : T(1) / sum;
    write_output<Tile>(out[i], normalizer, y, row, value_column);
    if (piece == 0 && Tile::lane() == 0 && row < p.queries) {
      write_statistics(f, head, row, softmax.maximum[i], sum, normalizer);
    }
  }
}

template <class Tile>
void launch_forward(Queue& queue, AttentionForward<typename Tile::T> f) {
  const AttentionProblem& p = f.p;
  f.query_blocks = static_cast<int>(blocks_for(p.queries, Tile::kBlock));
  f.pieces = static_cast<int>(blocks_for(p.value_size, Tile::kOut));
  if (f.statistics && f.pieces == 0) f.pieces = 1;
  const int64_t blocks = static_cast<int64_t>(p.batch) * p.heads * f.query_blocks * f.pieces;
  launch(attention_forward<Tile>, dim3(static_cast<unsigned>(blocks)), dim3(Tile::kThreads), 0, queue.stream(), f);
}

template <typename T>
AttentionForward<T> forward_of(KernelArgs& args, const AttentionProblem& p) {
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
  AttentionForward<float> f = forward_of<float>(args, p);
  if (queue.allow_tf32() && queue.capability() >= 80 && fits_tensor_cores(f)) {
    f.query_blocks = static_cast<int>(blocks_for(p.queries, kTensorBlock));
    const int64_t blocks = static_cast<int64_t>(p.batch) * p.heads * f.query_blocks;
    launch(attention_tensor_core, dim3(static_cast<unsigned>(blocks)), dim3(kTensorThreads), 0, queue.stream(), f);
    return;
  }
  if (p.value_size <= 64) return launch_forward<AttentionTile<float, 8, 1>>(queue, f);
  launch_forward<AttentionTile<float, 4, 2>>(queue, f);
}

}  // namespace nabla::cuda
