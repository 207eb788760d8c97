// Batch normalization with given statistics: a scale and a shift for each channel, and the sums that its gradients
// need.
#include "cpu/kernels/channel_rows.h"
#include "cpu/kernels/partial_sums.h"

namespace nabla::NABLA_ISA {
namespace {

struct Problem {
  int64_t rows;
  ChannelRows channels;
};

// Inputs from `first` on, up to `end`, have an element for each channel.
Problem problem_of(const KernelArgs& args, int first) {
  const TensorView& x = args.in[0];
  NABLA_CHECK(x.dtype == DType::float32 || x.dtype == DType::float64, "inputs must be float32 or float64");
  NABLA_CHECK(x.rank >= 1, "the input needs channels");
  const int64_t channels = x.shape[x.rank - 1], numel = x.numel();
  for (int i = 0; i < args.n_in; ++i) check_channel_tensor(args.in[i], i < first ? numel : channels, x.dtype);
  for (int i = 0; i < args.n_out; ++i) check_channel_tensor(args.out[i], i == 0 ? numel : channels, x.dtype);
  return {channels > 0 ? numel / channels : 0, ChannelRows(channels)};
}

// A coefficient for each channel, repeated to the width.
template <typename T>
T* repeated(KernelArgs& args, const ChannelRows& channels, int input) {
  T* values = args.workspace.array<T>(channels.width);
  if (channels.channels > 0)
    std::memcpy(values, args.in[input].data, static_cast<size_t>(channels.channels) * sizeof(T));
  channels.repeat(values);
  return values;
}

template <typename T>
void forward(KernelArgs& args, const Problem& p) {
  const T *mean = repeated<T>(args, p.channels, 1), *scale = repeated<T>(args, p.channels, 2);
  const T* beta = args.n_in > 3 ? repeated<T>(args, p.channels, 3) : nullptr;
  parallel_ranges(args.pool, p.rows, p.channels.grain, [&](int64_t begin, int64_t end) {
    scale_channels(p.channels, begin, end, args.in[0].as<const T>(), args.out[0].as<T>(), mean, scale, beta);
  });
}

template <typename T>
void backward(KernelArgs& args, const Problem& p) {
  const T *x = args.in[0].as<const T>(), *dy = args.in[1].as<const T>();
  const T *mean = repeated<T>(args, p.channels, 2), *scale = repeated<T>(args, p.channels, 3);
  T* dx = args.out[0].as<T>();
  const int64_t tasks = p.channels.tasks(p.rows), stride = 2 * p.channels.width;
  T* partial = args.workspace.array<T>(tasks * stride);
  parallel_for(args.pool, tasks, [&](int64_t task) {
    const int64_t begin = task * p.channels.grain;
    const int64_t end = begin + p.channels.grain < p.rows ? begin + p.channels.grain : p.rows;
    T *sums = partial + task * stride, *products = sums + p.channels.width;
    sum_channels(
        p.channels, begin, end, x, dy, mean, sums, products,
        [&](int64_t e, int64_t j, auto lanes, Vec<T> slope) { lanes.store(dx + e, slope * lanes.load(scale + j)); });
    p.channels.fold(sums);
    p.channels.fold(products);
  });
  add_partial_sums(args, partial, tasks, stride, args.out[1].as<T>(), p.channels.channels);
  add_partial_sums(args, partial + p.channels.width, tasks, stride, args.out[2].as<T>(), p.channels.channels);
}

}  // namespace

void batchNorm(KernelArgs& args) {
  const Problem p = problem_of(args, 1);
  args.in[0].dtype == DType::float32 ? forward<float>(args, p) : forward<double>(args, p);
}

void batchNormGrad(KernelArgs& args) {
  const Problem p = problem_of(args, 2);
  args.in[0].dtype == DType::float32 ? backward<float>(args, p) : backward<double>(args, p);
}

}  // namespace nabla::NABLA_ISA
