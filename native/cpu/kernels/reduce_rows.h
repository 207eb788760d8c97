// Reductions whose outputs are made of neighbours in memory.
#pragma once
#include <cstdint>
#include <type_traits>

#include "core/kernel.h"
#include "cpu/kernels/reduce_ops.h"
#include "cpu/kernels/reduce_plan.h"
#include "cpu/simd/fold_together.h"

namespace nabla::NABLA_ISA {

constexpr int64_t kGrain = 32768;      // input elements of a task, about
constexpr int64_t kRowGrain = 65536;   // where whole rows are taken: long runs suit the prefetcher
constexpr int64_t kSplitFrom = 65536;  // elements of one output that are worth being split among tasks
constexpr int64_t kEnoughTasks = 32;   // with as many outputs there is no need to
constexpr int64_t kMaxSegments = 64;

NABLA_INLINE int64_t round_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }
NABLA_INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// Combines a sequence of values as a balanced tree: level k holds the result of 2^k of them.
template <typename Op>
struct PairwiseTree {
  using Acc = typename Op::Acc;
  Acc level[48];
  uint64_t count = 0;

  NABLA_INLINE void push(Acc value) {
    int k = 0;
    for (; count >> k & 1; ++k) value = Op::combine(level[k], value);
    level[k] = value;
    ++count;
  }
  NABLA_INLINE Acc finish() const {
    Acc value = Op::identity();
    for (int k = 0; count >> k; ++k) {
      if (count >> k & 1) value = Op::combine(level[k], value);
    }
    return value;
  }
};

template <typename Op>
constexpr bool kFloating = std::is_floating_point_v<typename Op::Acc>;

// Zen 4 foresees the next cache line for an instruction that reads each: the fewer loads in the loop, and the more of
// them a line, the better. Two cache lines of sums are enough to hide the time of an addition.
template <typename Op>
using RowVec = Vec<std::conditional_t<kFloating<Op>, typename Op::Acc, float>>;
template <typename Op>
constexpr int kRowChains = RowVec<Op>::width == 1 ? 8 : 128 / static_cast<int>(sizeof(RowVec<Op>));
// Elements that kRowChains registers take in 64 rounds.
template <typename Op>
constexpr int64_t kBlock = 64 * kRowChains<Op> * RowVec<Op>::width;

// kRowChains registers take turns, as long as all of them find elements; then one takes the rest.
template <typename Op, typename Load>
NABLA_INLINE Vec<typename Op::Acc> reduce_in_chains(const typename Op::In* x, int64_t n, Load&& load) {
  using V = Vec<typename Op::Acc>;
  constexpr int kWidth = V::width, kChains = kRowChains<Op>;
  V total = V::set(Op::identity());
  int64_t i = 0;
  if (n >= kChains * kWidth) {
    V chain[kChains];
    for (int k = 0; k < kChains; ++k) chain[k] = load(x + k * kWidth);
    for (i = kChains * kWidth; i + kChains * kWidth <= n; i += kChains * kWidth) {
      for (int k = 0; k < kChains; ++k) chain[k] = Op::combine(chain[k], load(x + i + k * kWidth));
    }
    for (int k = kChains / 2; k > 0; k /= 2) {
      for (int j = 0; j < k; ++j) chain[j] = Op::combine(chain[j], chain[j + k]);
    }
    total = chain[0];
  }
  for (; i + kWidth <= n; i += kWidth) total = Op::combine(total, V::load(x + i));
  if (i < n) total = Op::combine(total, load_part(x + i, n - i, V::set(Op::identity())));
  return total;
}

// At most kBlock neighbours of a floating-point type, as one register.
template <typename Op>
NABLA_INLINE Vec<typename Op::Acc> reduce_to_register(const typename Op::In* x, int64_t n) {
  using V = Vec<typename Op::Acc>;
  constexpr int64_t kWorthHalves = 16 * V::width;
  if (n < kWorthHalves) return reduce_in_chains<Op>(x, n, V::load);
  return reduce_in_chains<Op>(x, n, [](const typename Op::In* p) { return load_halves(p); });
}

// At most kBlock neighbours.
template <typename Op>
typename Op::Acc reduce_block(const typename Op::In* x, int64_t n) {
  using Acc = typename Op::Acc;
  if constexpr (!kFloating<Op>) {
    // The order is free: the compiler makes vectors of it.
    Acc total = Op::identity();
    for (int64_t i = 0; i < n; ++i) total = Op::combine(total, static_cast<Acc>(x[i]));
    return total;
  } else {
    using V = Vec<Acc>;
    return fold_registers(reduce_to_register<Op>(x, n), [](V a, V b) { return Op::combine(a, b); });
  }
}

// Rows of at most kBlock neighbours each, `stride` apart, into neighbouring outputs from `first` on.
template <typename Op>
void reduce_block_rows(const typename Op::In* x, int64_t stride, int64_t rows, int64_t n, const ReduceOutput& out,
                       int64_t first) {
  int64_t r = 0;
  if constexpr (kFloating<Op>) {
    using V = Vec<typename Op::Acc>;
    for (; r + V::width <= rows; r += V::width) {
      V total[V::width];
      for (int k = 0; k < V::width; ++k) total[k] = reduce_to_register<Op>(x + (r + k) * stride, n);
      const V results = fold_together(total, [](V a, V b) { return Op::combine(a, b); });
      Op::result(out, results).store(static_cast<typename Op::Acc*>(out.data) + first + r);
    }
  }
  for (; r < rows; ++r) Op::write(out, first + r, reduce_block<Op>(x + r * stride, n));
}

