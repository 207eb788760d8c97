// The gradient of scaledDotProductAttention, after FlashAttention-2 (Dao, 2023): weights are computed again, a block of
// queries by a block of keys at a time. They stay relative to the greatest score, as forward had them; what normalizes
// them is in dY, which every gradient has as a factor. (The logarithm of their sum alone would lose the sum beside
// large scores, such as those of a row that is wholly masked by -1e9.)
#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/gemm/scratch.h"
#include "cpu/kernels/attention_dropout.h"
#include "cpu/kernels/attention_mask.h"
#include "cpu/kernels/attention_tiles.h"
#include "cpu/simd/exp2.h"

namespace nabla::NABLA_ISA {
namespace {

// to[i] = from[i] * factor
template <typename T>
NABLA_INLINE void copy_scaled(const T* from, T* to, int64_t n, T factor) {
  const Vec<T> scale = Vec<T>::set(factor);
  for_lanes<T>(0, n, [&](int64_t j, auto lanes) { lanes.store(to + j, lanes.load(from + j) * scale); });
}

// A task has a chunk of the keys of one key head and goes along the queries of all heads that use it. It adds up dK and
// dV of its keys. Where there are too few heads to share, they are cut into several chunks, each with a dQ of its own.
template <typename T>
struct Backward {
  static constexpr int64_t NR = TileShape<T>::NR;
  static constexpr int64_t kQueries = 512 / sizeof(T), kKeys = 512 / sizeof(T);  // of a block

  AttentionProblem p;
  ScoreMask<T> mask;
  AttentionDropout<T> dropout;
  Heads<const T> q, k, v, y, dy;
  const T* statistics;  // of all queries: the greatest scores, then the normalizers
  Heads<T> dq, dk, dv;
  int64_t chunks;
  T* partial_dq;  // [chunks, B, H, Lq, D] if there are several
  int64_t threads;

  NABLA_INLINE int64_t tasks() const { return p.batch * p.key_heads * chunks; }
  NABLA_INLINE int64_t chunk_keys() const { return ceil_div(p.keys, chunks); }

  struct Scratch {
    T *queries, *packed_queries, *slopes, *packed_slopes;  // a block of Q and normalized dY, by rows and packed
    T *keys, *values;                                      // of the task, if their rows have gaps between them
    T *weights, *score_slopes;                             // P and dS, in panels
    T *rows, *factors;                                     // for mask and dropout
    T *dq, *dk, *dv;
    T *shift, *dot;  // for each query: -greatest score, -sum(dy * y) normalized
    size_t bytes;

    NABLA_INLINE Scratch(void* memory, const Backward& g) {
      const AttentionProblem& problem = g.p;
      ScratchCut<T> cut = {static_cast<T*>(memory)};
      const int64_t block = min_of(kQueries, ceil_div(problem.queries, NR) * NR);
      const int64_t of_keys = min_of(kKeys, g.chunk_keys());
      const int64_t options = problem.mask_kind != AttentionMask::none || problem.rate > 0 ? of_keys * NR : 0;
      queries = cut.take(block * problem.size);
      packed_queries = cut.take(block * problem.size);
      slopes = cut.take(block * problem.value_size);
      packed_slopes = cut.take(block * problem.value_size);
      keys = cut.take(g.chunk_keys() * problem.size);
      values = cut.take(g.chunk_keys() * problem.value_size);
      weights = cut.take(of_keys * block);
      score_slopes = cut.take(of_keys * block);
      rows = cut.take(options);
      factors = cut.take(options);
      dq = cut.take(block * problem.size);
      dk = cut.take(g.chunk_keys() * problem.size);
      dv = cut.take(g.chunk_keys() * problem.value_size);
      shift = cut.take(block);
      dot = cut.take(block);
      bytes = cut.bytes();
    }
  };

