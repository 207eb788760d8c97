// The gradient of scaledDotProductAttention, after FlashAttention-2 (Dao, 2023): weights are computed again, a block of
// queries by a block of keys at a time. One kernel keeps keys and goes along the queries for dK and dV, one keeps
// queries and goes along the keys for dQ: so every sum has one order, without atomic additions.
#include "core/checks.h"
#include "core/kernel.h"
#include "cuda/fold.h"
#include "cuda/kernels/attention_dropout.h"
#include "cuda/kernels/attention_mask.h"
#include "cuda/kernels/attention_problem.h"
#include "cuda/kernels/attention_tiles.h"

namespace nabla::cuda {
namespace {

constexpr int kRowThreads = 256;

template <typename T>
struct Backward {
  AttentionProblem p;
  AttentionDropout dropout;
  Heads<const T> q, k, v, y, dy;
  const T* statistics;  // of all queries: the greatest scores, then the normalizers
  T* dot;               // of all queries: sum(dy * y)
  Heads<T> dq, dk, dv;
  int blocks, pieces;  // of queries or keys, and of columns

  __host__ __device__ int64_t all_queries() const { return static_cast<int64_t>(p.batch) * p.heads * p.queries; }
};

// A warp for each query.
template <typename T>
__global__ void __launch_bounds__(kRowThreads) attention_dot(Backward<T> g) {
  const int lane = static_cast<int>(threadIdx.x % kWarp);
  const int64_t at = static_cast<int64_t>(blockIdx.x) * (kRowThreads / kWarp) + threadIdx.x / kWarp;
  if (at >= g.all_queries()) return;
  const int row = static_cast<int>(at % g.p.queries), head = static_cast<int>(at / g.p.queries);
  const HeadRows<const T> y = g.y.at(head / g.p.heads, head % g.p.heads),
                          dy = g.dy.at(head / g.p.heads, head % g.p.heads);
  const T *out = y.data + row * y.stride, *slope = dy.data + row * dy.stride;
  T sum = T(0);
  for (int d = lane; d < y.size; d += kWarp) sum += slope[d] * out[d];
  sum = warp_fold(sum, AddOp());
  if (lane == 0) g.dot[at] = sum;
}

struct TilePlace {
  int b, h, query, key, length;
};

// The weights of a tile with dropout, and the gradient of its scores. Rows of `a` and `a_slopes` are the tile's rows,
// those of `b` and `b_slopes` its columns: Q and dY, K and V, or the other way round.
template <class Tile, bool kKeysByRow, typename T>
__device__ __forceinline__ void make_slopes(const Backward<T>& g, const TilePlace& place, const HeadRows<const T>& a,
                                            const HeadRows<const T>& b, const HeadRows<const T>& a_slopes,
                                            const HeadRows<const T>& b_slopes, T* chunk, uint32_t* bits,
                                            typename Tile::Scores& weights, typename Tile::Scores& slopes) {
  const AttentionProblem& p = g.p;
  const int a_row = kKeysByRow ? place.key : place.query, b_row = kKeysByRow ? place.query : place.key;
  // The caller's products have had a barrier since the bits before were read, and those below have one before these
  // are: a block has columns of q and k or of v, so one of the two heads' sizes is not 0.
  if (g.dropout.exists) {
    KeptBits<Tile>::make(p, g.dropout.threshold, place.b, place.h, place.query, place.key, bits);
  }
  multiply_rows<Tile>(a, a_row, static_cast<T>(p.scale) * score_unit<T>(), b, b_row, chunk, weights);
  mask_scores<Tile, kKeysByRow>(p, place.b, place.h, place.query, place.key, place.length, weights);
  multiply_rows<Tile>(a_slopes, a_row, T(1), b_slopes, b_row, chunk, slopes);

  const T* statistics = g.statistics + (static_cast<int64_t>(place.b) * p.heads + place.h) * p.queries;
  const T *normalizers = statistics + g.all_queries(), *dots = g.dot + (statistics - g.statistics);
  constexpr int kQueries = kKeysByRow ? Tile::kColumns : Tile::kRows;
#pragma unroll
  for (int n = 0; n < kQueries; ++n) {
    const int query = place.query + (kKeysByRow ? Tile::lane() + 16 * n : Tile::first_row() + n);
    const bool exists = query < p.queries;
    const T greatest = exists ? statistics[query] : T(0), normalizer = exists ? normalizers[query] : T(0),
            dot = exists ? dots[query] : T(0);
#pragma unroll
    for (int m = 0; m < (kKeysByRow ? Tile::kRows : Tile::kColumns); ++m) {
      T &weight = kKeysByRow ? weights[m][n] : weights[n][m], &slope = kKeysByRow ? slopes[m][n] : slopes[n][m];
      weight = power(weight - greatest) * normalizer;
      T factor = T(1);
      if (g.dropout.exists) {
        const bool kept = kKeysByRow ? KeptBits<Tile>::template kept<true>(bits, m, n)
                                     : KeptBits<Tile>::template kept<false>(bits, n, m);
        factor = kept ? static_cast<T>(g.dropout.scale) : T(0);
      }
      slope = weight * (factor * slope - dot);
      weight *= factor;
    }
  }
}

// dK and dV of a block of keys of one key head, of a piece of their columns.
template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads) attention_key_grad(Backward<typename Tile::T> g) {
  using T = typename Tile::T;
  SHARED(Lanes<T>, chunk_memory, [Tile::kChunk / Tile::kWidth]);
  SHARED(Lanes<T>, tile_memory, [Tile::kTile / Tile::kWidth]);
  SHARED(uint32_t, bits, [KeptBits<Tile>::kAll]);
  T *const chunk = chunk_memory[0].at, *const tile = tile_memory[0].at;
  const AttentionProblem& p = g.p;

  const int column = static_cast<int>(blockIdx.x % g.pieces) * Tile::kOut;
  const int block = static_cast<int>(blockIdx.x / g.pieces);
  const int key = block % g.blocks * Tile::kBlock;
  const int key_head = block / g.blocks % p.key_heads, b = block / g.blocks / p.key_heads;
  const int length = p.length(b);
  HeadRows<const T> keys = g.k.at(b, key_head), values = g.v.at(b, key_head);
  keys.rows = values.rows = length;

  typename Tile::Output dk, dv;
  clear_output<Tile>(dk);
  clear_output<Tile>(dv);
  // Queries before a key do not see it.
  const int first_query = key >= length ? p.queries : p.causal ? key : 0;
#pragma unroll 1
  for (int h = key_head * p.group(); h < (key_head + 1) * p.group(); ++h) {
    const HeadRows<const T> queries = g.q.at(b, h), slopes_of_y = g.dy.at(b, h);
#pragma unroll 1
    for (int query = first_query; query < p.queries; query += Tile::kBlock) {
      typename Tile::Scores weights, slopes;
      make_slopes<Tile, true>(g, {b, h, query, key, length}, keys, queries, values, slopes_of_y, chunk, bits, weights,
                              slopes);
      store_tile<Tile>(weights, tile);
      if (column < p.value_size) add_product<Tile>(tile, slopes_of_y, query, column, chunk, dv);
      store_tile<Tile>(slopes, tile);
      if (column < p.size) add_product<Tile>(tile, queries, query, column, chunk, dk);
    }
  }
  const HeadRows<T> to_dk = g.dk.at(b, key_head), to_dv = g.dv.at(b, key_head);
#pragma unroll
  for (int i = 0; i < Tile::kRows; ++i) {
    const int row = key + Tile::first_row() + i;
    write_output<Tile>(dk[i], static_cast<T>(p.scale), to_dk, row, column);
    write_output<Tile>(dv[i], T(1), to_dv, row, column);
  }
}

// dQ of a block of queries of one head, of a piece of its columns.
template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads) attention_query_grad(Backward<typename Tile::T> g) {
  using T = typename Tile::T;
  SHARED(Lanes<T>, chunk_memory, [Tile::kChunk / Tile::kWidth]);
  SHARED(Lanes<T>, tile_memory, [Tile::kTile / Tile::kWidth]);
  SHARED(uint32_t, bits, [KeptBits<Tile>::kAll]);
  T *const chunk = chunk_memory[0].at, *const tile = tile_memory[0].at;
  const AttentionProblem& p = g.p;

  const int column = static_cast<int>(blockIdx.x % g.pieces) * Tile::kOut;
  const int block = static_cast<int>(blockIdx.x / g.pieces);
  // The last blocks of a causal head see the most keys: they come first.
  const int query = (g.blocks - 1 - block % g.blocks) * Tile::kBlock;
  const int head = block / g.blocks, b = head / p.heads, h = head % p.heads;
  const int length = p.length(b), last = query + Tile::kBlock;
  const int visible = p.causal && last < length ? last : length;
  const HeadRows<const T> queries = g.q.at(b, h), slopes_of_y = g.dy.at(b, h);
  HeadRows<const T> keys = g.k.at(b, h / p.group()), values = g.v.at(b, h / p.group());
  keys.rows = values.rows = visible;

  typename Tile::Output dq;
  clear_output<Tile>(dq);
#pragma unroll 1
  for (int key = 0; key < visible; key += Tile::kBlock) {
    typename Tile::Scores weights, slopes;
    make_slopes<Tile, false>(g, {b, h, query, key, visible}, queries, keys, slopes_of_y, values, chunk, bits, weights,
                             slopes);
    store_tile<Tile>(slopes, tile);
    add_product<Tile>(tile, keys, key, column, chunk, dq);
  }
  const HeadRows<T> to = g.dq.at(b, h);
#pragma unroll
  for (int i = 0; i < Tile::kRows; ++i) {
    write_output<Tile>(dq[i], static_cast<T>(p.scale), to, query + Tile::first_row() + i, column);
  }
}