template <typename Op>
typename Op::Acc reduce_strided_block(const typename Op::In* x, int64_t n, int64_t stride) {
  using Acc = typename Op::Acc;
  Acc chain[4] = {Op::identity(), Op::identity(), Op::identity(), Op::identity()};
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    for (int k = 0; k < 4; ++k) chain[k] = Op::combine(chain[k], static_cast<Acc>(x[(i + k) * stride]));
  }
  for (; i < n; ++i) chain[0] = Op::combine(chain[0], static_cast<Acc>(x[i * stride]));
  return Op::combine(Op::combine(chain[0], chain[1]), Op::combine(chain[2], chain[3]));
}

// Elements that lie `stride` apart, block by block.
template <typename Op>
NABLA_INLINE void reduce_run(PairwiseTree<Op>& tree, const typename Op::In* x, int64_t n, int64_t stride) {
  constexpr int64_t kStridedBlock = 256;
  if (stride == 1) {
    for (; n > 0; n -= kBlock<Op>, x += kBlock<Op>) tree.push(reduce_block<Op>(x, least(n, kBlock<Op>)));
  } else {
    for (; n > 0; n -= kStridedBlock, x += kStridedBlock * stride) {
      tree.push(reduce_strided_block<Op>(x, least(n, kStridedBlock), stride));
    }
  }
}

// The reduced elements [begin, end) of the output whose input starts at x.
template <typename Op>
typename Op::Acc reduce_range(const ReducePlan& plan, const typename Op::In* x, int64_t begin, int64_t end) {
  const int64_t stride = plan.reduced.row_stride(0);
  PairwiseTree<Op> tree;
  if (plan.reduced.rank == 1) {
    reduce_run(tree, x + begin * stride, end - begin, stride);
  } else {
    for_each_row(plan.reduced, begin, end,
                 [&](const int64_t* offset, int64_t n) { reduce_run(tree, x + offset[0], n, stride); });
  }
  return tree.finish();
}

template <typename Op>
void reduce_rows(const ReducePlan& plan, const ReduceOutput& out, KernelArgs& args) {
  using Acc = typename Op::Acc;
  const auto* x = args.in[0].as<const typename Op::In>() + plan.in_begin;
  // body(output, input offset, output offset)
  const auto for_outputs = [&](int64_t begin, int64_t end, auto&& body) {
    for_each_row(plan.kept, begin, end, [&](const int64_t* offset, int64_t n) {
      for (int64_t j = 0; j < n; ++j) {
        body(begin + j, offset[0] + j * plan.kept.row_stride(0),
             plan.out_begin + offset[1] + j * plan.kept.row_stride(1));
      }
      begin += n;
    });
  };

  if (plan.outputs >= kEnoughTasks || plan.count < kSplitFrom) {
    const bool one_block = plan.reduced.rank == 1 && plan.reduced.row_stride(0) == 1 && plan.count <= kBlock<Op>;
    const bool block_rows = one_block && plan.kept.rank == 1 && plan.kept.row_stride(1) == 1;
    const int64_t grain = plan.count < kRowGrain ? round_up(kRowGrain / plan.count, 16) : 1;
    parallel_ranges(args.pool, plan.outputs, grain, [&](int64_t begin, int64_t end) {
      if (block_rows) {
        const int64_t stride = plan.kept.row_stride(0);
        return reduce_block_rows<Op>(x + begin * stride, stride, end - begin, plan.count, out, plan.out_begin + begin);
      }
      for_outputs(begin, end, [&](int64_t, int64_t in_offset, int64_t out_offset) {
        const auto* row = x + in_offset;
        Op::write(out, out_offset,
                  one_block ? reduce_block<Op>(row, plan.count) : reduce_range<Op>(plan, row, 0, plan.count));
      });
    });
    return;
  }
  const int64_t segment = round_up(plan.count / kMaxSegments < kGrain ? kGrain : plan.count / kMaxSegments, kBlock<Op>);
  const int64_t segments = (plan.count + segment - 1) / segment;
  Acc* partial = args.workspace.array<Acc>(plan.outputs * segments);
  parallel_for(args.pool, plan.outputs * segments, [&](int64_t task) {
    const int64_t output = task / segments, begin = (task - output * segments) * segment;
    for_outputs(output, output + 1, [&](int64_t, int64_t in_offset, int64_t) {
      partial[task] = reduce_range<Op>(plan, x + in_offset, begin, least(begin + segment, plan.count));
    });
  });
  for_outputs(0, plan.outputs, [&](int64_t output, int64_t, int64_t out_offset) {
    PairwiseTree<Op> tree;
    for (int64_t s = 0; s < segments; ++s) tree.push(partial[output * segments + s]);
    Op::write(out, out_offset, tree.finish());
  });
}

}  // namespace nabla::NABLA_ISA
