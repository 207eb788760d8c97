// argMax and argMin along one axis: the first of equals, and the first NaN if there is one (NumPy). Where there are few
// outputs of many elements, several blocks share an output, and a second pass chooses among their candidates.
#include <type_traits>

#include "core/checks.h"
#include "core/kernel.h"
#include "cuda/kernels/row_team.h"
#include "cuda/queue.h"

namespace nabla::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kEnoughBlocks = 512;

template <typename T>
struct Candidate {
  // Both as wide as the wider of the two, so that there are no bytes between them that nobody writes.
  std::conditional_t<sizeof(T) < 4, int32_t, T> value;
  std::conditional_t<sizeof(T) == 8, int64_t, int32_t> index;  // -1: there is none
};
template <typename T>
__device__ Candidate<T> from_lane_xor(Candidate<T> c, int offset) {
  return {cuda::from_lane_xor(c.value, offset), cuda::from_lane_xor(c.index, offset)};
}

// Chooses between two candidates.
struct Better {
  bool greatest;
  // Whether b takes the place of a, which comes earlier. Nothing takes the place of a NaN.
  template <typename T>
  __device__ bool beats(T b, T a) const {
    return (greatest ? b > a : b < a) || (b != b && a == a);
  }
  template <typename T>
  __device__ Candidate<T> operator()(Candidate<T> a, Candidate<T> b) const {
    if (b.index < 0) return a;
    if (a.index < 0 || beats(b.value, a.value)) return b;
    return beats(a.value, b.value) || a.index < b.index ? a : b;
  }
  // b comes later than a.
  template <typename T>
  __device__ void take(Candidate<T>& a, T b, uint32_t index) const {
    if (a.index < 0 || beats<decltype(a.value)>(b, a.value)) a = {b, static_cast<int32_t>(index)};
  }
};

template <typename T>
struct Search {
  const T* x;                // [outer, n, inner]
  int32_t* out;              // [outer, inner]
  Candidate<T>* candidates;  // [outputs, segments], or null where there is one segment
  Better better;
  uint32_t outputs, inner, n;
  uint32_t segment, segments;  // elements that a block takes of an output, and how many times that makes an output
  bool wide;                   // packs are read

  __device__ uint32_t begin(uint32_t number) const { return number * segment; }
  __device__ uint32_t end(uint32_t number) const {
    const uint32_t left = n - begin(number);
    return left < segment ? n : begin(number) + segment;
  }
  __device__ void write(uint32_t output, uint32_t number, Candidate<T> best) const {
    if (candidates) {
      candidates[int64_t{output} * segments + number] = best;
    } else {
      out[output] = static_cast<int32_t>(best.index);
    }
  }
};

// The axis is the innermost: a team for each segment of each output.
template <typename T>
__global__ void __launch_bounds__(kThreads, 4) search_rows_kernel(Search<T> p, RowTeam team) {
  const int64_t item = team.row();
  const bool inside = item < int64_t{p.outputs} * p.segments;
  const uint32_t output = static_cast<uint32_t>(item) / p.segments, number = static_cast<uint32_t>(item) % p.segments;
  const uint32_t begin = inside ? p.begin(number) : 0, end = inside ? p.end(number) : 0, rank = team.rank();
  const T* x = p.x + int64_t{output} * p.n;
  Candidate<T> best = {T(0), -1};
  if (p.wide) {
    constexpr uint32_t kWidth = kPackWidth<T>;
    for (uint32_t i = begin + rank * kWidth; i < end; i += team.size * kWidth) {
      const auto pack = load_elements<kPackWidth<T>>(x + i);
      for (int k = 0; k < kPackWidth<T>; ++k) p.better.take(best, pack[k], i + k);
    }
  } else {
#pragma unroll 4
    for (uint32_t i = begin + rank; i < end; i += team.size) p.better.take(best, x[i], i);
  }
  best = team.fold(best, p.better);
  if (inside && rank == 0) p.write(output, number, best);
}

// Neighbours belong to different outputs: a thread for each output, or segment of one.
template <typename T>
__global__ void __launch_bounds__(kThreads, 4) search_columns_kernel(Search<T> p) {
  const uint32_t output = blockIdx.x * kThreads + threadIdx.x, number = blockIdx.y;
  if (output >= p.outputs) return;
  const uint32_t outer = output / p.inner, column = output - outer * p.inner, end = p.end(number);
  const T* x = p.x + int64_t{outer} * p.n * p.inner + column;
  Candidate<T> best = {T(0), -1};
#pragma unroll 4
  for (uint32_t i = p.begin(number); i < end; ++i) p.better.take(best, x[int64_t{i} * p.inner], i);
  p.write(output, number, best);
}

