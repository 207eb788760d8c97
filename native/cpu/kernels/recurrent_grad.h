// The backward pass that the recurrent kernels share, the mirror image of recurrent.h: the time loop from the last step
// to the first, and after it the gradients of x and of the weights as products over all steps.
#pragma once
#include "cpu/gemm/gemm.h"
#include "cpu/kernels/partial_sums.h"
#include "cpu/kernels/recurrent.h"

namespace nabla::NABLA_ISA {

template <typename T>
using RecurrentBackward = BackwardOperands<T, Kept<const T>>;

// The gradients of a cell's sums: for each step, in the order of computation, and each row of the batch `columns`
// numbers, `ld` apart.
template <typename T>
struct SumGradients {
  int64_t columns, ld;
  T* data;

  SumGradients(KernelArgs& args, const Recurrent& p, int64_t column_count)
      : columns(column_count),
        ld(packed_a_row<T>(column_count)),
        data(args.workspace.template array<T>(p.steps * p.batch * ld)) {}
};

// Runs all steps backwards. sums, which may be null: for each of the columns of dz, its sum over all steps and rows. A
// cell has
//   kGates: the gates whose columns of U the first columns of dz belong to; kColumns: how many columns there are, both
//   in numbers of gates; kCarries: whether h takes part in the next h besides by way of these products,
//   step(lanes, place, dh, dz): writes the gradients of its sums to dz + number * units, given the gradient of h, and
//   gives the part of the gradient of the h before that no product gives.
template <typename T, typename Cell>
void recur_backward(KernelArgs& args, const Recurrent& p, const RecurrentBackward<T>& f, const SumGradients<T>& dz,
                    T* sums, const Cell& cell) {
  constexpr int64_t NR = TileShape<T>::NR;
  constexpr int64_t count = static_cast<int64_t>(sizeof(Cell::kGates) / sizeof(int));
  const int64_t H = p.units, S = p.steps, depth = count * H, width = p.gates * H, blocks = ceil_div(H, NR);
  // The transpose of U in panels of NR units.
  T* const packed = args.workspace.template array<T>(blocks * NR * depth);
  parallel_for(args.pool, blocks * count, [&](int64_t task) {
    const int64_t unit = task / count * NR, number = task % count;
    pack_b(f.u + unit * width + Cell::kGates[number] * H, 1, width, H, min_of(H - unit, NR),
           packed + unit * depth + number * H * NR);
  });
  const int32_t* const started = first_counting(args.workspace, p, f.mask);
  for (int64_t i = 0; i < p.batch * H; ++i) f.dh[i] = f.dh_after ? f.dh_after[i] : 0;

  const int threads = args.pool.threads();
  const auto cut = RecurrentCut::of<T>(p.batch, blocks, depth * NR, threads);
  T* const partial = args.workspace.template array<T>(cut.groups * dz.columns);
  for (int64_t i = 0; i < cut.groups * dz.columns; ++i) partial[i] = 0;
  const bool adds = Cell::kCarries || f.mask;

  // One more round than steps: in each, what the step after gives, then the step.
  for_each_step(args.pool, cut, p.state && S > 0 ? S + 1 : S, [&](int64_t round, const RecurrentTask& task) {
    const int64_t step = S - 1 - round;
    // What the step reads and writes comes while the product is computed.
    if (step >= 0 && cut.waits()) {
      const int64_t first = task.block * NR, n = min_of(task.block_end * NR, H) - first;
      for (int64_t b = task.row; b < task.row_end; ++b) {
        f.kept.fetch_for_gradient(step, b, first, n);
        T* const out = dz.data + (step * p.batch + b) * dz.ld + first;
        for (int64_t q = 0; q < Cell::kColumns; ++q) fetch_lines(out + q * H, n);
        if (f.dy) fetch_lines(f.dy + (b * S + step) * H + first, n);
      }
    }
    if (round > 0) {
      Ahead ahead;
      // All rows use a panel's piece while it is near.
      for_each_depth<T>(depth, [&](int64_t k0, int64_t k) {
        for (int64_t block = task.block; block < task.block_end; ++block) {
          const int64_t unit = block * NR, n = min_of(H - unit, NR);
          const int64_t next = (cut.next_block(task, block, threads) - block) * depth * NR;
          const T* panel = packed + unit * depth + k0 * NR;
          fetch_panel(panel, next, k, task, ahead);
          for_each_tile<T>(task.row, task.row_end, [&](int64_t row, int64_t m) {
            microkernel<T>(static_cast<int>(m), static_cast<int>(n),
                           ATile<T>{dz.data + ((step + 1) * p.batch + row) * dz.ld + k0, dz.ld, 1, k, 1, 0}, panel, NR,
                           CTile<T>{f.dh + row * H + unit, H}, adds || k0 > 0, nullptr, &ahead);
          });
        }
      });
    }
    if (step < 0) return;
    const int64_t first = task.block * NR, n = min_of(task.block_end * NR, H) - first;
    const auto finish = [&](int64_t group, int64_t row, int64_t m) {
      for (int64_t i = 0; i < m; ++i) {
        const int64_t b = row + i;
        const bool counts = !f.mask || f.mask[b * S + p.time(step)];
        const bool shown = f.dy && (counts || (!p.zero_output && step > started[b]));
        const T* dy = shown ? f.dy + (b * S + step) * H + first : nullptr;
        T* dh = f.dh + b * H + first;
        T* out = dz.data + (step * p.batch + b) * dz.ld + first;
        for_lanes<T>(0, n, [&](int64_t j, auto lanes) {
          Vec<T> gradient = lanes.load(dh + j);
          if (dy) gradient = gradient + lanes.load(dy + j);
          if (counts) {
            gradient = cell.step(lanes, CellPlace{b, step, first + j}, gradient, out + j);
          } else {
            for (int64_t q = 0; q < Cell::kColumns; ++q) lanes.store(out + q * H + j, Vec<T>::zero());
          }
          if (adds) lanes.store(dh + j, gradient);
        });
      }
      // The sum of the tile's rows, which are still in the first-level cache.
      for (int64_t q = 0; q < Cell::kColumns; ++q) {
        const T* from = dz.data + (step * p.batch + row) * dz.ld + q * H + first;
        T* to = partial + group * dz.columns + q * H + first;
        for_lanes<T>(0, n, [&](int64_t j, auto lanes) {
          Vec<T> sum = lanes.load(from + j);
          for (int64_t i = 1; i < m; ++i) sum = sum + lanes.load(from + i * dz.ld + j);
          lanes.store(to + j, lanes.load(to + j) + sum);
        });
      }
    };
    for (int64_t group = task.group; group < task.group_end; ++group) {
      for_each_tile<T>(cut.row_of(group), cut.row_of(group + 1),
                       [&](int64_t row, int64_t m) { finish(group, row, m); });
    }
  });
  if (sums) add_partial_sums(args, partial, cut.groups, dz.columns, sums, dz.columns);
}

// What follows the time loop.
template <typename T>
struct WeightGradients {
  KernelArgs& args;
  const Recurrent& p;
  const SumGradients<T>& dz;

