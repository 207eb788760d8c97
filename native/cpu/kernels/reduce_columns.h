// Reductions whose neighbours in memory belong to different outputs.
#pragma once
#include <cstdint>

#include "core/kernel.h"
#include "cpu/kernels/reduce_rows.h"

namespace nabla::NABLA_ISA {

// Columns whose accumulators lie in the first-level cache while rows stream past; a multiple of every width.
template <typename Op>
constexpr int64_t kTile = 2048 / static_cast<int64_t>(sizeof(typename Op::Acc));

constexpr int64_t kRowsAtOnce = 8;
constexpr int64_t kRunRows = 256;  // added to the same accumulators, eight at a time or 64 in a register

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

// acc[c] takes the elements c of `rows` rows of `count` whole registers: each column is kept in its own, so that memory
// is read in order.
template <typename Op, int count>
NABLA_INLINE void add_narrow_rows(typename Op::Acc* acc, const typename Op::In* x, int64_t row_stride, int64_t rows) {
  using V = Vec<typename Op::Acc>;
  constexpr int64_t kMostRows = 64;
  while (rows > 0) {
    const int64_t some = least(rows, kMostRows);
    V v[count];
    for (int k = 0; k < count; ++k) v[k] = load_halves(x + k * V::width);
    x += row_stride;
    for (int64_t r = 1; r < some; ++r, x += row_stride) {
      for (int k = 0; k < count; ++k) v[k] = Op::combine(v[k], load_halves(x + k * V::width));
    }
    for (int k = 0; k < count; ++k) Op::combine(V::load(acc + k * V::width), v[k]).store(acc + k * V::width);
    rows -= some;
  }
}

// acc[c] takes the elements c of `rows` rows; floating-point neighbours.
template <typename Op>
NABLA_INLINE void add_rows(typename Op::Acc* acc, const typename Op::In* x, int64_t row_stride, int64_t rows,
                           int64_t columns) {
  using V = Vec<typename Op::Acc>;
  constexpr int kWidth = V::width;
  const auto load_tail = [](const typename Op::In* p, int64_t n) { return load_part(p, n, V::set(Op::identity())); };
  if constexpr (kWidth > 1) {
    if (columns == 4 * kWidth) return add_narrow_rows<Op, 4>(acc, x, row_stride, rows);
    if (columns == 8 * kWidth) return add_narrow_rows<Op, 8>(acc, x, row_stride, rows);
    if (columns == 16 * kWidth) return add_narrow_rows<Op, 16>(acc, x, row_stride, rows);
  }
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

}  // namespace nabla::NABLA_ISA
