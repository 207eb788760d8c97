// What the recurrent kernels share: their operands and the time loop of the forward pass. The products of x with W for
// all steps are one product before the loop; a step is the product of h with U, then one kernel that does all else.
#pragma once
#include <vector>

#include "core/recurrent.h"
#include "cuda/activate.h"
#include "cuda/fold.h"
#include "cuda/gemm/gemm.h"
#include "cuda/launch.h"

namespace nabla::cuda {

constexpr int kRecurrentThreads = 256;

// p[0 to count) = from, or zeros where that is null.
template <typename T>
void copy_or_clear(Queue& queue, T* p, const T* from, int64_t count) {
  if (count == 0) return;
  const size_t bytes = static_cast<size_t>(count) * sizeof(T);
  check(from ? cudaMemcpyAsync(p, from, bytes, cudaMemcpyDeviceToDevice, queue.stream())
             : cudaMemsetAsync(p, 0, bytes, queue.stream()));
}

// Scratch memory of a step, used again by each step: the kernels of one have read it before those of the next write.
class StepWorkspace : public Workspace {
 public:
  explicit StepWorkspace(Workspace& all) : all_(all) {}
  void begin() { next_ = 0; }
  void* get(size_t bytes) override {
    if (next_ == blocks_.size()) blocks_.push_back({nullptr, 0});
    Block& block = blocks_[next_++];
    if (block.bytes < bytes) block = {all_.get(bytes), bytes};
    return block.data;
  }

 private:
  struct Block {
    void* data;
    size_t bytes;
  };
  Workspace& all_;
  size_t next_ = 0;
  std::vector<Block> blocks_;
};

// The number of the first step of each row that counts; a warp for each row.
template <bool kBackwards>
__global__ void __launch_bounds__(kRecurrentThreads)
    find_first_counting(const uint8_t* mask, int batch, int steps, int32_t* first) {
  const int row = static_cast<int>(blockIdx.x * (kRecurrentThreads / kWarp) + threadIdx.x / kWarp);
  if (row >= batch) return;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  int found = steps;
  for (int step = lane; step < steps && found == steps; step += kWarp) {
    const int time = kBackwards ? steps - 1 - step : step;
    if (mask[static_cast<int64_t>(row) * steps + time]) found = step;
  }
  found = warp_fold(found, [](int a, int b) { return a < b ? a : b; });
  if (lane == 0) first[row] = found;
}

// The number of the first step of each row that counts, before which its results are zeros; null without a mask.
inline const int32_t* first_counting(KernelArgs& args, const Recurrent& p, const uint8_t* mask) {
  if (!mask || p.batch == 0) return nullptr;
  int32_t* const first = args.workspace.array<int32_t>(p.batch);
  launch(p.backwards ? find_first_counting<true> : find_first_counting<false>,
         blocks_for(p.batch, kRecurrentThreads / kWarp), kRecurrentThreads, 0, queue_of(args).stream(), mask,
         static_cast<int>(p.batch), static_cast<int>(p.steps), first);
  return first;
}

// What forward keeps for the gradient, for each step in the order of computation: first what a cell knows of its gates,
// the numbers of a row side by side, then the states c if there are any, and last the states h. All of [batch, units]
// or a multiple of it.
template <typename T>
struct Kept {
  int64_t state, steps, gates, states;
  T* data;  // null where nothing is kept

  Kept(const Recurrent& p, T* kept)
      : state(p.batch * p.units), steps(p.steps), gates(p.kept - p.states), states(p.states), data(kept) {}
  T* of_gates(int64_t step) const { return data ? data + step * gates * state : nullptr; }
  T* c(int64_t step) const { return part(gates, step); }
  T* h(int64_t step) const { return part(gates + states - 1, step); }

 private:
  T* part(int64_t number, int64_t step) const { return data ? data + (number * steps + step) * state : nullptr; }
};

template <typename T>
using RecurrentForward = ForwardOperands<T, Kept<T>>;

// A step, for all that does not depend on the cell.
template <typename T>
struct RecurrentStep {
  int batch, units, steps, step, time;
  const uint8_t* mask;     // may be null
  const int32_t* started;  // first_counting()
  bool zero_output;