  // du[:, from..from+columns) of a [units, gates * units] matrix, from the columns of dz that start at `column`. `h`
  // are the states after each step.
  void recurrent(const T* h, const T* h0, int64_t column, int64_t columns, T* du) const {
    const int64_t H = p.units, ldu = p.gates * H;
    const int64_t rows = p.steps > 0 ? (p.steps - 1) * p.batch : 0;
    gemm(args.pool, args.workspace,
         GemmArgs<T>{H, columns, rows, h, 1, H, dz.data + p.batch * dz.ld + column, dz.ld, 1, du, ldu});
    if (!h0 || p.steps == 0) return;
    gemm(args.pool, args.workspace,
         GemmArgs<T>{H, columns, p.batch, h0, 1, H, dz.data + column, dz.ld, 1, du, ldu, true});
  }

  // dw [inputs, gates * units] and, unless it is null, dx, from the columns of dz that start at `column`.
  void input(const T* x, const T* w, int64_t column, T* dw, T* dx) const {
    const int64_t rows = p.steps * p.batch, I = p.inputs, columns = p.gates * p.units;
    // As dz: steps first, in the order of computation.
    T* const by_step = args.workspace.template array<T>(rows * I);
    const auto for_rows = [&](auto&& body) {
      parallel_ranges(args.pool, rows, 16384 / (I + 1) + 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          body(((i % p.batch) * p.steps + p.time(i / p.batch)) * I, by_step + i * I);
        }
      });
    };
    for_rows([&](int64_t place, T* row) { copy_row(x + place, row, I); });
    gemm(args.pool, args.workspace,
         GemmArgs<T>{I, columns, rows, by_step, 1, I, dz.data + column, dz.ld, 1, dw, columns});
    if (!dx) return;
    gemm(args.pool, args.workspace,
         GemmArgs<T>{rows, I, columns, dz.data + column, dz.ld, 1, w, 1, columns, by_step, I});
    for_rows([&](int64_t place, const T* row) { copy_row(row, dx + place, I); });
  }
};

}  // namespace nabla::NABLA_ISA
