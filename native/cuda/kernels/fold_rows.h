// Reductions of rows of neighbours that need more than one accumulator. A row is cut into segments that a team keeps in
// shared memory, so that a segment may be looked at twice; if there are several, their states are merged in order, in
// double.
#pragma once
#include "core/checks.h"
#include "core/kernel.h"
#include "cuda/kernels/float_math.h"
#include "cuda/kernels/row_team.h"
#include "cuda/queue.h"

namespace nabla::cuda {

template <typename T>
struct RowSegment {
  const RowLayout* rows;
  const T* x;
  T* kept;
  uint32_t n;

  // visit(element) for those of this thread, which is the first thing to be done.
  template <typename Visit>
  __device__ void read(Visit&& visit) const {
    rows->for_row<T>(n, [&](uint32_t j, auto width) {
      const auto v = load_elements<width.value>(x + j);
      store_elements(kept + j, v);
      for (int i = 0; i < width.value; ++i) visit(v[i]);
    });
  }
  // The same again.
  template <typename Visit>
  __device__ void read_kept(Visit&& visit) const {
    rows->for_row<T>(n, [&](uint32_t j, auto width) {
      const auto v = load_elements<width.value>(kept + j);
      for (int i = 0; i < width.value; ++i) visit(v[i]);
    });
  }
  template <typename V, typename Combine>
  __device__ V fold(V value, Combine combine) const {
    return rows->team.fold(value, combine);
  }
};

struct FoldPlan {
  RowLayout layout;   // of segments: its columns are the longest's elements
  uint32_t n;         // elements of a row
  uint32_t segments;  // of a row; one for rows without elements
};

// An Op has a Segment and a State, both of a few numbers; segment(RowSegment), which all threads of a team call and
// get; state_of(Segment); merge() of two states, the first coming first; empty(); finish(Segment, n) for rows of one
// segment and finish(State, n) for others, which make a row's output. The segment of no elements is only folded.
template <typename T, typename Op>
__global__ void __launch_bounds__(kMostTeamThreads, 1)
    fold_segments_kernel(const T* __restrict__ in, T* __restrict__ out, typename Op::State* __restrict__ states, Op op,
                         FoldPlan plan) {
  DYN_SHARED(shared);
  const RowLayout& rows = plan.layout;
  const int64_t item = rows.team.row();
  const bool inside = item < rows.rows;
  const uint32_t row = static_cast<uint32_t>(item) / plan.segments;
  const uint32_t begin = static_cast<uint32_t>(item) % plan.segments * rows.columns, left = plan.n - begin;
  const auto segment = op.segment(RowSegment<T>{&rows, in + int64_t{row} * plan.n + begin, rows.kept_row<T>(shared),
                                                !inside               ? 0
                                                : left < rows.columns ? left
                                                                      : rows.columns});
  if (!inside || rows.team.rank() != 0) return;
  if (states) {
    states[item] = op.state_of(segment);
  } else {
    out[row] = op.finish(segment, plan.n);
  }
}

constexpr int kMergeThreads = 256;

// A block for each row. Threads merge neighbours; then fewer threads merge those results, and then one.
template <typename T, typename Op>
__global__ void __launch_bounds__(kMergeThreads)
    merge_segments_kernel(const typename Op::State* __restrict__ states, T* __restrict__ out, Op op, FoldPlan plan) {
  using State = typename Op::State;
  SHARED(State, merged, [kMergeThreads]);
  const auto merge = [&](const State* from, uint32_t begin, uint32_t end) {
    State state = op.empty();
    for (uint32_t i = begin; i < end; ++i) state = op.merge(state, from[i]);
    return state;
  };
  const uint32_t thread = threadIdx.x, share = (plan.segments + kMergeThreads - 1) / kMergeThreads;
  const uint32_t begin = thread * share, end = begin + share < plan.segments ? begin + share : plan.segments;
  merged[thread] = merge(states + int64_t{blockIdx.x} * plan.segments, begin, end);
  __syncthreads();
  constexpr uint32_t kTogether = 16;
  State state = {};
  if (thread < kMergeThreads / kTogether) state = merge(merged, thread * kTogether, (thread + 1) * kTogether);
  __syncthreads();
  if (thread < kMergeThreads / kTogether) merged[thread] = state;
  __syncthreads();
  if (thread == 0) out[blockIdx.x] = op.finish(merge(merged, 0, kMergeThreads / kTogether), plan.n);
}

template <typename T, typename Op>
void fold_rows_of(KernelArgs& args, const Op& op) {
  using State = typename Op::State;
  constexpr int64_t kSegment = (16 << 10) / static_cast<int64_t>(sizeof(T));
  Queue& q = queue_of(args);
  const T* x = args.in[0].as<const T>();
  T* out = args.out[0].as<T>();
  const int64_t rows = args.out[0].numel(), n = static_cast<int64_t>(args.attr[0]);
  const int64_t segment = n < kSegment ? n : kSegment, segments = n > 0 ? (n + segment - 1) / segment : 1;
  const int64_t bytes = segment * static_cast<int64_t>(sizeof(T));
  FoldPlan plan{layout_rows<T>(rows * segments, segment, bytes, {x}), static_cast<uint32_t>(n),
                static_cast<uint32_t>(segments)};
  if (n % kPackWidth<T> != 0) plan.layout.wide = false;  // not all rows begin like the first
  State* states = segments > 1 ? args.workspace.array<State>(rows * segments) : nullptr;
  launch(fold_segments_kernel<T, Op>, plan.layout.grid(), plan.layout.team.threads, plan.layout.shared_bytes(bytes),
         q.stream(), x, out, states, op, plan);
  if (states) {
    launch(merge_segments_kernel<T, Op>, static_cast<unsigned>(rows), kMergeThreads, 0, q.stream(), states, out, op,
           plan);
  }
}

// attr[0] is the number of elements that make an output. make(T{}) gives the Op.
template <typename Make>
void fold_rows(KernelArgs& args, int attributes, Make&& make) {
  const TensorView &x = args.in[0], &out = args.out[0];
  NABLA_CHECK(args.n_attr >= attributes && x.contiguous(), "x must be contiguous");
  NABLA_CHECK(args.attr[0] >= 0 && args.attr[0] <= INT32_MAX &&
                  static_cast<int64_t>(args.attr[0]) * out.numel() == x.numel() && out.dtype == x.dtype,
              "the output's size or dtype is wrong");
  switch (x.dtype) {
    case DType::float32: return fold_rows_of<float>(args, make(0.0f));
    case DType::float64: return fold_rows_of<double>(args, make(0.0));
    default: kernel_error(ErrorKind::native, "x must be float32 or float64");
  }
}

}  // namespace nabla::cuda
