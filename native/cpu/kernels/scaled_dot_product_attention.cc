// softmax(scale * Q * K^T + mask) * V without the matrix of scores, after FlashAttention-2 (Dao, 2023).
#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/gemm/scratch.h"
#include "cpu/kernels/attention_dropout.h"
#include "cpu/kernels/attention_mask.h"
#include "cpu/kernels/attention_softmax.h"
#include "cpu/kernels/attention_tiles.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T>
struct Forward {
  using Block = AttentionBlocks<T>;
  static constexpr int64_t NR = Block::NR;

  AttentionProblem p;
  ScoreMask<T> mask;
  AttentionDropout<T> dropout;
  Heads<const T> q, k, v;
  Heads<T> y;
  T* statistics;  // or null: the greatest scores of all queries, then what normalizes their weights
  int64_t threads;

  // The scratch memory of one thread. A block of queries stays, blocks of keys pass by.
  struct Scratch {
    T *queries, *keys, *values;  // packed, and copies of rows with gaps between them
    T *panel, *rows, *factors;   // scores, then weights; for mask and dropout
    T *sums, *maximum, *sum, *factor;

    size_t bytes;

    NABLA_INLINE Scratch(void* memory, const AttentionProblem& p) {
      ScratchCut<T> cut = {static_cast<T*>(memory)};
      // Blocks of a short sequence are smaller.
      const int64_t block = min_of(Block::queries, ceil_div(p.queries, NR) * NR), of_keys = min_of(Block::keys, p.keys);
      const int64_t options = p.mask_kind != AttentionMask::none || p.rate > 0 ? of_keys * NR : 0;
      queries = cut.take(block * p.size);
      keys = cut.take(of_keys * p.size);
      values = cut.take(of_keys * p.value_size);
      panel = cut.take(of_keys * NR);
      rows = cut.take(options);
      factors = cut.take(options);
      sums = cut.take(block * p.value_size);
      maximum = cut.take(Block::queries);
      sum = cut.take(Block::queries);
      factor = cut.take(NR);
      bytes = cut.bytes();
    }
  };

  // A task: queries [begin, end) of one head.
  struct Place {
    int64_t b, h, begin, end;
  };
  NABLA_INLINE AttentionCut blocks() const { return AttentionCut(0, p.queries, NR, Block::queries); }
  NABLA_INLINE int64_t tasks() const { return p.batch * p.heads * blocks().pieces; }
  NABLA_INLINE Place place_of(int64_t task) const {
    const AttentionCut cut = blocks();
    // The last blocks of a causal head see the most keys: they come first.
    const int64_t head = task / cut.pieces, piece = cut.pieces - 1 - task % cut.pieces;
    return {head / p.heads, head % p.heads, cut.at(piece), cut.at(piece + 1)};
  }

  void compute(int64_t task, void* memory) const {
    const Scratch s(memory, p);
    const Place at = place_of(task);
    pack_transposed(q.at(at.b, at.h), at.begin, at.end, p.size, static_cast<T>(p.scale) * kScoreUnit<T>, s.queries);
    OnlineSoftmax<T>{s.maximum, s.sum}.start(Block::queries);

    const AttentionCut cut = blocks_of_keys(at);
    if (cut.pieces == 0) fill_zero(s.sums, (at.end - at.begin) * p.value_size);
    for (int64_t piece = 0; piece < cut.pieces; ++piece) {
      const int64_t j0 = cut.at(piece), j1 = cut.at(piece + 1);
      const T* near_keys = near_rows(keys_of(at), j0, j1, p.size, s.keys);
      const T* near_values = near_rows(values_of(at), j0, j1, p.value_size, s.values);
      Ahead ahead = after(task, at, cut, piece);
      ahead.share_among(ceil_div(at.end - at.begin, NR) *
                        (tiles_of<T>(j1 - j0, NR) * p.size + tiles_of<T>(NR, p.value_size) * (j1 - j0)));
      for (int64_t i = at.begin; i < at.end; i += NR) {
        const int64_t queries = min_of(NR, at.end - i), keys_end = min_of(j1, p.visible(at.b, i + queries));
        if (keys_end <= j0) continue;
        add_panel({at.b, at.h, i, queries, j0, keys_end}, i - at.begin, near_keys, near_values, s, ahead);
      }
    }
    finish(at, s);
  }

 private:
  NABLA_INLINE HeadRows<const T> keys_of(const Place& at) const { return k.at(at.b, at.h / p.group()); }
  NABLA_INLINE HeadRows<const T> values_of(const Place& at) const { return v.at(at.b, at.h / p.group()); }
  NABLA_INLINE AttentionCut blocks_of_keys(const Place& at) const {
    return AttentionCut(0, p.visible(at.b, at.end), 1, Block::keys);
  }

