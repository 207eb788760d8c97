// The backward pass that the recurrent kernels share, the mirror image of recurrent.h: the time loop from the last step
// to the first, and after it the gradients of x and of the weights as products over all steps.
#pragma once
#include "cpu/gemm/gemm.h"
#include "cpu/kernels/partial_sums.h"
#include "cpu/kernels/recurrent.h"
#include "cpu/simd/stream.h"

namespace nabla::NABLA_ISA {

template <typename T>
using RecurrentBackward = BackwardOperands<T, Kept<const T>>;

// The gradients of a cell's sums: for each row of the batch and each step, in the order of computation, `columns`
// numbers. The products of a step want them by rows, those over all steps in panels of NR columns, which need no
// packing. Where a gate's units fill whole panels both are kept, rows of the last two steps only; otherwise rows of all
// steps.
template <typename T>
struct SumGradients {
  static constexpr int64_t NR = TileShape<T>::NR;
  int64_t columns, batch, ld;
  int64_t panel;     // from one panel to the next
  T *rows, *panels;  // panels: may be null
  bool streamed;     // whether panels are too large to be written by way of the caches

  SumGradients(KernelArgs& args, const Recurrent& p, int64_t column_count)
      : columns(column_count), batch(p.batch), ld(packed_a_row<T>(column_count)), panel(p.steps * p.batch * NR) {
    const bool in_panels = p.units % NR == 0;
    rows = args.workspace.template array<T>((in_panels ? 2 : p.steps) * batch * ld);
    const int64_t size = columns / NR * panel;
    panels = in_panels ? args.workspace.template array<T>(size) : nullptr;
    streamed = in_panels && size * int64_t{sizeof(T)} >= kStreamBytes;
  }
  NABLA_INLINE T* row(int64_t step, int64_t b) const { return rows + ((panels ? step % 2 : step) * batch + b) * ld; }
  // A row of the panel that begins with this column.
  NABLA_INLINE T* in_panel(int64_t step, int64_t b, int64_t column) const {
    return panels + column / NR * panel + (step * batch + b) * NR;
  }
  // Adds m rows up, from this one on, in the panel's width of columns from this one on, and writes them to the panel.
  NABLA_INLINE void add_rows(int64_t step, int64_t b, int64_t m, int64_t column, int64_t n, T* sums) const {
    const T* const from = row(step, b) + column;
    T* const out = panels ? in_panel(step, b, column) : nullptr;
    for_lanes<T>(0, n, [&](int64_t j, auto lanes) {
      Vec<T> sum = Vec<T>::zero();
      for (int64_t i = 0; i < m; ++i) {
        const Vec<T> z = lanes.load(from + i * ld + j);
        sum = i == 0 ? z : sum + z;
        if (streamed) {
          stream_store(out + i * NR + j, z);
        } else if (out) {
          lanes.store(out + i * NR + j, z);
        }
      }
      lanes.store(sums + j, lanes.load(sums + j) + sum);
    });
  }
  // Makes the steps from this one on and the columns from this one on the second operand of a product.
  NABLA_INLINE void give(GemmArgs<T>& g, int64_t step, int64_t column) const {
    g.b = panels ? in_panel(step, 0, column) : row(step, 0) + column;
    g.b_row = panels ? NR : ld;
    g.b_col = 1;
    g.b_panel = panels ? panel : 0;
  }
};

// The transposes of U and, if the gradient of x is wanted, of W, in panels of NR units or inputs: blocks of the
// gradient of [h, x], which is one product with all gates.
template <typename T, typename Cell>
struct TransposedWeights {
  static constexpr int64_t NR = TileShape<T>::NR;
  int64_t h_blocks, blocks, block_elements;
  T* data;

