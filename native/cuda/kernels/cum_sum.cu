// Running sums along one axis. float32 is summed in double. Where the axis is long and there is little beside it, it is
// cut into segments: first the sums of all segments, then the running sums of those, which may be cut again, then each
// segment from the sum of those before it.
#include <cstdint>

#include "core/checks.h"
#include "cuda/fold.h"
#include "cuda/queue.h"

namespace nabla::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kEach = 4;               // neighbours that a thread of a row takes at once
constexpr int64_t kShortRow = 512;     // up to here a warp takes a row, or else a block
constexpr int64_t kRowSegment = 8192;  // elements of a long row that a block takes
constexpr int64_t kEnoughRows = 512;   // with as many rows none is cut
constexpr int64_t kEnoughColumns = 32768;
constexpr int64_t kColumnSegment = 64;  // the shortest part of a column that a thread takes

// What elements are added up as, what the sums become, and what the sums of segments are kept as.
template <typename In>
struct Sums;
template <>
struct Sums<float> {
  using Acc = double;
  using Out = float;
  using Carry = double;
};
template <>
struct Sums<double> {
  using Acc = double;
  using Out = double;
  using Carry = double;
};
// Integers wrap.
template <>
struct Sums<int32_t> {
  using Acc = uint32_t;
  using Out = int32_t;
  using Carry = int32_t;
};
template <>
struct Sums<uint8_t> {
  using Acc = uint32_t;
  using Out = int32_t;
  using Carry = int32_t;
};

// [outer, n, inner], scanned along n in segments.
struct ScanPlan {
  uint32_t outer, n, inner, segment, segments;
  bool exclusive, reverse;

  // Where element i, in the order of the scan, of a line lies.
  __device__ int64_t at(uint32_t o, uint32_t i, uint32_t column) const {
    return (int64_t{o} * n + (reverse ? n - 1 - i : i)) * inner + column;
  }
  __device__ uint32_t end_of(uint32_t s) const { return n - s * segment < segment ? n : (s + 1) * segment; }
};

// A thread's part of a column. Neighbouring threads have neighbouring columns.
struct ColumnPart {
  uint32_t o, s, column;
  bool exists;

  __device__ static ColumnPart of(const ScanPlan& plan) {
    const int64_t at = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (at >= int64_t{plan.outer} * plan.segments * plan.inner) return {0, 0, 0, false};
    const uint32_t line = static_cast<uint32_t>(at) / plan.inner, o = line / plan.segments;
    return {o, line - o * plan.segments, static_cast<uint32_t>(at) - line * plan.inner, true};
  }
  // In a tensor [outer, segments, inner].
  __device__ int64_t carry_at(const ScanPlan& plan) const {
    return (int64_t{o} * plan.segments + s) * plan.inner + column;
  }
};

template <typename In>
__global__ void __launch_bounds__(kThreads) add_columns(ScanPlan plan, const In* x, typename Sums<In>::Carry* carry) {
  using Acc = typename Sums<In>::Acc;
  const ColumnPart part = ColumnPart::of(plan);
  if (!part.exists) return;
  Acc sum = 0;
  const uint32_t end = plan.end_of(part.s);
#pragma unroll 4
  for (uint32_t i = part.s * plan.segment; i < end; ++i) sum += static_cast<Acc>(x[plan.at(part.o, i, part.column)]);
  carry[part.carry_at(plan)] = static_cast<typename Sums<In>::Carry>(sum);
}

// `carry`: the sums before the segments, or null. x and out may be one tensor.
template <typename In>
__global__ void __launch_bounds__(kThreads)
    scan_columns(ScanPlan plan, const In* x, const typename Sums<In>::Carry* carry, typename Sums<In>::Out* out) {
  using Acc = typename Sums<In>::Acc;
  const ColumnPart part = ColumnPart::of(plan);
  if (!part.exists) return;
  Acc sum = carry != nullptr ? static_cast<Acc>(carry[part.carry_at(plan)]) : Acc(0);
  const uint32_t end = plan.end_of(part.s);
  for (uint32_t i = part.s * plan.segment; i < end; ++i) {
    const int64_t at = plan.at(part.o, i, part.column);
    const Acc before = sum;
    sum += static_cast<Acc>(x[at]);
    out[at] = static_cast<typename Sums<In>::Out>(plan.exclusive ? before : sum);
  }
}

