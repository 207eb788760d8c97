// sum, mean, max and min over any axes of any strides.
//
// Two forms do all the work: the elements of one output are neighbours in memory (rows), or neighbours belong to
// different outputs (columns). Sums stay accurate and independent of the threads because the order of additions
// is a tree that the shape fixes: runs of at most 64 additions in each accumulator, whose results are combined in
// pairs. The error of a float32 sum of n elements is below (80 + log2 n) * 2^-24 * (sum of their magnitudes).
#include <cstdint>
#include <type_traits>

#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/isa_namespace.h"
#include "cpu/kernels/reduce_ops.h"
#include "cpu/kernels/reduce_plan.h"

namespace nabla::NABLA_ISA {
namespace {

constexpr int64_t kGrain = 32768;      // input elements of a task, about
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

// --- rows ------------------------------------------------------------------------------------------

template <typename Op>
constexpr bool kFloating = std::is_floating_point_v<typename Op::Acc>;

// Elements that kChains registers take in 64 rounds.
constexpr int kChains = 8;
template <typename Op>
constexpr int64_t kBlock = 64 * kChains * Vec<std::conditional_t<kFloating<Op>, typename Op::Acc, float>>::width;

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
    constexpr int kWidth = V::width;
    V total = V::set(Op::identity());
    int64_t i = 0;
    if (n >= kChains * kWidth) {
      V chain[kChains];
      for (int k = 0; k < kChains; ++k) chain[k] = V::load(x + k * kWidth);
      for (i = kChains * kWidth; i + kChains * kWidth <= n; i += kChains * kWidth) {
        for (int k = 0; k < kChains; ++k) chain[k] = Op::combine(chain[k], V::load(x + i + k * kWidth));
      }
      for (int k = kChains / 2; k > 0; k /= 2) {
        for (int j = 0; j < k; ++j) chain[j] = Op::combine(chain[j], chain[j + k]);
      }
      total = chain[0];
    }
    for (; i + kWidth <= n; i += kWidth) total = Op::combine(total, V::load(x + i));
    if (i < n) total = Op::combine(total, load_part(x + i, n - i, V::set(Op::identity())));
    return fold_lanes(total, [](Acc a, Acc b) { return Op::combine(a, b); });
  }
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
    if (stride == 1 && end - begin <= kBlock<Op>) return reduce_block<Op>(x + begin, end - begin);
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
    parallel_ranges(args.pool, plan.outputs, plan.count < kGrain ? kGrain / plan.count : 1,
                    [&](int64_t begin, int64_t end) {
                      for_outputs(begin, end, [&](int64_t, int64_t in_offset, int64_t out_offset) {
                        Op::write(out, out_offset, reduce_range<Op>(plan, x + in_offset, 0, plan.count));
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

// --- columns -----------------------------------------------------------------------------------------

// Columns whose accumulators lie in the first-level cache while rows stream past; a multiple of every width.
template <typename Op>
constexpr int64_t kTile = 2048 / static_cast<int64_t>(sizeof(typename Op::Acc));

constexpr int64_t kRowsAtOnce = 8;
constexpr int64_t kRunRows = 256;  // added to the same accumulators, eight at a time

template <typename Op>
NABLA_INLINE void combine_tiles(typename Op::Acc* __restrict target, const typename Op::Acc* __restrict other) {
  for (int64_t c = 0; c < kTile<Op>; ++c) target[c] = Op::combine(other[c], target[c]);
}

// PairwiseTree of whole tiles.
template <typename Op>
struct TileTree {
  using Acc = typename Op::Acc;
  Acc level[24][kTile<Op>];
  uint64_t count = 0;

  NABLA_INLINE void push(Acc* tile) {
    int k = 0;
    for (; count >> k & 1; ++k) combine_tiles<Op>(tile, level[k]);
    __builtin_memcpy(level[k], tile, sizeof level[k]);
    ++count;
  }
  // Adds what was pushed to `tile`.
  NABLA_INLINE void finish(Acc* tile) const {
    for (int k = 0; count >> k; ++k) {
      if (count >> k & 1) combine_tiles<Op>(tile, level[k]);
    }
  }
};

// acc[c] takes the elements c of `rows` rows; floating-point neighbours.
template <typename Op>
NABLA_INLINE void add_rows(typename Op::Acc* acc, const typename Op::In* x, int64_t row_stride, int64_t rows,
                           int64_t columns) {
  using V = Vec<typename Op::Acc>;
  constexpr int kWidth = V::width;
  const auto load_tail = [](const typename Op::In* p, int64_t n) { return load_part(p, n, V::set(Op::identity())); };
  int64_t r = 0;
  for (; r + kRowsAtOnce <= rows; r += kRowsAtOnce, x += kRowsAtOnce * row_stride) {
    const auto add = [&](int64_t c, auto&& load) {
      V v[kRowsAtOnce];
      for (int k = 0; k < kRowsAtOnce; ++k) v[k] = load(x + k * row_stride + c);
      for (int k = kRowsAtOnce / 2; k > 0; k /= 2) {
        for (int j = 0; j < k; ++j) v[j] = Op::combine(v[j], v[j + k]);
      }
      Op::combine(V::load(acc + c), v[0]).store(acc + c);
    };
    int64_t c = 0;
    for (; c + kWidth <= columns; c += kWidth) add(c, V::load);
    if (c < columns) add(c, [&](const typename Op::In* p) { return load_tail(p, columns - c); });
  }
  for (; r < rows; ++r, x += row_stride) {
    int64_t c = 0;
    for (; c + kWidth <= columns; c += kWidth) Op::combine(V::load(acc + c), V::load(x + c)).store(acc + c);
    if (c < columns) Op::combine(V::load(acc + c), load_tail(x + c, columns - c)).store(acc + c);
  }
}

// The same for any stride between columns, and for integers.
template <typename Op>
NABLA_INLINE void add_strided_rows(typename Op::Acc* __restrict acc, const typename Op::In* __restrict x,
                                   int64_t row_stride, int64_t column_stride, int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; ++r, x += row_stride) {
    for (int64_t c = 0; c < columns; ++c) {
      acc[c] = Op::combine(acc[c], static_cast<typename Op::Acc>(x[c * column_stride]));
    }
  }
}

template <typename Op>
NABLA_INLINE void add_any_rows(typename Op::Acc* acc, const typename Op::In* x, int64_t row_stride,
                               int64_t column_stride, int64_t rows, int64_t columns) {
  if (column_stride != 1) {
    add_strided_rows<Op>(acc, x, row_stride, column_stride, rows, columns);
  } else if constexpr (kFloating<Op>) {
    add_rows<Op>(acc, x, row_stride, rows, columns);
  } else {
    add_strided_rows<Op>(acc, x, row_stride, 1, rows, columns);
  }
}

// The rows [begin, end) of `columns` columns whose input starts at x.
template <typename Op>
void reduce_tile(const ReducePlan& plan, const typename Op::In* x, int64_t columns, int64_t begin, int64_t end,
                 typename Op::Acc* acc) {
  const int64_t row_stride = plan.reduced.row_stride(0), column_stride = plan.kept.row_stride(0);
  TileTree<Op> tree;
  const auto clear = [&] {
    for (int64_t c = 0; c < kTile<Op>; ++c) acc[c] = Op::identity();
  };
  clear();
  int64_t in_run = 0;
  for_each_row(plan.reduced, begin, end, [&](const int64_t* offset, int64_t n) {
    const typename Op::In* row = x + offset[0];
    while (n > 0) {
      if (in_run == kRunRows) {
        tree.push(acc);
        clear();
        in_run = 0;
      }
      const int64_t rows = least(n, kRunRows - in_run);
      add_any_rows<Op>(acc, row, row_stride, column_stride, rows, columns);
      in_run += rows;
      n -= rows;
      row += rows * row_stride;
    }
  });
  tree.finish(acc);
}

template <typename Op>
void reduce_columns(const ReducePlan& plan, const ReduceOutput& out, KernelArgs& args) {
  using Acc = typename Op::Acc;
  const auto* x = args.in[0].as<const typename Op::In>() + plan.in_begin;
  const int64_t columns = plan.kept.row_length();
  const int64_t tiles = (columns + kTile<Op> - 1) / kTile<Op>;
  const int64_t units = plan.outputs / columns * tiles;

  struct Unit {
    int64_t in_offset, out_offset, columns;
  };
  const auto unit_at = [&](int64_t u) {
    const int64_t row = u / tiles, first = (u - row * tiles) * kTile<Op>;
    Unit unit{first * plan.kept.row_stride(0), plan.out_begin + first * plan.kept.row_stride(1),
              least(kTile<Op>, columns - first)};
    int64_t rest = row;
    for (int d = plan.kept.rank - 2; d >= 0; --d) {
      const int64_t index = rest % plan.kept.shape[d];
      rest /= plan.kept.shape[d];
      unit.in_offset += index * plan.kept.stride[0][d];
      unit.out_offset += index * plan.kept.stride[1][d];
    }
    return unit;
  };
  const auto write = [&](const Unit& unit, const Acc* acc) {
    const int64_t stride = plan.kept.row_stride(1);
    for (int64_t c = 0; c < unit.columns; ++c) Op::write(out, unit.out_offset + c * stride, acc[c]);
  };

  const int64_t unit_work = plan.count * least(columns, kTile<Op>);
  if (units >= kEnoughTasks || unit_work < kSplitFrom) {
    parallel_ranges(args.pool, units, unit_work < kGrain ? kGrain / unit_work : 1, [&](int64_t begin, int64_t end) {
      Acc acc[kTile<Op>];
      for (int64_t u = begin; u < end; ++u) {
        const Unit unit = unit_at(u);
        reduce_tile<Op>(plan, x + unit.in_offset, unit.columns, 0, plan.count, acc);
        write(unit, acc);
      }
    });
    return;
  }
  const int64_t wanted = plan.count * kGrain / unit_work;
  const int64_t segment = round_up(wanted < plan.count / kMaxSegments ? plan.count / kMaxSegments : wanted, kRunRows);
  const int64_t segments = (plan.count + segment - 1) / segment;
  Acc* partial = args.workspace.array<Acc>(units * segments * kTile<Op>);
  parallel_for(args.pool, units * segments, [&](int64_t task) {
    const int64_t u = task / segments, begin = (task - u * segments) * segment;
    const Unit unit = unit_at(u);
    reduce_tile<Op>(plan, x + unit.in_offset, unit.columns, begin, least(begin + segment, plan.count),
                    partial + task * kTile<Op>);
  });
  parallel_for(args.pool, units, [&](int64_t u) {
    TileTree<Op> tree;
    Acc* first = partial + u * segments * kTile<Op>;
    for (int64_t s = 1; s < segments; ++s) tree.push(first + s * kTile<Op>);
    tree.finish(first);
    write(unit_at(u), first);
  });
}

template <typename Op>
void reduce(const ReducePlan& plan, const ReduceOutput& out, KernelArgs& args) {
  if (plan.outputs == 0) return;
  if (plan.count == 0) {
    for (int64_t i = 0; i < plan.outputs; ++i) Op::write(out, i, Op::identity());
    return;
  }
  // Many outputs of a few neighbours each (the last axis of [n, 3]) are done better column by column too.
  constexpr int64_t kFew = 8;
  const bool columns = !plan.inner_reduced || (plan.count <= kFew && plan.kept.row_length() >= kTile<Op>);
  columns ? reduce_columns<Op>(plan, out, args) : reduce_rows<Op>(plan, out, args);
}

void check_output(const KernelArgs& args, DType of_integers) {
  const DType in = args.in[0].dtype;
  const bool floating = in == DType::float32 || in == DType::float64;
  NABLA_CHECK(args.out[0].dtype == (floating ? in : of_integers), "the output's dtype is wrong");
}

void reduce_sum(KernelArgs& args, bool mean) {
  check_output(args, mean ? DType::float32 : DType::int32);
  const ReducePlan plan = plan_reduction(args);
  const ReduceOutput out{args.out[0].data, plan.count, mean};
  switch (args.in[0].dtype) {
    case DType::float32: return reduce<Sum<float>>(plan, out, args);
    case DType::float64: return reduce<Sum<double>>(plan, out, args);
    case DType::int32: return reduce<Sum<int32_t>>(plan, out, args);
    case DType::uint8: return reduce<Sum<uint8_t>>(plan, out, args);
    case DType::boolean: kernel_error(ErrorKind::native, "bool cannot be summed");
  }
}

template <bool kGreatest>
void reduce_extreme(KernelArgs& args) {
  check_output(args, args.in[0].dtype);
  const ReducePlan plan = plan_reduction(args);
  const ReduceOutput out{args.out[0].data, plan.count, false};
  switch (args.in[0].dtype) {
    case DType::float32: return reduce<Extreme<float, kGreatest>>(plan, out, args);
    case DType::float64: return reduce<Extreme<double, kGreatest>>(plan, out, args);
    case DType::int32: return reduce<Extreme<int32_t, kGreatest>>(plan, out, args);
    case DType::uint8: return reduce<Extreme<uint8_t, kGreatest>>(plan, out, args);
    case DType::boolean: kernel_error(ErrorKind::native, "bool has no order");
  }
}

}  // namespace

// Sums of integers are int32, means of integers float32.
void sum(KernelArgs& args) { reduce_sum(args, false); }
void mean(KernelArgs& args) { reduce_sum(args, true); }
void max(KernelArgs& args) { reduce_extreme<true>(args); }
void min(KernelArgs& args) { reduce_extreme<false>(args); }

}  // namespace nabla::NABLA_ISA