  void compute(int64_t task, void* memory) const {
    const Scratch s(memory, *this);
    const Chunk of = chunk_of(task);
    fill_zero(s.dk, (of.end - of.begin) * p.size);
    fill_zero(s.dv, (of.end - of.begin) * p.value_size);
    int64_t copied = of.begin;  // the first key that no block of queries has seen yet
    for (int64_t round = 0; round < rounds(); ++round) {
      const Block at = block_of(of, round);
      const AttentionCut cut = keys_of(of, at);
      if (cut.pieces > 0) {
        take_queries(of, at, s);
      } else {
        fill_zero(s.dq, (at.end - at.begin) * p.size);
      }
      for (int64_t piece = 0; piece < cut.pieces; ++piece) {
        const int64_t j0 = cut.at(piece), j1 = cut.at(piece + 1);
        const Near near = near_keys(of, j0, copied, j1, s);
        copied = max_of(copied, j1);
        Ahead ahead = after(task, round, cut, piece, copied);
        add_keys(of, at, j0, j1, near, s, ahead);
      }
      write_dq(of, at, s.dq);
    }
    const HeadRows<T> to_dk = dk.at(of.b, of.key_head), to_dv = dv.at(of.b, of.key_head);
    for (int64_t j = of.begin; j < of.end; ++j) {
      copy_scaled(s.dk + (j - of.begin) * p.size, to_dk.row(j), p.size, static_cast<T>(p.scale));
      copy_row(s.dv + (j - of.begin) * p.value_size, to_dv.row(j), p.value_size);
    }
  }

  // dQ of all chunks, added in order: of row i of head (b, h).
  void add_partial(int64_t b, int64_t h, int64_t i) const {
    const int64_t elements = p.batch * p.heads * p.queries * p.size;
    const T* from = partial_dq + ((b * p.heads + h) * p.queries + i) * p.size;
    T* to = dq.at(b, h).row(i);
    const Vec<T> scale = Vec<T>::set(static_cast<T>(p.scale));
    for_lanes<T>(0, p.size, [&](int64_t j, auto lanes) {
      Vec<T> sum = lanes.load(from + j);
      for (int64_t c = 1; c < chunks; ++c) sum = sum + lanes.load(from + c * elements + j);
      lanes.store(to + j, sum * scale);
    });
  }

 private:
  // The keys of a task, [begin, end) of one head.
  struct Chunk {
    int64_t b, key_head, number, begin, end;
  };
  // Queries [begin, end) of one head.
  struct Block {
    int64_t h, begin, end;
  };
  NABLA_INLINE Chunk chunk_of(int64_t task) const {
    const AttentionCut cut(0, p.keys, 1, chunk_keys());
    const int64_t head = task / chunks, chunk = task % chunks;
    return {head / p.key_heads, head % p.key_heads, chunk, cut.at(chunk), cut.at(chunk + 1)};
  }
  // A task's rounds: the blocks of queries of all heads that use its keys.
  NABLA_INLINE AttentionCut blocks() const { return AttentionCut(0, p.queries, NR, kQueries); }
  NABLA_INLINE int64_t rounds() const { return p.group() * blocks().pieces; }
  NABLA_INLINE Block block_of(const Chunk& of, int64_t round) const {
    const AttentionCut cut = blocks();
    const int64_t piece = round % cut.pieces;
    return {of.key_head * p.group() + round / cut.pieces, cut.at(piece), cut.at(piece + 1)};
  }
  // The keys of a chunk that a block of queries sees, in blocks.
  NABLA_INLINE AttentionCut keys_of(const Chunk& of, const Block& at) const {
    return AttentionCut(of.begin, max_of(of.begin, min_of(of.end, p.visible(of.b, at.end))), 1, kKeys);
  }

  // The rows of K and V of a block of keys, one after another.
  struct Near {
    const T *keys, *values;
  };
  // The block that begins with key j0; keys [copied, end) are new.
  NABLA_INLINE Near near_keys(const Chunk& of, int64_t j0, int64_t copied, int64_t end, const Scratch& s) const {
    const auto near = [&](const HeadRows<const T>& rows, int64_t columns, T* copy) {
      return near_rows(rows, copied, end, columns, copy + (copied - of.begin) * columns) - (copied - j0) * columns;
    };
    return {near(k.at(of.b, of.key_head), p.size, s.keys), near(v.at(of.b, of.key_head), p.value_size, s.values)};
  }