// One block for each segment of each row.
template <typename In>
__global__ void __launch_bounds__(kThreads) add_rows(ScanPlan plan, const In* x, typename Sums<In>::Carry* carry) {
  using Acc = typename Sums<In>::Acc;
  const uint32_t o = blockIdx.x / plan.segments, s = blockIdx.x - o * plan.segments;
  Acc sum = 0;
  const uint32_t end = plan.end_of(s);
#pragma unroll 4
  for (uint32_t i = s * plan.segment + threadIdx.x; i < end; i += kThreads) {
    sum += static_cast<Acc>(x[plan.at(o, i, 0)]);
  }
  sum = block_fold<kThreads>(sum, AddOp());
  if (threadIdx.x == 0) carry[blockIdx.x] = static_cast<typename Sums<In>::Carry>(sum);
}

// The sum of the values of all threads before this one, of a warp or of a block. `total` is that of all.
template <int kGroup, typename Acc>
__device__ Acc sum_before(Acc value, Acc& total) {
  const int lane = threadIdx.x % kWarp;
  Acc sum = value;
#pragma unroll
  for (int offset = 1; offset < kWarp; offset *= 2) {
    const Acc other = __shfl_up_sync(kFullMask, sum, offset);
    if (lane >= offset) sum += other;
  }
  Acc before = __shfl_up_sync(kFullMask, sum, 1);
  if (lane == 0) before = 0;
  if constexpr (kGroup == kWarp) {
    total = __shfl_sync(kFullMask, sum, kWarp - 1);
  } else {
    constexpr int kWarps = kGroup / kWarp;
    const int warp = threadIdx.x / kWarp;
    SHARED(Acc, sums, [kWarps]);
    if (lane == kWarp - 1) sums[warp] = sum;
    __syncthreads();
    Acc of_warps = 0;
    total = 0;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) {
      if (w < warp) of_warps += sums[w];
      total += sums[w];
    }
    __syncthreads();  // nobody writes the next call's sums before all have read these
    before += of_warps;
  }
  return before;
}

// A warp or a block for each segment of each row. `carry`: the sums before the segments, or null. x and out may be one
// tensor.
template <int kGroup, typename In>
__global__ void __launch_bounds__(kThreads)
    scan_rows(ScanPlan plan, const In* x, const typename Sums<In>::Carry* carry, typename Sums<In>::Out* out) {
  using Acc = typename Sums<In>::Acc;
  constexpr int kGroups = kThreads / kGroup;
  const int64_t part = static_cast<int64_t>(blockIdx.x) * kGroups + threadIdx.x / kGroup;
  if (part >= int64_t{plan.outer} * plan.segments) return;  // whole warps, or none of the block
  const uint32_t o = static_cast<uint32_t>(part) / plan.segments, s = static_cast<uint32_t>(part) - o * plan.segments;
  const uint32_t end = plan.end_of(s);
  Acc sum = carry != nullptr ? static_cast<Acc>(carry[part]) : Acc(0);
  for (uint32_t begin = s * plan.segment; begin < end; begin += kGroup * kEach) {
    const uint32_t first = begin + threadIdx.x % kGroup * kEach;
    Acc value[kEach], own = 0;
#pragma unroll
    for (int k = 0; k < kEach; ++k) {
      value[k] = first + k < end ? static_cast<Acc>(x[plan.at(o, first + k, 0)]) : Acc(0);
      own += value[k];
    }
    Acc total;
    Acc running = sum_before<kGroup>(own, total) + sum;
#pragma unroll
    for (int k = 0; k < kEach; ++k) {
      const Acc before = running;
      running += value[k];
      if (first + k < end) {
        out[plan.at(o, first + k, 0)] = static_cast<typename Sums<In>::Out>(plan.exclusive ? before : running);
      }
    }
    sum += total;
  }
}

