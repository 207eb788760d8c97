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

  // Queries [begin, end) of one head.
  void compute(int64_t b, int64_t h, int64_t begin, int64_t end, void* memory) const {
    const Scratch s(memory, p);
    const HeadRows<const T> keys = k.at(b, h / p.group()), values = v.at(b, h / p.group());
    pack_transposed(q.at(b, h), begin, end, p.size, static_cast<T>(p.scale) * kScoreUnit<T>, s.queries);
    OnlineSoftmax<T>{s.maximum, s.sum}.start(Block::queries);

    const int64_t visible = p.visible(b, end);
    if (visible == 0) fill_zero(s.sums, (end - begin) * p.value_size);
    const AttentionCut cut(0, visible, 1, Block::keys);
    for (int64_t piece = 0; piece < cut.pieces; ++piece) {
      const int64_t j0 = cut.at(piece), j1 = cut.at(piece + 1);
      const T* near_keys = near_rows(keys, j0, j1, p.size, s.keys);
      const T* near_values = near_rows(values, j0, j1, p.value_size, s.values);
      for (int64_t i = begin; i < end; i += NR) {
        const int64_t queries = min_of(NR, end - i), keys_end = min_of(j1, p.visible(b, i + queries));
        if (keys_end <= j0) continue;
        add_panel({b, h, i, queries, j0, keys_end}, i - begin, near_keys, near_values, s);
      }
    }
    finish(b, h, begin, end, s);
  }

 private:
  // The part of a block of keys in the outputs of a panel's queries, which are number `first` and following of the
  // block.
  NABLA_INLINE void add_panel(const PanelPlace& place, int64_t first, const T* keys, const T* values,
                              const Scratch& s) const {
    // What no lane of the last vector needs is not computed.
    constexpr int64_t width = TileVec<T>::width;
    const int64_t n = place.keys(), columns = ceil_div(place.queries, width) * width;
    if (mask.exists()) mask.fill(place, s.rows, s.panel);
    multiply_block(n, columns, by_rows(keys, p.size, p.size), s.queries + first * p.size, NR, s.panel, NR,
                   mask.exists());
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
                   before);
  }

  NABLA_INLINE void finish(int64_t b, int64_t h, int64_t begin, int64_t end, const Scratch& s) const {
    const OnlineSoftmax<T> softmax = {s.maximum, s.sum};
    const HeadRows<T> out = y.at(b, h);
    for (int64_t i = begin; i < end; ++i) {
      const Vec<T> scale = Vec<T>::set(softmax.normalizer(i - begin));
      const T* from = s.sums + (i - begin) * p.value_size;
      T* to = out.row(i);
      for_lanes<T>(0, p.value_size, [&](int64_t j, auto lanes) { lanes.store(to + j, lanes.load(from + j) * scale); });
      if (!statistics) continue;
      const int64_t row = (b * p.heads + h) * p.queries + i;
      statistics[row] = softmax.greatest(i - begin);
      statistics[p.batch * p.heads * p.queries + row] = softmax.normalizer(i - begin);
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
                     train ? args.out[1].as<T>() : nullptr};
  const AttentionCut cut(0, p.queries, F::NR, F::Block::queries);
  const size_t bytes = typename F::Scratch(nullptr, p).bytes;
  parallel_for_with_scratch(args.pool, args.workspace, p.batch * p.heads * cut.pieces, bytes,
                            [&](int64_t task, void* memory) {
                              // The last blocks of a causal head see the most keys: they come first.
                              const int64_t head = task / cut.pieces, piece = cut.pieces - 1 - task % cut.pieces;
                              forward.compute(head / p.heads, head % p.heads, cut.at(piece), cut.at(piece + 1), memory);
                            });
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