  // What is read and written after this block of keys: the next one, or the results and what the thread's next task
  // begins with.
  NABLA_INLINE Ahead after(int64_t task, const Place& at, const AttentionCut& cut, int64_t piece) const {
    Ahead ahead;
    const auto add_block = [&](const Place& place, const AttentionCut& of, int64_t number) {
      ahead.add(rows_ahead(keys_of(place), of.at(number), of.at(number + 1), p.size));
      ahead.add(rows_ahead(values_of(place), of.at(number), of.at(number + 1), p.value_size));
    };
    if (piece + 1 < cut.pieces) {
      add_block(at, cut, piece + 1);
      return ahead;
    }
    ahead.add(rows_ahead(y.at(at.b, at.h), at.begin, at.end, p.value_size));
    // Drawn evenly, tasks are this far apart.
    if (task + threads >= tasks()) return ahead;
    const Place next = place_of(task + threads);
    ahead.add(rows_ahead(q.at(next.b, next.h), next.begin, next.end, p.size));
    const AttentionCut of_next = blocks_of_keys(next);
    if (of_next.pieces > 0) add_block(next, of_next, 0);
    return ahead;
  }

  // The part of a block of keys in the outputs of a panel's queries, which are number `first` and following of the
  // block.
  NABLA_INLINE void add_panel(const PanelPlace& place, int64_t first, const T* keys, const T* values, const Scratch& s,
                              Ahead& ahead) const {
    // What no lane of the last vector needs is not computed.
    constexpr int64_t width = TileVec<T>::width;
    const int64_t n = place.keys(), columns = ceil_div(place.queries, width) * width;
    if (mask.exists()) mask.fill(place, s.rows, s.panel);
    multiply_block(n, columns, by_rows(keys, p.size, p.size), s.queries + first * p.size, NR, s.panel, NR,
                   mask.exists(), ahead);
    if (p.causal) hide_later_keys(place, s.panel);
    const bool scales = OnlineSoftmax<T>{s.maximum + first, s.sum + first}.add(s.panel, n, columns, s.factor);
    if (dropout.exists()) {
      dropout.factors(place, s.rows, s.factors);
      for (int64_t i = 0; i < n * NR; ++i) s.panel[i] *= s.factors[i];
    }
    T* sums = s.sums + first * p.value_size;
    const bool before = place.keys_begin > 0;
    if (before && scales) scale_rows(sums, s.factor, place.queries, p.value_size);
    multiply_block(place.queries, p.value_size, by_columns(s.panel, NR, n), values, p.value_size, sums, p.value_size,
                   before, ahead);
  }

  NABLA_INLINE void finish(const Place& at, const Scratch& s) const {
    const OnlineSoftmax<T> softmax = {s.maximum, s.sum};
    const HeadRows<T> out = y.at(at.b, at.h);
    for (int64_t i = at.begin; i < at.end; ++i) {
      const Vec<T> scale = Vec<T>::set(softmax.normalizer(i - at.begin));
      const T* from = s.sums + (i - at.begin) * p.value_size;
      T* to = out.row(i);
      for_lanes<T>(0, p.value_size, [&](int64_t j, auto lanes) { lanes.store(to + j, lanes.load(from + j) * scale); });
      if (!statistics) continue;
      const int64_t row = (at.b * p.heads + at.h) * p.queries + i;
      statistics[row] = softmax.greatest(i - at.begin);
      statistics[p.batch * p.heads * p.queries + row] = softmax.normalizer(i - at.begin);
    }
  }
};

template <typename T>
void run(KernelArgs& args, const AttentionProblem& p) {
  const bool train = args.n_out > 1;
  using F = Forward<T>;
  const F forward = {p,
                     ScoreMask<T>(p),
                     AttentionDropout<T>(p),
                     Heads<const T>::of(args.in[0], 2),
                     Heads<const T>::of(args.in[1], 2),
                     Heads<const T>::of(args.in[2], 2),
                     Heads<T>::of(args.out[0], 1),
                     train ? args.out[1].as<T>() : nullptr,
                     args.pool.threads()};
  const size_t bytes = typename F::Scratch(nullptr, p).bytes;
  parallel_for_with_scratch(args.pool, args.workspace, forward.tasks(), bytes,
                            [&](int64_t task, void* memory) { forward.compute(task, memory); });
}

}  // namespace

void scaledDotProductAttention(KernelArgs& args) {
  const AttentionProblem p = attention_problem(args);
  NABLA_CHECK(args.n_attr >= 8 && args.n_out == (args.attr[7] != 0 ? 2 : 1), "there are statistics in training only");
  const DType dtype = args.in[0].dtype;
  check_attention_view(args.out[0], dtype, p.batch, p.queries, p.heads, p.value_size);
  NABLA_CHECK(
      args.n_out == 1 || (args.out[1].dtype == dtype && args.out[1].numel() == 2 * p.batch * p.heads * p.queries),
      "the statistics must have two numbers for each query");
  if (dtype == DType::float32) return run<float>(args, p);
  run<double>(args, p);
}

}  // namespace nabla::NABLA_ISA