  // What is read and written after this block of keys: the next one, if it is not copied yet, or results and what the
  // thread begins with next.
  NABLA_INLINE Ahead after(int64_t task, int64_t round, const AttentionCut& cut, int64_t piece, int64_t copied) const {
    Ahead ahead;
    const Chunk of = chunk_of(task);
    const Block at = block_of(of, round);
    const int64_t keys = cut.at(piece + 1) - cut.at(piece);
    const auto add_keys = [&](const Chunk& chunk, int64_t begin, int64_t end) {
      ahead.add(rows_ahead(k.at(chunk.b, chunk.key_head), begin, end, p.size));
      ahead.add(rows_ahead(v.at(chunk.b, chunk.key_head), begin, end, p.value_size));
    };
    const auto add_queries = [&](const Chunk& chunk, const Block& block) {
      ahead.add(rows_ahead(q.at(chunk.b, block.h), block.begin, block.end, p.size));
      ahead.add(rows_ahead(y.at(chunk.b, block.h), block.begin, block.end, p.value_size));
      ahead.add(rows_ahead(dy.at(chunk.b, block.h), block.begin, block.end, p.value_size));
    };
    if (piece + 1 < cut.pieces) {
      add_keys(of, max_of(copied, cut.at(piece + 1)), cut.at(piece + 2));
    } else {
      if (chunks == 1) ahead.add(rows_ahead(dq.at(of.b, at.h), at.begin, at.end, p.size));
      if (round + 1 < rounds()) {
        add_queries(of, block_of(of, round + 1));
      } else {
        ahead.add(rows_ahead(dk.at(of.b, of.key_head), of.begin, of.end, p.size));
        ahead.add(rows_ahead(dv.at(of.b, of.key_head), of.begin, of.end, p.value_size));
        const int64_t next_task = TaskOrder{tasks(), threads}.next(task);
        if (next_task > task) {
          const Chunk next = chunk_of(next_task);
          const Block first = block_of(next, 0);
          const AttentionCut blocks = keys_of(next, first);
          add_queries(next, first);
          if (blocks.pieces > 0) add_keys(next, blocks.at(0), blocks.at(1));
        }
      }
    }
    const int64_t panels = ceil_div(at.end - at.begin, NR), queries = panels * NR;
    ahead.share_among(panels * (tiles_of<T>(keys, NR) * (p.size + p.value_size) + tiles_of<T>(NR, p.size) * keys) +
                      (tiles_of<T>(keys, p.size) + tiles_of<T>(keys, p.value_size)) * queries);
    return ahead;
  }

  // Copies a block of Q and dY, normalized, and finds its queries' shift and dot. Panels end with rows of zeros.
  NABLA_INLINE void take_queries(const Chunk& of, const Block& at, const Scratch& s) const {
    const HeadRows<const T> from_q = q.at(of.b, at.h), from_y = y.at(of.b, at.h), from_dy = dy.at(of.b, at.h);
    const int64_t n = at.end - at.begin, whole = ceil_div(n, NR) * NR;
    pack_transposed(from_q, at.begin, at.end, p.size, static_cast<T>(p.scale) * kScoreUnit<T>, s.packed_queries);
    const T* greatest = statistics + (of.b * p.heads + at.h) * p.queries;
    const T* normalizers = greatest + p.batch * p.heads * p.queries;
    for (int64_t i = 0; i < n; ++i) {
      const int64_t query = at.begin + i;
      copy_row(from_q.row(query), s.queries + i * p.size, p.size);
      const T *out = from_y.row(query), *slope = from_dy.row(query);
      T* copy = s.slopes + i * p.value_size;
      const Vec<T> normalizer = Vec<T>::set(normalizers[query]);
      Vec<T> products = Vec<T>::zero();
      for_lanes<T>(0, p.value_size, [&](int64_t j, auto lanes) {
        const Vec<T> x = lanes.load(slope + j) * normalizer;
        lanes.store(copy + j, x);
        products = fma(x, lanes.load(out + j), products);
      });
      s.dot[i] = -sum_lanes(products);
      s.shift[i] = -greatest[query];
    }
    pack_transposed(HeadRows<const T>{s.slopes, p.value_size}, 0, n, p.value_size, T(1), s.packed_slopes);
    fill_zero(s.queries + n * p.size, (whole - n) * p.size);
    fill_zero(s.slopes + n * p.value_size, (whole - n) * p.value_size);
    fill_zero(s.shift + n, whole - n);
    fill_zero(s.dot + n, whole - n);
  }

