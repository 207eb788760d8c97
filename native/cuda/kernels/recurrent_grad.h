// The backward pass that the recurrent kernels share, the mirror image of recurrent.h: the time loop from the last step
// to the first, and after it the gradients of x and of the weights as products over all steps.
#pragma once
#include "cuda/kernels/recurrent.h"

namespace nabla::cuda {

template <typename T>
using RecurrentBackward = BackwardOperands<T, Kept<const T>>;

// The gradients of a cell's sums: for each step, in the order of computation, and each row of the batch `columns`
// numbers side by side.
template <typename T>
struct SumGradients {
  int64_t rows_of_step, columns;
  T* data;

  SumGradients(KernelArgs& args, const Recurrent& p, int64_t column_count)
      : rows_of_step(p.batch),
        columns(column_count),
        data(args.workspace.template array<T>(p.steps * p.batch * column_count)) {}
  T* of_step(int64_t step) const { return data + step * rows_of_step * columns; }
};

// Where a cell writes the gradient of its sum number `gate`.
template <typename T>
struct SumGradientsOf {
  T* data;  // of the step
  int columns, units;

  __device__ T& operator()(const CellPlace& at, int gate) const {
    return data[static_cast<int64_t>(at.row) * columns + gate * units + at.unit];
  }
};

// dh: the gradient of h after the step, by way of later steps, and then the part of that of h before the step which no
// product gives.
template <typename T, typename Cell>
__global__ void __launch_bounds__(kRecurrentThreads)
    recurrent_step_grad(RecurrentStep<T> s, Cell cell, const T* dy, T* dh, SumGradientsOf<T> dz) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kRecurrentThreads + threadIdx.x;
  if (index >= static_cast<int64_t>(s.batch) * s.units) return;
  const CellPlace place = {static_cast<int>(index / s.units), static_cast<int>(index % s.units),
                           static_cast<int>(index)};
  const bool counts = s.counts(place.row);
  T gradient = dh[index];
  if (dy && s.shows(place.row, counts)) {
    gradient += dy[(static_cast<int64_t>(place.row) * s.steps + s.step) * s.units + place.unit];
  }
  if (counts) {
    gradient = cell.step(place, gradient, dz);
  } else {
#pragma unroll
    for (int gate = 0; gate < Cell::kColumns; ++gate) dz(place, gate) = 0;
  }
  dh[index] = gradient;
}

// Runs all steps backwards. u: the columns of U that belong to the first columns of dz, rows `u_row` apart, `u_columns`
// of them. cell(step) gives a cell of that step, with
//   kColumns: columns of dz, in numbers of gates; kCarries: whether h takes part in the next h besides by products,
//   step(place, dh, dz): writes the gradients of its sums to dz, given the gradient of h, and gives the part of the
//   gradient of the h before that no product gives.
template <typename T, typename MakeCell>
void recur_backward(KernelArgs& args, const Recurrent& p, const RecurrentBackward<T>& f, const SumGradients<T>& dz,
                    const T* u, int64_t u_row, int64_t u_columns, MakeCell&& cell) {
  Queue& queue = queue_of(args);
  const int64_t H = p.units, state = p.batch * H;
  copy_or_clear(queue, f.dh, f.dh_after, state);
  if (state == 0) return;
  const int32_t* const started = first_counting(args, p, f.mask);
  using Cell = decltype(cell(int64_t{0}));
  const bool adds = Cell::kCarries || f.mask;
  StepWorkspace workspace(args.workspace);
  // What step `step` gives to dh of the one before.
  const auto multiply = [&](int64_t step) {
    workspace.begin();
    gemm(queue, workspace,
         Gemm<T>{p.batch, H, u_columns, dz.of_step(step), dz.columns, 1, u, 1, u_row, f.dh, H, nullptr, adds});
  };
  for (int64_t step = p.steps - 1; step >= 0; --step) {
    if (step + 1 < p.steps) multiply(step + 1);
    const SumGradientsOf<T> own = {dz.of_step(step), static_cast<int>(dz.columns), static_cast<int>(H)};
    launch(recurrent_step_grad<T, Cell>, blocks_for(state, kRecurrentThreads), kRecurrentThreads, 0, queue.stream(),
           RecurrentStep<T>(p, f.mask, started, step), cell(step), f.dy, f.dh, own);
  }
  if (p.state && p.steps > 0) multiply(0);
}