template <class KeyTile, class QueryTile>
void launch_grad(Queue& queue, Backward<typename KeyTile::T> g) {
  const AttentionProblem& p = g.p;
  const int widest = p.size > p.value_size ? p.size : p.value_size;
  const auto grid = [&](int heads) {
    return dim3(static_cast<unsigned>(static_cast<int64_t>(p.batch) * heads * g.blocks * g.pieces));
  };
  g.blocks = static_cast<int>(blocks_for(p.keys, KeyTile::kBlock));
  g.pieces = static_cast<int>(blocks_for(widest, KeyTile::kOut));
  launch(attention_key_grad<KeyTile>, grid(p.key_heads), dim3(KeyTile::kThreads), 0, queue.stream(), g);
  g.blocks = static_cast<int>(blocks_for(p.queries, QueryTile::kBlock));
  g.pieces = static_cast<int>(blocks_for(p.size, QueryTile::kOut));
  launch(attention_query_grad<QueryTile>, grid(p.heads), dim3(QueryTile::kThreads), 0, queue.stream(), g);
}

template <typename T>
void run(KernelArgs& args, const AttentionProblem& p) {
  const TensorView* rest = args.in + 3 + p.optional_inputs;
  Backward<T> g = {p,
                   AttentionDropout::of(p),
                   Heads<const T>::of(args.in[0], 2),
                   Heads<const T>::of(args.in[1], 2),
                   Heads<const T>::of(args.in[2], 2),
                   Heads<const T>::of(rest[0], 1),
                   Heads<const T>::of(rest[2], 1),
                   rest[1].as<const T>(),
                   nullptr,
                   Heads<T>::of(args.out[0], 1),
                   Heads<T>::of(args.out[1], 1),
                   Heads<T>::of(args.out[2], 1),
                   0,
                   0};
  Queue& queue = queue_of(args);
  if (g.all_queries() > 0) {
    g.dot = static_cast<T*>(args.workspace.get(static_cast<size_t>(g.all_queries()) * sizeof(T)));
    launch(attention_dot<T>, dim3(blocks_for(g.all_queries(), kRowThreads / kWarp)), dim3(kRowThreads), 0,
           queue.stream(), g);
  }
  if constexpr (sizeof(T) == 8) {
    launch_grad<AttentionTile<T, 4, 2>, AttentionTile<T, 4, 2>>(queue, g);
  } else if (p.size <= 64 && p.value_size <= 64) {
    launch_grad<AttentionTile<T, 4, 1>, AttentionTile<T, 4, 1>>(queue, g);
  } else {
    launch_grad<AttentionTile<T, 4, 2>, AttentionTile<T, 4, 2>>(queue, g);
  }
}

}  // namespace