  // The part of a block of queries and keys [j0, j1) in all gradients.
  NABLA_INLINE void add_keys(const Chunk& of, const Block& at, int64_t j0, int64_t j1, const Near& near,
                             const Scratch& s, Ahead& ahead) const {
    const int64_t panels = ceil_div(at.end - at.begin, NR), panel_elements = (j1 - j0) * NR;
    for (int64_t panel = 0; panel < panels; ++panel) {
      const int64_t i = at.begin + panel * NR, queries = min_of(NR, at.end - i);
      const PanelPlace place = {of.b, at.h, i, queries, j0, min_of(j1, p.visible(of.b, i + queries))};
      if (place.keys() <= 0) {
        // The first block of keys begins dQ.
        if (j0 == of.begin) fill_zero(s.dq + panel * NR * p.size, queries * p.size);
        continue;
      }
      T *weights = s.weights + panel * panel_elements, *slopes = s.score_slopes + panel * panel_elements;
      fill_panel(place, panel, near.keys, near.values, weights, slopes, s, ahead);
      multiply_block(queries, p.size, by_columns(slopes, NR, place.keys()), near.keys, p.size,
                     s.dq + panel * NR * p.size, p.size, j0 > of.begin, ahead);
    }
    // A strip of keys meets the panels that see it.
    for (int64_t j = j0, strip_end = j1; j < j1; j = strip_end) {
      int64_t panel = 0;
      if (p.causal) {
        panel = max_of(0, (j - at.begin) / NR);
        strip_end = min_of(j1, at.begin + (panel + 1) * NR);
      }
      const int64_t offset = panel * panel_elements + (j - j0) * NR;
      ATile<T> tile = {s.weights + offset, NR, 1, NR, panels - panel, panel_elements};
      multiply_block(strip_end - j, p.value_size, tile, s.slopes + panel * NR * p.value_size, p.value_size,
                     s.dv + (j - of.begin) * p.value_size, p.value_size, true, ahead);
      tile.a = s.score_slopes + offset;
      multiply_block(strip_end - j, p.size, tile, s.queries + panel * NR * p.size, p.size,
                     s.dk + (j - of.begin) * p.size, p.size, true, ahead);
    }
  }

  // P before it is normalized, with dropout, and dS of one panel.
  NABLA_INLINE void fill_panel(const PanelPlace& place, int64_t number, const T* keys, const T* values, T* weights,
                               T* slopes, const Scratch& s, Ahead& ahead) const {
    using V = Vec<T>;
    const int64_t n = place.keys();
    if (mask.exists()) mask.fill(place, s.rows, weights);
    const T *shift = s.shift + number * NR, *dot = s.dot + number * NR;
    const Epilogue<T> minus_greatest = {shift, Activation::none}, minus_dot = {dot, Activation::none};
    multiply_block(n, NR, by_rows(keys, p.size, p.size), s.packed_queries + number * NR * p.size, NR, weights, NR,
                   mask.exists(), ahead, &minus_greatest);
    if (p.causal) hide_later_keys(place, weights);
    multiply_block(n, NR, by_rows(values, p.value_size, p.value_size), s.packed_slopes + number * NR * p.value_size, NR,
                   slopes, NR, false, ahead, dropout.exists() ? nullptr : &minus_dot);
    if (!dropout.exists()) {
      for (int64_t i = 0; i < n * NR; i += V::width) {
        const V weight = power(V::load(weights + i));
        weight.store(weights + i);
        (weight * V::load(slopes + i)).store(slopes + i);
      }
      return;
    }
    dropout.factors(place, s.rows, s.factors);
    for (int64_t j = 0; j < n * NR; j += NR) {
      for (int64_t lane = 0; lane < NR; lane += V::width) {
        const int64_t i = j + lane;
        const V weight = power(V::load(weights + i)), factor = V::load(s.factors + i);
        (weight * factor).store(weights + i);
        (weight * fma(factor, V::load(slopes + i), V::load(dot + lane))).store(slopes + i);
      }
    }
  }