template <typename T>
__global__ void __launch_bounds__(kRecurrentThreads) set_one(T* one) {
  if (threadIdx.x == 0) *one = 1;
}

// Between x's order, [batch, steps, inputs], and that of dz: steps first, in the order of computation.
template <typename T, bool kBackwards>
__global__ void __launch_bounds__(kRecurrentThreads)
    reorder_steps(const T* from, T* to, int batch, int steps, int inputs, bool to_steps) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kRecurrentThreads + threadIdx.x;
  if (index >= static_cast<int64_t>(batch) * steps * inputs) return;
  // Writes are contiguous, and so are a row's reads.
  const int64_t row = index / inputs;
  const int column = static_cast<int>(index % inputs);
  const int b = static_cast<int>(to_steps ? row % batch : row / steps);
  const int s = static_cast<int>(to_steps ? row / batch : row % steps);
  const int other = kBackwards ? steps - 1 - s : s;
  const int64_t source = to_steps ? static_cast<int64_t>(b) * steps + other : static_cast<int64_t>(other) * batch + b;
  to[index] = from[source * inputs + column];
}

// What follows the time loop.
template <typename T>
struct WeightGradients {
  KernelArgs& args;
  const Recurrent& p;
  const SumGradients<T>& dz;

  // The sum of dz over all steps and rows: a product with ones.
  void bias(T* sums) const {
    if (!sums) return;
    T* const one = args.workspace.array<T>(1);
    launch(set_one<T>, 1, kWarp, 0, queue_of(args).stream(), one);
    gemm(queue_of(args), args.workspace,
         Gemm<T>{1, dz.columns, p.steps * p.batch, one, 0, 0, dz.data, dz.columns, 1, sums, dz.columns});
  }

  // du[:, from..from+columns) of a [units, gates * units] matrix, from the columns of dz that start at `column`. `h`
  // are the states after each step.
  void recurrent(const T* h, const T* h0, int64_t column, int64_t columns, T* du) const {
    const int64_t H = p.units, ldu = p.gates * H;
    const int64_t rows = p.steps > 0 ? (p.steps - 1) * p.batch : 0;
    const T* const own = dz.data + column;
    gemm(queue_of(args), args.workspace,
         Gemm<T>{H, columns, rows, h, 1, H, p.steps > 0 ? own + p.batch * dz.columns : own, dz.columns, 1, du, ldu});
    if (!h0 || p.steps == 0) return;
    gemm(queue_of(args), args.workspace,
         Gemm<T>{H, columns, p.batch, h0, 1, H, own, dz.columns, 1, du, ldu, nullptr, true});
  }

  // dw [inputs, gates * units] and, unless it is null, dx, from the columns of dz that start at `column`.
  void input(const T* x, const T* w, int64_t column, T* dw, T* dx) const {
    const int64_t rows = p.steps * p.batch, I = p.inputs, columns = p.gates * p.units;
    T* const by_step = args.workspace.array<T>(rows * I);
    const auto reorder = [&](const T* from, T* to, bool to_steps) {
      launch(p.backwards ? reorder_steps<T, true> : reorder_steps<T, false>, blocks_for(rows * I, kRecurrentThreads),
             kRecurrentThreads, 0, queue_of(args).stream(), from, to, static_cast<int>(p.batch),
             static_cast<int>(p.steps), static_cast<int>(I), to_steps);
    };
    reorder(x, by_step, true);
    gemm(queue_of(args), args.workspace,
         Gemm<T>{I, columns, rows, by_step, 1, I, dz.data + column, dz.columns, 1, dw, columns});
    if (!dx) return;
    gemm(queue_of(args), args.workspace,
         Gemm<T>{rows, I, columns, dz.data + column, dz.columns, 1, w, 1, columns, by_step, I});
    reorder(by_step, dx, false);
  }
};

}  // namespace nabla::cuda