  RecurrentStep(const Recurrent& p, const uint8_t* of_mask, const int32_t* first, int64_t number)
      : batch(static_cast<int>(p.batch)),
        units(static_cast<int>(p.units)),
        steps(static_cast<int>(p.steps)),
        step(static_cast<int>(number)),
        time(static_cast<int>(p.time(number))),
        mask(of_mask),
        started(first),
        zero_output(p.zero_output) {}
  __device__ bool counts(int row) const { return !mask || mask[static_cast<int64_t>(row) * steps + time]; }
  // Whether y has this row's h, not 0.
  __device__ bool shows(int row, bool counted) const { return counted || (!zero_output && step > started[row]); }
};

// Which element of the states a thread computes: `at` in [batch, units].
struct CellPlace {
  int row, unit, at;
};

template <typename T, typename Cell>
__global__ void __launch_bounds__(kRecurrentThreads)
    recurrent_step(RecurrentStep<T> s, Cell cell, T* h, T* y, T* kept_h) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kRecurrentThreads + threadIdx.x;
  if (index >= static_cast<int64_t>(s.batch) * s.units) return;
  const CellPlace place = {static_cast<int>(index / s.units), static_cast<int>(index % s.units),
                           static_cast<int>(index)};
  const bool counts = s.counts(place.row);
  T state = h[index];
  if (counts) {
    state = cell.step(place, state);
    h[index] = state;
  } else {
    cell.carry(place);
  }
  if (kept_h) kept_h[index] = state;
  if (y) {
    const int64_t at = (static_cast<int64_t>(place.row) * s.steps + s.step) * s.units + place.unit;
    y[at] = s.shows(place.row, counts) ? state : T(0);
  }
}

// Runs all steps. multiply(step, workspace) multiplies h with U, cell(step) gives a cell of that step, with
//   step(place, h): the new h; h before the step,
//   carry(place): tells that a masked step has left this unit as it was.
template <typename T, typename Multiply, typename MakeCell>
void recur(KernelArgs& args, const Recurrent& p, const RecurrentForward<T>& f, Multiply&& multiply, MakeCell&& cell) {
  Queue& queue = queue_of(args);
  const int64_t state = p.batch * p.units;
  copy_or_clear(queue, f.h, f.h0, state);
  if (state == 0) return;
  const int32_t* const started = first_counting(args, p, f.mask);
  using Cell = decltype(cell(int64_t{0}));
  StepWorkspace workspace(args.workspace);
  for (int64_t step = 0; step < p.steps; ++step) {
    workspace.begin();
    multiply(step, workspace);
    launch(recurrent_step<T, Cell>, blocks_for(state, kRecurrentThreads), kRecurrentThreads, 0, queue.stream(),
           RecurrentStep<T>(p, f.mask, started, step), cell(step), f.h, f.y, f.kept.h(step));
  }
}

// x @ w + bias of all rows and times, [batch, steps, gates * units].
template <typename T>
T* input_sums(KernelArgs& args, const Recurrent& p, const RecurrentForward<T>& f) {
  const int64_t rows = p.batch * p.steps, width = p.gates * p.units;
  T* const sums = args.workspace.array<T>(rows * width);
  gemm(queue_of(args), args.workspace,
       Gemm<T>{rows, width, p.inputs, f.x, p.inputs, 1, f.w, width, 1, sums, width, f.bias, false});
  return sums;
}

// What a cell adds up from one kind of input: number `gate` of a unit lies at sums + row * row_stride + gate * units +
// unit.
template <typename T>
struct GateSums {
  const T* sums;
  int64_t row_stride;
  int units;

  __device__ T operator()(const CellPlace& at, int gate) const {
    return sums[at.row * row_stride + static_cast<int64_t>(gate) * units + at.unit];
  }
};

// The numbers of a row's gates that are kept, side by side.
template <typename T, int kCount>
struct KeptGates {
  T* data;  // of the step; may be null where it is written
  int units;

  __device__ T& operator()(const CellPlace& at, int gate) const {
    return data[(static_cast<int64_t>(at.row) * kCount + gate) * units + at.unit];
  }
};

}  // namespace nabla::cuda