void scaledDotProductAttentionGrad(KernelArgs& args) {
  const AttentionProblem p = attention_problem(args);
  NABLA_CHECK(args.n_in == 6 + p.optional_inputs, "y, statistics and dy are needed");
  const DType dtype = args.in[0].dtype;
  const TensorView* rest = args.in + 3 + p.optional_inputs;
  check_attention_view(rest[0], dtype, p.batch, p.queries, p.heads, p.value_size);
  check_attention_view(rest[2], dtype, p.batch, p.queries, p.heads, p.value_size);
  check_last_stride(rest[0]);
  check_last_stride(rest[2]);
  NABLA_CHECK(rest[1].dtype == dtype && rest[1].contiguous() &&
                  rest[1].numel() == 2 * static_cast<int64_t>(p.batch) * p.heads * p.queries,
              "the statistics must have two numbers for each query");
  check_attention_view(args.out[0], dtype, p.batch, p.queries, p.heads, p.size);
  check_attention_view(args.out[1], dtype, p.batch, p.keys, p.key_heads, p.size);
  check_attention_view(args.out[2], dtype, p.batch, p.keys, p.key_heads, p.value_size);
  if (dtype == DType::float32) return run<float>(args, p);
  run<double>(args, p);
}

}  // namespace nabla::cuda