  TransposedWeights(KernelArgs& args, const Recurrent& p, const RecurrentBackward<T>& f) {
    const int64_t H = p.units, I = p.inputs, width = p.gates * H;
    h_blocks = ceil_div(H, NR);
    blocks = h_blocks + (f.dx ? ceil_div(I, NR) : 0);
    block_elements = width * NR;
    data = args.workspace.template array<T>(blocks * block_elements);
    parallel_for(args.pool, blocks * p.gates, [&](int64_t task) {
      const int64_t block = task / p.gates, number = task % p.gates;
      const bool of_h = block < h_blocks;
      const int64_t first = (of_h ? block : block - h_blocks) * NR, gate = of_h ? Cell::kGates[number] : number;
      pack_b((of_h ? f.u : f.w) + first * width + gate * H, 1, width, H, min_of((of_h ? H : I) - first, NR),
             data + block * block_elements + number * H * NR);
    });
  }
};

// Runs all steps backwards. sums, which may be null: for each of the columns of dz, its sum over all steps and rows. A
// cell has
//   kGates: the gates whose columns of U the first columns of dz belong to; kInput: where the columns of W begin among
//   those of dz; kColumns: how many there are; all in numbers of gates; kCarries: whether h takes part in the next h
//   besides by way of these products,
//   step(lanes, place, dh, dz): writes the gradients of its sums to dz + number * units, given the gradient of h, and
//   gives the part of the gradient of the h before that no product gives.
template <typename T, typename Cell>
void recur_backward(KernelArgs& args, const Recurrent& p, const RecurrentBackward<T>& f, const SumGradients<T>& dz,
                    T* sums, const Cell& cell) {
  constexpr int64_t NR = TileShape<T>::NR;
  const int64_t H = p.units, I = p.inputs, S = p.steps, width = p.gates * H;
  const TransposedWeights<T, Cell> weights(args, p, f);
  const int32_t* const started = first_counting(args.workspace, p, f.mask);
  for (int64_t i = 0; i < p.batch * H; ++i) f.dh[i] = f.dh_after ? f.dh_after[i] : 0;

  const auto cut = RecurrentCut::of<T>(p.batch, weights.blocks, weights.block_elements, args.pool.threads());
  T* const partial = args.workspace.template array<T>(cut.groups * dz.columns);
  for (int64_t i = 0; i < cut.groups * dz.columns; ++i) partial[i] = 0;
  const bool adds = Cell::kCarries || f.mask;

  // One more round than steps: in each, what the step after gives, then the step.
  for_each_step(args.pool, cut, (p.state || f.dx) && S > 0 ? S + 1 : S, [&](int64_t round, const RecurrentTask& task) {
    const int64_t step = S - 1 - round;
    // The units of the task; none if all its blocks are of x.
    const int64_t first = min_of(task.block * NR, H), n = min_of(task.block_end * NR, H) - first;
    // What the step reads and writes comes while the product is computed.
    if (step >= 0 && cut.waits()) {
      for (int64_t b = task.row; b < task.row_end; ++b) {
        f.kept.fetch_for_gradient(step, b, first, n);
        T* const out = dz.row(step, b) + first;
        for (int64_t q = 0; q < Cell::kColumns; ++q) fetch_lines(out + q * H, n);
        if (f.dy) fetch_lines(f.dy + (b * S + step) * H + first, n);
      }
    }
    if (round > 0) {
      Ahead ahead;
      for (int64_t block = task.block; block < task.block_end; ++block) {
        const bool of_h = block < weights.h_blocks;
        if (of_h && step < 0 && !p.state) continue;
        const int64_t unit = (of_h ? block : block - weights.h_blocks) * NR, end = of_h ? H : I;
        const T* const panel = weights.data + block * weights.block_elements;
        fetch_panel(panel, (cut.next_block(task, block) - block) * weights.block_elements, width, task, ahead);
        for_each_tile<T>(task.row, task.row_end, [&](int64_t row, int64_t m) {
          const T* a = dz.row(step + 1, row) + (of_h ? 0 : Cell::kInput * H);
          const CTile<T> c = of_h ? CTile<T>{f.dh + row * H + unit, H}
                                  : CTile<T>{f.dx + (row * S + p.time(step + 1)) * I + unit, S * I};
          microkernel<T>(static_cast<int>(m), static_cast<int>(min_of(end - unit, NR)),
                         ATile<T>{a, dz.ld, 1, width, 1, 0}, panel, NR, c, of_h && adds, nullptr, &ahead);
        });
      }
    }
    if (step < 0 || n == 0) return;
    const auto finish = [&](int64_t group, int64_t row, int64_t m) {
      for (int64_t i = 0; i < m; ++i) {
        const int64_t b = row + i;
        const bool counts = !f.mask || f.mask[b * S + p.time(step)];
        const bool shown = f.dy && (counts || (!p.zero_output && step > started[b]));
        const T* dy = shown ? f.dy + (b * S + step) * H + first : nullptr;
        T* dh = f.dh + b * H + first;
        T* out = dz.row(step, b) + first;
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
      // The tile's rows are still in the first-level cache.
      for (int64_t q = 0; q < Cell::kColumns; ++q) {
        for (int64_t unit = first; unit < first + n; unit += NR) {
          const int64_t column = q * H + unit;
          dz.add_rows(step, row, m, column, min_of(first + n - unit, NR), partial + group * dz.columns + column);
        }
      }
    };
    for (int64_t group = task.group; group < task.group_end; ++group) {
      for_each_tile<T>(cut.row_of(group), cut.row_of(group + 1),
                       [&](int64_t row, int64_t m) { finish(group, row, m); });
    }
    if (dz.streamed) stream_fence();
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
    const int64_t rows = p.steps > 0 ? (p.steps - 1) * p.batch : 0;
    product(h, p.units, rows, 1, column, columns, du, false);
    if (h0 && p.steps > 0) product(h0, p.units, p.batch, 0, column, columns, du, true);
  }

  // dw [inputs, gates * units], from the columns of dz that start at `column`.
  void input(const T* x, int64_t column, T* dw) const {
    const int64_t rows = p.steps * p.batch, I = p.inputs;
    // As dz: steps first, in the order of computation.
    T* const by_step = args.workspace.template array<T>(rows * I);
    parallel_ranges(args.pool, rows, 16384 / (I + 1) + 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        copy_row(x + ((i % p.batch) * p.steps + p.time(i / p.batch)) * I, by_step + i * I, I);
      }
    });
    product(by_step, I, rows, 0, column, p.gates * p.units, dw, false);
  }

 private:
  // of [rows x m] with as many rows of dz, from this step on.
  void product(const T* a, int64_t m, int64_t rows, int64_t step, int64_t column, int64_t columns, T* to,
               bool accumulate) const {
    GemmArgs<T> g = {m, columns, rows, a, 1, m, nullptr, 0, 1, to, p.gates * p.units, accumulate};
    dz.give(g, step, column);
    gemm(args.pool, args.workspace, g);
  }
};

}  // namespace nabla::NABLA_ISA
