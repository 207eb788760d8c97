// Batch normalization with given statistics: a scale and a shift for each channel, and the sums that its gradients
// need.
#include "cuda/kernels/channel_rows.h"

namespace nabla::cuda {
namespace {

struct Problem {
  int64_t rows, channels;
};

// Inputs from `first` on have an element for each channel.
Problem problem_of(const KernelArgs& args, int first) {
  const TensorView& x = args.in[0];
  NABLA_CHECK(x.dtype == DType::float32 || x.dtype == DType::float64, "inputs must be float32 or float64");
  NABLA_CHECK(x.rank >= 1, "the input needs channels");
  const int64_t channels = x.shape[x.rank - 1], numel = x.numel();
  for (int i = 0; i < args.n_in; ++i) check_channel_tensor(args.in[i], i < first ? numel : channels, x.dtype);
  for (int i = 0; i < args.n_out; ++i) check_channel_tensor(args.out[i], i == 0 ? numel : channels, x.dtype);
  return {channels > 0 ? numel / channels : 0, channels};
}

// A group for each channel.
ChannelGroups groups_of(const Problem& p) { return {static_cast<uint32_t>(p.channels), 1}; }

template <typename T>
void forward(KernelArgs& args, const Problem& p) {
  const T *x = args.in[0].as<const T>(), *mean = args.in[1].as<const T>(), *scale = args.in[2].as<const T>();
  const T* beta = args.n_in > 3 ? args.in[3].as<const T>() : nullptr;
  T* y = args.out[0].as<T>();
  const ChannelTiles tiles = tile_channels<T>(1, p.rows, p.channels, {x, y});
  const ChannelScale<T> scaling{x, mean, scale, nullptr, beta, y, groups_of(p)};
  launch(scale_channels_kernel<T>, static_cast<unsigned>(tiles.blocks()), kChannelThreads, 0, queue_of(args).stream(),
         scaling, tiles);
}

template <typename T>
void backward(KernelArgs& args, const Problem& p) {
  Queue& q = queue_of(args);
  const T *x = args.in[0].as<const T>(), *dy = args.in[1].as<const T>();
  T* dx = args.out[0].as<T>();
  const ChannelTiles tiles = tile_channels<T>(1, p.rows, p.channels, {x, dy, dx});
  T* partial = args.workspace.array<T>(tiles.blocks() * 2 * p.channels);
  const ChannelSums<T> sums{x, dy, args.in[2].as<const T>(), args.in[3].as<const T>(), dx, partial, groups_of(p)};
  launch(channel_sums_kernel<T>, static_cast<unsigned>(tiles.blocks()), kChannelThreads, 0, q.stream(), sums, tiles);
  add_partial_sums(q.stream(), partial, tiles.tiles, 2 * p.channels, args.out[1].as<T>(), p.channels);
  add_partial_sums(q.stream(), partial + p.channels, tiles.tiles, 2 * p.channels, args.out[2].as<T>(), p.channels);
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

}  // namespace nabla::cuda
