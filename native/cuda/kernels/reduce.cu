// sum, mean, prod, max, min, all and any over any axes of any strides.
//
// Two forms do all the work: the elements of one output are neighbours in memory (rows), or neighbours belong to
// different outputs (columns). Sums stay accurate and independent of the device because the shape fixes the order of
// additions: runs of at most kRun float32 additions, whose sums are added in double. Where there are few outputs of
// many elements, several blocks share an output, and a second pass combines their results.
#include "core/checks.h"
#include "core/kernel.h"
#include "cuda/kernels/reduce_ops.h"
#include "cuda/kernels/reduce_plan.h"
#include "cuda/kernels/row_team.h"
#include "cuda/queue.h"

namespace nabla::cuda {
namespace {

constexpr int kThreads = 256;
constexpr uint32_t kRun = 64;
constexpr int64_t kEnoughBlocks = 512;

template <typename Op>
struct Reduction {
  Op op;
  const typename Op::In* x;
  typename Op::Acc* partial;  // [outputs, segments], or null where there is one segment
  ReduceOutput out;
  ReducePlan plan;
  uint32_t segment, segments;  // elements that a block takes of an output, and how many times that makes an output
  bool wide;                   // packs are read
  bool one_run;                // of the elements that a thread takes

  // The elements [begin, end) of a segment.
  __device__ uint32_t begin(uint32_t number) const { return number * segment; }
  __device__ uint32_t end(uint32_t number) const {
    const uint32_t count = static_cast<uint32_t>(plan.count), left = count - begin(number);
    return left < segment ? count : begin(number) + segment;
  }
  // The result of all elements, or of a segment.
  template <typename A>
  __device__ void write(uint32_t output, uint32_t number, A value) const {
    if (partial) {
      partial[int64_t{output} * segments + number] = static_cast<typename Op::Acc>(value);
    } else {
      op.write(out, plan.out_begin + plan.kept.out_offset(output), value);
    }
  }
};

// The result of the packs at begin, begin + step, ... that load(i) gives, each element of the pack by itself or (if
// width is 1) together. finish(values) gets it as Part if it was one run, or else as Acc.
template <typename Op, int width, bool together, typename Load, typename Finish>
__device__ void reduce_packs(const Reduction<Op>& p, uint32_t begin, uint32_t end, uint32_t step, Load&& load,
                             Finish&& finish) {
  using Part = typename Op::Part;
  using Acc = typename Op::Acc;
  constexpr int kValues = together ? 1 : width;
  constexpr uint32_t kPacks = together ? kRun / width : kRun;
  Part part[kValues];
  const auto run = [&](uint32_t& i) {
    for (int k = 0; k < kValues; ++k) part[k] = p.op.template identity<Part>();
#pragma unroll 4
    for (uint32_t r = 0; r < kPacks && i < end; ++r, i += step) {
      const auto pack = load(i);
      for (int k = 0; k < width; ++k) part[k % kValues] = p.op(part[k % kValues], static_cast<Part>(pack[k]));
    }
  };
  uint32_t i = begin;
  if (p.one_run) {
    run(i);
    return finish(part);
  }
  Acc acc[kValues];
  for (int k = 0; k < kValues; ++k) acc[k] = p.op.template identity<Acc>();
  while (i < end) {
    run(i);
    for (int k = 0; k < kValues; ++k) acc[k] = p.op(acc[k], static_cast<Acc>(part[k]));
  }
  finish(acc);
}

// A team for each segment of each output.
template <typename Op>
__global__ void __launch_bounds__(kThreads, 4) reduce_rows_kernel(Reduction<Op> p, RowTeam team) {
  using In = typename Op::In;
  const int64_t item = team.row();
  const bool inside = item < p.plan.outputs * p.segments;
  const uint32_t output = static_cast<uint32_t>(item) / p.segments, number = static_cast<uint32_t>(item) % p.segments;
  const uint32_t begin = inside ? p.begin(number) : 0, end = inside ? p.end(number) : 0, rank = team.rank();
  const In* x = p.x + p.plan.in_begin + p.plan.kept.in_offset(output);
  const auto finish = [&](auto& value) {
    const auto result = team.fold(value[0], p.op);
    if (inside && rank == 0) p.write(output, number, result);
  };
  if (p.wide) {
    constexpr int kWidth = kPackWidth<In>;
    const auto load = [&](uint32_t i) { return load_elements<kWidth>(x + p.plan.reduced.in_offset(i)); };
    reduce_packs<Op, kWidth, true>(p, begin + rank * kWidth, end, team.size * kWidth, load, finish);
  } else {
    const auto load = [&](uint32_t i) { return load_elements<1>(x + p.plan.reduced.in_offset(i)); };
    reduce_packs<Op, 1, true>(p, begin + rank, end, team.size, load, finish);
  }
}

// Neighbouring columns that a thread takes.
template <typename T>
constexpr int kColumnWidth = sizeof(T) == 8 ? 2 : 4;

struct ColumnTiles {
  uint32_t across;  // threads side by side; the others of the block share their columns
  uint32_t columns, tiles;
};

// values[k] of all threads that share columns, combined, to finish(k, result) of one of them.
template <int width, typename V, typename Op, typename Finish>
__device__ void fold_columns(const V (&values)[width], const Op& op, uint32_t across, Finish&& finish) {
  SHARED(V, shared, [width][kThreads]);
  for (int k = 0; k < width; ++k) shared[k][threadIdx.x] = values[k];
  for (uint32_t half = kThreads / 2; half >= across; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) {
      for (int k = 0; k < width; ++k) {
        shared[k][threadIdx.x] = op(shared[k][threadIdx.x], shared[k][threadIdx.x + half]);
      }
    }
  }
  if (threadIdx.x >= across) return;
  for (int k = 0; k < width; ++k) finish(k, shared[k][threadIdx.x]);
}

// A block for each segment of each tile of columns, which are the innermost kept dimension.
template <typename Op>
__global__ void __launch_bounds__(kThreads, 4) reduce_columns_kernel(Reduction<Op> p, ColumnTiles tiles) {
  using In = typename Op::In;
  const uint32_t number = blockIdx.x % p.segments, unit = blockIdx.x / p.segments;
  const uint32_t row = unit / tiles.tiles, tile = unit % tiles.tiles;
  const uint32_t x_thread = threadIdx.x % tiles.across, y_thread = threadIdx.x / tiles.across;
  const uint32_t begin = p.begin(number) + y_thread, step = kThreads / tiles.across;
  const auto reduce = [&](auto width) {
    const uint32_t column = (tile * tiles.across + x_thread) * width.value;
    const bool inside = column < tiles.columns;
    const uint32_t output = row * tiles.columns + (inside ? column : 0), end = inside ? p.end(number) : 0;
    const In* x = p.x + p.plan.in_begin + p.plan.kept.in_offset(output);
    const auto load = [&](uint32_t i) { return load_elements<width.value>(x + p.plan.reduced.in_offset(i)); };
    reduce_packs<Op, width.value, false>(p, begin, end, step, load, [&](auto& values) {
      fold_columns(values, p.op, tiles.across, [&](int k, auto result) {
        if (inside) p.write(output + k, number, result);
      });
    });
  };
  p.wide ? reduce(Width<kColumnWidth<In>>()) : reduce(Width<1>());
}

// A warp for each output.
template <typename Op>
__global__ void __launch_bounds__(kThreads) combine_segments_kernel(Reduction<Op> p) {
  using Acc = typename Op::Acc;
  const RowTeam team{kWarp, kThreads};
  const int64_t output = team.row();
  const bool inside = output < p.plan.outputs;
  Acc acc = p.op.template identity<Acc>();
  for (uint32_t s = team.rank(); inside && s < p.segments; s += team.size) {
    acc = p.op(acc, p.partial[output * p.segments + s]);
  }
  acc = team.fold(acc, p.op);
  if (inside && team.rank() == 0) {
    p.op.write(p.out, p.plan.out_begin + p.plan.kept.out_offset(static_cast<uint32_t>(output)), acc);
  }
}

// Cuts outputs into segments if there are too few blocks, but not below `least` elements, a multiple of the packs.
template <typename Op>
void cut(Reduction<Op>& p, KernelArgs& args, int64_t blocks, int64_t least) {
  const int64_t count = p.plan.count, wanted = (kEnoughBlocks + blocks - 1) / blocks;
  const int64_t segment = ((count + wanted - 1) / wanted + least - 1) / least * least;
  p.segment = static_cast<uint32_t>(segment > 0 ? segment : least);
  p.segments = count > 0 ? blocks_for(count, p.segment) : 1;
  if (p.segments > 1) p.partial = args.workspace.array<typename Op::Acc>(p.plan.outputs * p.segments);
}

template <typename Op>
void reduce_rows(Reduction<Op>& p, KernelArgs& args) {
  constexpr int kWidth = kPackWidth<typename Op::In>;
  constexpr int64_t kMostWarpAccesses = 8 * kWarp, kLeastSegment = 32 * kThreads;
  const int64_t count = p.plan.count;
  p.wide = aligned_to_packs({p.x + p.plan.in_begin}) && p.plan.reduced.in_packs(kWidth) && p.plan.kept.at_packs(kWidth);
  const int64_t accesses = p.wide ? count / kWidth : count;
  RowTeam team{kThreads, kThreads};
  if (accesses <= kMostWarpAccesses) {
    team.size = kWarp;
    while (team.size > 1 && team.size / 2 >= accesses) team.size /= 2;
  }
  cut(p, args, blocks_for(p.plan.outputs, team.per_block()), kLeastSegment);
  p.one_run = (p.segment < count ? p.segment : count) <= int64_t{kRun} * team.size;
  launch(reduce_rows_kernel<Op>, blocks_for(p.plan.outputs * p.segments, team.per_block()), kThreads, 0,
         queue_of(args).stream(), p, team);
}

template <typename Op>
void reduce_columns(Reduction<Op>& p, KernelArgs& args) {
  constexpr int kWidth = kColumnWidth<typename Op::In>;
  const ReduceDims& kept = p.plan.kept;
  p.wide = aligned_to_packs({p.x + p.plan.in_begin}) && kept.in_packs(kWidth) && p.plan.reduced.at_packs(kWidth);
  ColumnTiles tiles{kWarp, kept.size[kept.rank - 1], 0};
  const uint32_t units = p.wide ? tiles.columns / kWidth : tiles.columns;
  while (tiles.across > 1 && tiles.across / 2 >= units) tiles.across /= 2;
  tiles.tiles = blocks_for(units, tiles.across);
  const int64_t blocks = p.plan.outputs / tiles.columns * tiles.tiles, lanes = kThreads / tiles.across;
  cut(p, args, blocks, 16 * lanes);
  p.one_run = p.segment <= kRun * lanes;
  launch(reduce_columns_kernel<Op>, static_cast<unsigned>(blocks * p.segments), kThreads, 0, queue_of(args).stream(), p,
         tiles);
}

template <typename Op>
void reduce(KernelArgs& args, Op op, bool mean = false, bool truth = false) {
  Reduction<Op> p{op, args.in[0].as<const typename Op::In>(), nullptr, {}, plan_reduction(args), 0, 1, false, false};
  p.out = {args.out[0].data, p.plan.count, mean, truth};
  if (p.plan.outputs == 0) return;
  p.plan.inner_reduced || p.plan.count == 0 ? reduce_rows(p, args) : reduce_columns(p, args);
  if (!p.partial) return;
  launch(combine_segments_kernel<Op>, blocks_for(p.plan.outputs, kThreads / kWarp), kThreads, 0,
         queue_of(args).stream(), p);
}

void check_output(const KernelArgs& args, DType of_integers) {
  const DType in = args.in[0].dtype;
  const bool floating = in == DType::float32 || in == DType::float64;
  NABLA_CHECK(args.out[0].dtype == (floating ? in : of_integers), "the output's dtype is wrong");
}

void reduce_sum(KernelArgs& args, bool mean) {
  check_output(args, mean ? DType::float32 : DType::int32);
  switch (args.in[0].dtype) {
    case DType::float32: return reduce(args, Sum<float>(), mean);
    case DType::float64: return reduce(args, Sum<double>(), mean);
    case DType::int32: return reduce(args, Sum<int32_t>(), mean);
    case DType::uint8: return reduce(args, Sum<uint8_t>(), mean);
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

void reduce_product(KernelArgs& args) {
  check_output(args, DType::int32);
  switch (args.in[0].dtype) {
    case DType::float32: return reduce(args, Product<float>());
    case DType::float64: return reduce(args, Product<double>());
    case DType::int32: return reduce(args, Product<int32_t>());
    case DType::uint8: return reduce(args, Product<uint8_t>());
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

void reduce_extreme(KernelArgs& args, bool greatest) {
  check_output(args, args.in[0].dtype);
  switch (args.in[0].dtype) {
    case DType::float32: return reduce(args, Extreme<float>{greatest});
    case DType::float64: return reduce(args, Extreme<double>{greatest});
    case DType::int32: return reduce(args, Extreme<int32_t>{greatest});
    case DType::uint8: return reduce(args, Extreme<uint8_t>{greatest});
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

void reduce_truth(KernelArgs& args, bool any) {
  NABLA_CHECK(args.in[0].dtype == DType::boolean && args.out[0].dtype == DType::boolean,
              "input and output must be bool");
  reduce(args, Extreme<uint8_t>{any}, false, true);
}

}  // namespace

// Sums of integers are int32, means of integers float32.
void sum(KernelArgs& args) { reduce_sum(args, false); }
void mean(KernelArgs& args) { reduce_sum(args, true); }
// Products of integers are int32 and wrap.
void prod(KernelArgs& args) { reduce_product(args); }
void max(KernelArgs& args) { reduce_extreme(args, true); }
void min(KernelArgs& args) { reduce_extreme(args, false); }
void all(KernelArgs& args) { reduce_truth(args, false); }
void any(KernelArgs& args) { reduce_truth(args, true); }

}  // namespace nabla::cuda