  NABLA_INLINE void write_dq(const Chunk& of, const Block& at, const T* from) const {
    if (chunks > 1) {
      const int64_t head = (of.number * p.batch + of.b) * p.heads + at.h;
      copy_row(from, partial_dq + (head * p.queries + at.begin) * p.size, (at.end - at.begin) * p.size);
      return;
    }
    const HeadRows<T> to = dq.at(of.b, at.h);
    for (int64_t i = at.begin; i < at.end; ++i) {
      copy_scaled(from + (i - at.begin) * p.size, to.row(i), p.size, static_cast<T>(p.scale));
    }
  }
};

// Tasks that share evenly among a few threads; a chunk has a block of keys at least.
template <typename T>
int64_t key_chunks(const AttentionProblem& p) {
  constexpr int64_t kTasks = 8;
  const int64_t heads = p.batch * p.key_heads, most = ceil_div(p.keys, Backward<T>::kKeys);
  if (heads == 0 || most <= 1) return 1;
  const int64_t wanted = min_of(most, ceil_div(kTasks, heads));
  // As many as have keys.
  return ceil_div(p.keys, ceil_div(p.keys, wanted));
}

template <typename T>
void run(KernelArgs& args, const AttentionProblem& p) {
  const TensorView* rest = args.in + 3 + p.optional_inputs;
  const int64_t chunks = key_chunks<T>(p), elements = p.batch * p.heads * p.queries * p.size;
  Backward<T> backward = {p,
                          ScoreMask<T>(p),
                          AttentionDropout<T>(p),
                          Heads<const T>::of(args.in[0], 2),
                          Heads<const T>::of(args.in[1], 2),
                          Heads<const T>::of(args.in[2], 2),
                          Heads<const T>::of(rest[0], 1),
                          Heads<const T>::of(rest[2], 1),
                          rest[1].as<const T>(),
                          Heads<T>::of(args.out[0], 1),
                          Heads<T>::of(args.out[1], 1),
                          Heads<T>::of(args.out[2], 1),
                          chunks,
                          chunks > 1 ? args.workspace.array<T>(chunks * elements) : nullptr,
                          args.pool.threads()};
  if (p.keys == 0) return fill_zero(args.out[0].as<T>(), elements);
  const size_t bytes = typename Backward<T>::Scratch(nullptr, backward).bytes;
  parallel_for_with_scratch(args.pool, args.workspace, backward.tasks(), bytes,
                            [&](int64_t task, void* memory) { backward.compute(task, memory); });
  if (chunks == 1) return;
  parallel_ranges(args.pool, p.batch * p.heads * p.queries, 4096 / (p.size + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t head = row / p.queries;
      backward.add_partial(head / p.heads, head % p.heads, row % p.queries);
    }
  });
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
  NABLA_CHECK(rest[1].dtype == dtype && rest[1].contiguous() && rest[1].numel() == 2 * p.batch * p.heads * p.queries,
              "the statistics must have two numbers for each query");
  check_attention_view(args.out[0], dtype, p.batch, p.queries, p.heads, p.size);
  check_attention_view(args.out[1], dtype, p.batch, p.keys, p.key_heads, p.size);
  check_attention_view(args.out[2], dtype, p.batch, p.keys, p.key_heads, p.value_size);
  if (dtype == DType::float32) return run<float>(args, p);
  run<double>(args, p);
}

}  // namespace nabla::NABLA_ISA
