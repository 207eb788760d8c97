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
  static constexpr int64_t NR = TileShape<T>::NR;
  static constexpr int64_t kKeys = 1024 / sizeof(T);  // of a block

  AttentionProblem p;
  ScoreMask<T> mask;
  AttentionDropout<T> dropout;
  Heads<const T> q, k, v;
  Heads<T> y;
  T* statistics;  // or null: the greatest scores of all queries, then what normalizes their weights
  int64_t threads;
  int64_t most_queries;  // of a block

  // Each block of queries copies the keys and values that it sees, so blocks are as large as leaves enough of them to
  // share among the threads.
  static int64_t queries_of(const AttentionProblem& p, int64_t threads) {
    int64_t most = 2048 / sizeof(T);
    while (most > 512 / int64_t{sizeof(T)} && p.batch * p.heads * ceil_div(p.queries, most) < 8 * threads) most /= 2;
    return most;
  }

  // The scratch memory of one thread. A block of queries stays, blocks of keys pass by.
  struct Scratch {
    T *queries, *keys, *values;  // packed, and copies of rows with gaps between them
    T *panel, *rows, *factors;   // scores, then weights; for mask and dropout
    T *sums, *maximum, *sum, *factor;

    size_t bytes;

    NABLA_INLINE Scratch(void* memory, const AttentionProblem& p, int64_t most_queries) {
      ScratchCut<T> cut = {static_cast<T*>(memory)};
      // Blocks of a short sequence are smaller.
      const int64_t block = min_of(most_queries, ceil_div(p.queries, NR) * NR), of_keys = min_of(kKeys, p.keys);
      const int64_t options = p.mask_kind != AttentionMask::none || p.rate > 0 ? of_keys * NR : 0;
      queries = cut.take(block * p.size);
      keys = cut.take(of_keys * p.size);
      values = cut.take(of_keys * p.value_size);
      panel = cut.take(of_keys * NR);
      rows = cut.take(options);
      factors = cut.take(options);
      sums = cut.take(block * p.value_size);
      maximum = cut.take(block);
      sum = cut.take(block);
      factor = cut.take(NR);
      bytes = cut.bytes();
    }
  };

  // A task: queries [begin, end) of one head.
  struct Place {
    int64_t b, h, begin, end;
  };
  NABLA_INLINE AttentionCut blocks() const { return AttentionCut(0, p.queries, NR, most_queries); }
  NABLA_INLINE int64_t tasks() const { return p.batch * p.heads * blocks().pieces; }
  NABLA_INLINE Place place_of(int64_t task) const {
    const AttentionCut cut = blocks();
    // The last blocks of a causal head see the most keys: they come first.
    const int64_t head = task / cut.pieces, piece = cut.pieces - 1 - task % cut.pieces;
    return {head / p.heads, head % p.heads, cut.at(piece), cut.at(piece + 1)};
  }

  void compute(int64_t task, void* memory) const {
    const Scratch s(memory, p, most_queries);
    const Place at = place_of(task);
    pack_transposed(q.at(at.b, at.h), at.begin, at.end, p.size, static_cast<T>(p.scale) * kScoreUnit<T>, s.queries);
    OnlineSoftmax<T>{s.maximum, s.sum}.start(ceil_div(at.end - at.begin, NR) * NR);

    const KeyBlocks blocks = key_blocks(at);
    if (blocks.seen == 0) fill_zero(s.sums, (at.end - at.begin) * p.value_size);
    for (int64_t number = 0; number < blocks.seen; ++number) {
      const int64_t j0 = blocks.begin(number), j1 = blocks.end(number);
      const T* near_keys = near_rows(keys_of(at), j0, j1, p.size, s.keys);
      const T* near_values = near_rows(values_of(at), j0, j1, p.value_size, s.values);
      Ahead ahead = after(task, at, blocks, number);
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

  // The keys of a head are cut alike for all of its queries, so that results do not depend on how these are cut. The
  // blocks that these queries see are the first ones.
  struct KeyBlocks {
    AttentionCut cut;
    int64_t visible, seen;
    NABLA_INLINE int64_t begin(int64_t number) const { return cut.at(number); }
    NABLA_INLINE int64_t end(int64_t number) const { return min_of(cut.at(number + 1), visible); }
  };
  NABLA_INLINE KeyBlocks key_blocks(const Place& at) const {
    const AttentionCut cut(0, p.visible(at.b, p.queries), 1, kKeys);
    KeyBlocks blocks = {cut, p.visible(at.b, at.end), 0};
    while (blocks.seen < cut.pieces && blocks.begin(blocks.seen) < blocks.visible) ++blocks.seen;
    return blocks;
  }

  // What is read and written after this block of keys: the next one, or the results and what the thread's next task
  // begins with.
  NABLA_INLINE Ahead after(int64_t task, const Place& at, const KeyBlocks& blocks, int64_t number) const {
    Ahead ahead;
    const auto add_block = [&](const Place& place, const KeyBlocks& of, int64_t next) {
      ahead.add(rows_ahead(keys_of(place), of.begin(next), of.end(next), p.size));
      ahead.add(rows_ahead(values_of(place), of.begin(next), of.end(next), p.value_size));
    };
    if (number + 1 < blocks.seen) {
      add_block(at, blocks, number + 1);
      return ahead;
    }
    ahead.add(rows_ahead(y.at(at.b, at.h), at.begin, at.end, p.value_size));
    const int64_t next_task = TaskOrder{tasks(), threads}.next(task);
    if (next_task <= task) return ahead;
    const Place next = place_of(next_task);
    ahead.add(rows_ahead(q.at(next.b, next.h), next.begin, next.end, p.size));
    const KeyBlocks of_next = key_blocks(next);
    if (of_next.seen > 0) add_block(next, of_next, 0);
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
  const int64_t threads = args.pool.threads(), most_queries = F::queries_of(p, threads);
  const F forward = {p,
                     ScoreMask<T>(p),
                     AttentionDropout<T>(p),
                     Heads<const T>::of(args.in[0], 2),
                     Heads<const T>::of(args.in[1], 2),
                     Heads<const T>::of(args.in[2], 2),
                     Heads<T>::of(args.out[0], 1),
                     train ? args.out[1].as<T>() : nullptr,
                     threads,
                     most_queries};
  const size_t bytes = typename F::Scratch(nullptr, p, most_queries).bytes;
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
