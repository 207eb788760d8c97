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
  using Block = AttentionBlocks<T>;
  static constexpr int64_t NR = Block::NR;

  AttentionProblem p;
  ScoreMask<T> mask;
  AttentionDropout<T> dropout;
  Heads<const T> q, k, v, y, dy;
  const T* statistics;  // of all queries: the greatest scores, then the normalizers
  Heads<T> dq, dk, dv;
  int64_t chunks;
  T* partial_dq;  // [chunks, B, H, Lq, D] if there are several

  NABLA_INLINE AttentionCut keys_of_chunks() const { return AttentionCut(0, p.keys, 1, chunk_keys()); }
  NABLA_INLINE int64_t chunk_keys() const { return ceil_div(p.keys, chunks); }

  struct Scratch {
    T *queries, *packed_queries, *slopes, *packed_slopes;  // a block of Q and normalized dY, by rows and packed
    T *keys, *values;                                      // copies of rows with gaps between them
    T *weights, *score_slopes;                             // P and dS, in panels
    T *rows, *factors;                                     // for mask and dropout
    T *dq, *dk, *dv;
    T *shift, *dot;  // for each query: -greatest score, -sum(dy * y) normalized
    size_t bytes;

    NABLA_INLINE Scratch(void* memory, const Backward& g) {
      const AttentionProblem& problem = g.p;
      ScratchCut<T> cut = {static_cast<T*>(memory)};
      const int64_t block = min_of(Block::queries, ceil_div(problem.queries, NR) * NR);
      const int64_t of_keys = min_of(Block::keys, g.chunk_keys());
      const int64_t options = problem.mask_kind != AttentionMask::none || problem.rate > 0 ? of_keys * NR : 0;
      queries = cut.take(block * problem.size);
      packed_queries = cut.take(block * problem.size);
      slopes = cut.take(block * problem.value_size);
      packed_slopes = cut.take(block * problem.value_size);
      keys = cut.take(of_keys * problem.size);
      values = cut.take(of_keys * problem.value_size);
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

  void compute(int64_t b, int64_t key_head, int64_t chunk, void* memory) const {
    const Scratch s(memory, *this);
    const AttentionCut cut = keys_of_chunks();
    const int64_t first = cut.at(chunk), end = cut.at(chunk + 1);
    fill_zero(s.dk, (end - first) * p.size);
    fill_zero(s.dv, (end - first) * p.value_size);
    const AttentionCut blocks(0, p.queries, NR, Block::queries);
    for (int64_t h = key_head * p.group(); h < (key_head + 1) * p.group(); ++h) {
      for (int64_t piece = 0; piece < blocks.pieces; ++piece) {
        const int64_t begin = blocks.at(piece), queries_end = blocks.at(piece + 1);
        const int64_t visible = min_of(end, p.visible(b, queries_end));
        if (visible > first) {
          take_queries(b, h, begin, queries_end, s);
          add_queries(b, h, begin, queries_end, first, visible, s);
        } else {
          fill_zero(s.dq, (queries_end - begin) * p.size);
        }
        write_dq(b, h, chunk, begin, queries_end, s.dq);
      }
    }
    const HeadRows<T> to_dk = dk.at(b, key_head), to_dv = dv.at(b, key_head);
    for (int64_t j = first; j < end; ++j) {
      copy_scaled(s.dk + (j - first) * p.size, to_dk.row(j), p.size, static_cast<T>(p.scale));
      copy_row(s.dv + (j - first) * p.value_size, to_dv.row(j), p.value_size);
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
  // Copies a block of Q and dY, normalized, and finds its queries' shift and dot. Panels end with rows of zeros.
  NABLA_INLINE void take_queries(int64_t b, int64_t h, int64_t begin, int64_t end, const Scratch& s) const {
    const HeadRows<const T> from_q = q.at(b, h), from_y = y.at(b, h), from_dy = dy.at(b, h);
    const int64_t n = end - begin, whole = ceil_div(n, NR) * NR;
    pack_transposed(from_q, begin, end, p.size, static_cast<T>(p.scale) * kScoreUnit<T>, s.packed_queries);
    const T* greatest = statistics + (b * p.heads + h) * p.queries;
    const T* normalizers = greatest + p.batch * p.heads * p.queries;
    for (int64_t i = 0; i < n; ++i) {
      copy_row(from_q.row(begin + i), s.queries + i * p.size, p.size);
      const T *out = from_y.row(begin + i), *slope = from_dy.row(begin + i);
      T* copy = s.slopes + i * p.value_size;
      const Vec<T> normalizer = Vec<T>::set(normalizers[begin + i]);
      Vec<T> products = Vec<T>::zero();
      for_lanes<T>(0, p.value_size, [&](int64_t j, auto lanes) {
        const Vec<T> x = lanes.load(slope + j) * normalizer;
        lanes.store(copy + j, x);
        products = fma(x, lanes.load(out + j), products);
      });
      s.dot[i] = -sum_lanes(products);
      s.shift[i] = -greatest[begin + i];
    }
    pack_transposed(HeadRows<const T>{s.slopes, p.value_size}, 0, n, p.value_size, T(1), s.packed_slopes);
    fill_zero(s.queries + n * p.size, (whole - n) * p.size);
    fill_zero(s.slopes + n * p.value_size, (whole - n) * p.value_size);
    fill_zero(s.shift + n, whole - n);
    fill_zero(s.dot + n, whole - n);
  }

  // The part of queries [begin, end) and keys [first, visible) in all gradients.
  NABLA_INLINE void add_queries(int64_t b, int64_t h, int64_t begin, int64_t end, int64_t first, int64_t visible,
                                const Scratch& s) const {
    const HeadRows<const T> keys = k.at(b, h / p.group()), values = v.at(b, h / p.group());
    const int64_t panels = ceil_div(end - begin, NR);
    const AttentionCut cut(first, visible, 1, Block::keys);
    for (int64_t piece = 0; piece < cut.pieces; ++piece) {
      const int64_t j0 = cut.at(piece), j1 = cut.at(piece + 1), panel_elements = (j1 - j0) * NR;
      const T* near_keys = near_rows(keys, j0, j1, p.size, s.keys);
      const T* near_values = near_rows(values, j0, j1, p.value_size, s.values);
      for (int64_t panel = 0; panel < panels; ++panel) {
        const int64_t i = begin + panel * NR, queries = min_of(NR, end - i);
        const PanelPlace place = {b, h, i, queries, j0, min_of(j1, p.visible(b, i + queries))};
        if (place.keys() <= 0) {
          // The first block of keys begins dQ.
          if (piece == 0) fill_zero(s.dq + panel * NR * p.size, queries * p.size);
          continue;
        }
        T *weights = s.weights + panel * panel_elements, *slopes = s.score_slopes + panel * panel_elements;
        fill_panel(place, panel, near_keys, near_values, weights, slopes, s);
        multiply_block(queries, p.size, by_columns(slopes, NR, place.keys()), near_keys, p.size,
                       s.dq + panel * NR * p.size, p.size, piece > 0);
      }
      // A strip of keys meets the panels that see it.
      for (int64_t j = j0, strip_end = j1; j < j1; j = strip_end) {
        int64_t panel = 0;
        if (p.causal) {
          panel = max_of(0, (j - begin) / NR);
          strip_end = min_of(j1, begin + (panel + 1) * NR);
        }
        const int64_t offset = panel * panel_elements + (j - j0) * NR;
        ATile<T> tile = {s.weights + offset, NR, 1, NR, panels - panel, panel_elements};
        multiply_block(strip_end - j, p.value_size, tile, s.slopes + panel * NR * p.value_size, p.value_size,
                       s.dv + (j - first) * p.value_size, p.value_size, true);
        tile.a = s.score_slopes + offset;
        multiply_block(strip_end - j, p.size, tile, s.queries + panel * NR * p.size, p.size,
                       s.dk + (j - first) * p.size, p.size, true);
      }
    }
  }

  // P before it is normalized, with dropout, and dS of one panel.
  NABLA_INLINE void fill_panel(const PanelPlace& place, int64_t number, const T* keys, const T* values, T* weights,
                               T* slopes, const Scratch& s) const {
    using V = Vec<T>;
    const int64_t n = place.keys();
    if (mask.exists()) mask.fill(place, s.rows, weights);
    const T *shift = s.shift + number * NR, *dot = s.dot + number * NR;
    const Epilogue<T> minus_greatest = {shift, Activation::none}, minus_dot = {dot, Activation::none};
    multiply_block(n, NR, by_rows(keys, p.size, p.size), s.packed_queries + number * NR * p.size, NR, weights, NR,
                   mask.exists(), &minus_greatest);
    if (p.causal) hide_later_keys(place, weights);
    multiply_block(n, NR, by_rows(values, p.value_size, p.value_size), s.packed_slopes + number * NR * p.value_size, NR,
                   slopes, NR, false, dropout.exists() ? nullptr : &minus_dot);
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

  NABLA_INLINE void write_dq(int64_t b, int64_t h, int64_t chunk, int64_t begin, int64_t end, const T* from) const {
    if (chunks > 1) {
      const int64_t head = (chunk * p.batch + b) * p.heads + h;
      copy_row(from, partial_dq + (head * p.queries + begin) * p.size, (end - begin) * p.size);
      return;
    }
    const HeadRows<T> to = dq.at(b, h);
    for (int64_t i = begin; i < end; ++i) {
      copy_scaled(from + (i - begin) * p.size, to.row(i), p.size, static_cast<T>(p.scale));
    }
  }
};

// Tasks that share evenly among a few threads; a chunk has a block of keys at least.
template <typename T>
int64_t key_chunks(const AttentionProblem& p) {
  constexpr int64_t kTasks = 8;
  const int64_t heads = p.batch * p.key_heads, most = ceil_div(p.keys, AttentionBlocks<T>::keys);
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
                          chunks > 1 ? args.workspace.array<T>(chunks * elements) : nullptr};
  if (p.keys == 0) return fill_zero(args.out[0].as<T>(), elements);
  const size_t bytes = typename Backward<T>::Scratch(nullptr, backward).bytes;
  parallel_for_with_scratch(args.pool, args.workspace, p.batch * p.key_heads * chunks, bytes,
                            [&](int64_t task, void* memory) {
                              const int64_t head = task / chunks;
                              backward.compute(head / p.key_heads, head % p.key_heads, task % chunks, memory);
                            });
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