// A warp for each output.
template <typename T>
__global__ void __launch_bounds__(kThreads) choose_kernel(Search<T> p) {
  const RowTeam team{kWarp, kThreads};
  const int64_t output = team.row();
  const bool inside = output < p.outputs;
  Candidate<T> best = {T(0), -1};
  for (uint32_t s = team.rank(); inside && s < p.segments; s += team.size) {
    best = p.better(best, p.candidates[output * p.segments + s]);
  }
  best = team.fold(best, p.better);
  if (inside && team.rank() == 0) p.out[output] = static_cast<int32_t>(best.index);
}

// Cuts outputs into segments if there are too few blocks, but not below `least` elements, a multiple of the packs.
template <typename T>
void cut(Search<T>& p, KernelArgs& args, int64_t blocks, int64_t least) {
  const int64_t n = p.n, wanted = (kEnoughBlocks + blocks - 1) / blocks;
  p.segment = static_cast<uint32_t>(((n + wanted - 1) / wanted + least - 1) / least * least);
  p.segments = blocks_for(n, p.segment);
  if (p.segments > 1) p.candidates = args.workspace.array<Candidate<T>>(int64_t{p.outputs} * p.segments);
}

template <typename T>
void search(KernelArgs& args, bool greatest) {
  const TensorView& x = args.in[0];
  const int axis = static_cast<int>(args.attr[0]);
  const int64_t n = x.shape[axis];
  int64_t outer = 1, inner = 1;
  for (int i = 0; i < axis; ++i) outer *= x.shape[i];
  for (int i = axis + 1; i < x.rank; ++i) inner *= x.shape[i];
  NABLA_CHECK(args.out[0].dtype == DType::int32 && args.out[0].numel() == outer * inner, "the output must be int32");
  if (outer * inner == 0) return;
  NABLA_CHECK(n > 0, "the axis is empty");
  cudaStream_t stream = queue_of(args).stream();
  Search<T> p{x.as<const T>(),
              args.out[0].as<int32_t>(),
              nullptr,
              {greatest},
              static_cast<uint32_t>(outer * inner),
              static_cast<uint32_t>(inner),
              static_cast<uint32_t>(n),
              0,
              1,
              false};
  if (inner == 1) {
    constexpr int64_t kMostWarpAccesses = 8 * kWarp;
    p.wide = aligned_to_packs({p.x}) && n % kPackWidth<T> == 0;
    const int64_t accesses = p.wide ? n / kPackWidth<T> : n;
    RowTeam team{kThreads, kThreads};
    if (accesses <= kMostWarpAccesses) {
      team.size = kWarp;
      while (team.size > 1 && team.size / 2 >= accesses) team.size /= 2;
    }
    cut(p, args, blocks_for(p.outputs, team.per_block()), 32 * kThreads);
    launch(search_rows_kernel<T>, blocks_for(int64_t{p.outputs} * p.segments, team.per_block()), kThreads, 0, stream, p,
           team);
  } else {
    const unsigned blocks = blocks_for(p.outputs, kThreads);
    cut(p, args, blocks, 64);
    launch(search_columns_kernel<T>, dim3(blocks, p.segments), kThreads, 0, stream, p);
  }
  if (!p.candidates) return;
  launch(choose_kernel<T>, blocks_for(p.outputs, kThreads / kWarp), kThreads, 0, stream, p);
}

void dispatch(KernelArgs& args, bool greatest) {
  const TensorView& x = args.in[0];
  NABLA_CHECK(args.n_attr >= 1 && args.attr[0] >= 0 && args.attr[0] < x.rank, "the axis is out of range");
  NABLA_CHECK(x.contiguous(), "the input must be contiguous");
  switch (x.dtype) {
    case DType::float32: return search<float>(args, greatest);
    case DType::float64: return search<double>(args, greatest);
    case DType::int32: return search<int32_t>(args, greatest);
    case DType::uint8:
    case DType::boolean: return search<uint8_t>(args, greatest);
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

}  // namespace

void argMax(KernelArgs& args) { dispatch(args, true); }
void argMin(KernelArgs& args) { dispatch(args, false); }

}  // namespace nabla::cuda