template <typename In>
void cumulate(KernelArgs& args, const In* x, typename Sums<In>::Out* out, ScanPlan plan) {
  using Carry = typename Sums<In>::Carry;
  const cudaStream_t stream = queue_of(args).stream();
  const bool in_rows = plan.inner == 1;
  const int64_t n = plan.n, lines = int64_t{plan.outer} * plan.inner;
  int64_t segment = n;
  if (in_rows) {
    if (lines < kEnoughRows && n >= 2 * kRowSegment) segment = kRowSegment;
  } else if (lines < kEnoughColumns && n >= 2 * kColumnSegment) {
    const int64_t wanted = (kEnoughColumns + lines - 1) / lines, least = (n + wanted - 1) / wanted;
    segment = least > kColumnSegment ? least : kColumnSegment;
  }
  plan.segment = static_cast<uint32_t>(segment);
  plan.segments = static_cast<uint32_t>((n + segment - 1) / segment);
  const int64_t parts = lines * plan.segments;

  Carry* carry = nullptr;
  if (plan.segments > 1) {
    carry = args.workspace.array<Carry>(parts);
    if (in_rows) {
      launch(add_rows<In>, static_cast<unsigned>(parts), kThreads, 0, stream, plan, x, carry);
    } else {
      launch(add_columns<In>, blocks_for(parts, kThreads), kThreads, 0, stream, plan, x, carry);
    }
    // The segments are in the order of the scan already.
    cumulate<Carry>(args, carry, carry, ScanPlan{plan.outer, plan.segments, plan.inner, 0, 0, true, false});
  }
  if (!in_rows) {
    launch(scan_columns<In>, blocks_for(parts, kThreads), kThreads, 0, stream, plan, x, carry, out);
  } else if (n <= kShortRow) {
    launch(scan_rows<kWarp, In>, blocks_for(parts, kThreads / kWarp), kThreads, 0, stream, plan, x, carry, out);
  } else {
    launch(scan_rows<kThreads, In>, static_cast<unsigned>(parts), kThreads, 0, stream, plan, x, carry, out);
  }
}

template <typename In>
void cumulate_axis(KernelArgs& args) {
  const TensorView &x = args.in[0], &out = args.out[0];
  const int axis = static_cast<int>(args.attr[0]);
  uint32_t outer = 1, inner = 1;
  for (int i = 0; i < axis; ++i) outer *= static_cast<uint32_t>(x.shape[i]);
  for (int i = axis + 1; i < x.rank; ++i) inner *= static_cast<uint32_t>(x.shape[i]);
  const ScanPlan plan{outer, static_cast<uint32_t>(x.shape[axis]), inner, 0, 0, args.attr[1] != 0, args.attr[2] != 0};
  cumulate<In>(args, x.as<const In>(), out.as<typename Sums<In>::Out>(), plan);
}

}  // namespace

void cumSum(KernelArgs& args) {
  const TensorView &x = args.in[0], &out = args.out[0];
  NABLA_CHECK(args.n_attr >= 3 && args.attr[0] >= 0 && args.attr[0] < x.rank, "the axis is out of range");
  const bool floating = x.dtype == DType::float32 || x.dtype == DType::float64;
  NABLA_CHECK(x.contiguous() && out.numel() == x.numel() && out.dtype == (floating ? x.dtype : DType::int32),
              "x must be contiguous and like the output");
  if (x.numel() == 0) return;
  switch (x.dtype) {
    case DType::float32: return cumulate_axis<float>(args);
    case DType::float64: return cumulate_axis<double>(args);
    case DType::int32: return cumulate_axis<int32_t>(args);
    case DType::uint8:
    case DType::boolean: return cumulate_axis<uint8_t>(args);
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

}  // namespace nabla::cuda
