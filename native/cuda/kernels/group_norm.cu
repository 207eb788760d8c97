// Group normalization (Wu and He, 2018), channels last: the elements of a sample whose channels are of one group are
// normalised together. A block takes a group that it can hold. Of others, moments, or sums for the gradients, are taken
// of each tile of rows and then put together, so that a second pass over memory writes the result.
#include "cuda/kernels/channel_rows.h"
#include "cuda/kernels/held_groups.h"

namespace nabla::cuda {
namespace {

// Of shared memory for a block's sums of channels: enough blocks fit on a multiprocessor beside each other.
constexpr int64_t kScratchBytes = 12 << 10;

struct Problem {
  int64_t samples, rows, channels;
  ChannelGroups groups;
  double epsilon;
  bool gamma;
  int64_t sets() const { return samples * groups.count; }
};

// `vectors`: the first input that has an element for each channel.
Problem problem_of(const KernelArgs& args, int vectors) {
  const TensorView& x = args.in[0];
  NABLA_CHECK(x.dtype == DType::float32 || x.dtype == DType::float64, "inputs must be float32 or float64");
  NABLA_CHECK(x.rank >= 2 && args.n_attr >= 3, "samples and channels, epsilon, groups and gamma are needed");
  const int64_t samples = x.shape[0], channels = x.shape[x.rank - 1], numel = x.numel();
  NABLA_CHECK(args.attr[1] >= 1 && args.attr[1] <= 2147483647, "there must be groups");
  const int64_t groups = static_cast<int64_t>(args.attr[1]);
  NABLA_CHECK(channels % groups == 0, "the groups must divide the channels");
  check_channel_tensor(x, numel, x.dtype);
  check_channel_tensor(args.out[0], numel, x.dtype);
  for (int i = vectors; i < args.n_in; ++i) check_channel_tensor(args.in[i], channels, x.dtype);
  Problem p{samples,      1,
            channels,     {static_cast<uint32_t>(groups), static_cast<uint32_t>(channels / groups)},
            args.attr[0], args.attr[2] != 0};
  for (int i = 1; i < x.rank - 1; ++i) p.rows *= x.shape[i];
  return p;
}

// The lanes of a warp that take a group's channels.
RowTeam team_of_group(const ChannelGroups& groups) {
  RowTeam team{kWarp, kChannelThreads};
  while (team.size > 1 && team.size / 2 >= static_cast<int64_t>(groups.size)) team.size /= 2;
  return team;
}

struct Moments {
  double mean, squares;  // squares: the sum of squared distances from the mean
};

template <typename T>
struct TileMoments {
  const T* x;
  Moments* moments;  // [blocks, groups]
  T* scratch;        // for each block what shared memory has no room for, or null
  int64_t scratch_size;
  ChannelGroups groups;
  RowTeam team;
};

template <typename T>
__global__ void __launch_bounds__(kChannelThreads, 4) group_moments_kernel(TileMoments<T> p, ChannelTiles tiles) {
  DYN_SHARED(shared);
  const uint32_t channels = tiles.channels, size = p.groups.size;
  T* sums = p.scratch ? p.scratch + blockIdx.x * p.scratch_size : reinterpret_cast<T*>(shared);
  T* means = sums + int64_t{2} * tiles.together * channels;
  const double count = static_cast<double>(tiles.rows_here()) * size;
  // take(group, sum, sum of squares) for each group, by one thread.
  const auto for_groups = [&](auto&& take) {
    const uint32_t together = static_cast<uint32_t>(p.team.per_block());
    for (uint32_t first = 0; first < p.groups.count; first += together) {
      const uint32_t g = first + p.team.slot();
      Two<double> sum = {0, 0};
      if (g < p.groups.count) {
        for (uint32_t c = p.team.rank(); c < size; c += p.team.size) {
          const T* s = sums + int64_t{g} * size + c;
          sum = {sum.a + static_cast<double>(s[0]), sum.b + static_cast<double>(s[channels])};
        }
      }
      sum = p.team.fold(sum, AddTwo());
      if (g < p.groups.count && p.team.rank() == 0) take(g, sum.a, sum.b);
    }
  };
  const auto add_rows = [&](bool centered) {
    tiles.for_units<T>([&](uint32_t c, uint32_t lane, auto width) {
      RowPack<T, width.value> mean, sum, squares;
      for (int i = 0; i < width.value; ++i) {
        mean[i] = centered ? means[(c + i) / size] : T(0);
        sum[i] = squares[i] = 0;
      }
      tiles.for_rows(c, lane, [&](int64_t e) {
        const auto v = load_elements<width.value>(p.x + e);
        for (int i = 0; i < width.value; ++i) {
          const T d = v[i] - mean[i];
          sum[i] += d;
          squares[i] = fma_of(d, d, squares[i]);
        }
      });
      T* of_lane = sums + int64_t{2} * lane * channels + c;
      store_elements(of_lane, sum);
      store_elements(of_lane + channels, squares);
    });
    tiles.fold_lanes(sums, 2 * channels);
  };
  add_rows(false);
  for_groups([&](uint32_t g, double sum, double) { means[g] = static_cast<T>(sum / count); });
  __syncthreads();
  add_rows(true);
  Moments* moments = p.moments + int64_t{blockIdx.x} * p.groups.count;
  for_groups([&](uint32_t g, double rest, double squares) {
    // What is left of the distances from the rounded mean belongs to the mean.
    const double exact = squares - rest * rest / count;
    moments[g] = {static_cast<double>(means[g]) + rest / count, exact < 0 ? 0 : exact};
  });
}

struct Part {
  double count, mean, squares;
};
__device__ Part from_lane_xor(Part part, int offset) {
  return {cuda::from_lane_xor(part.count, offset), cuda::from_lane_xor(part.mean, offset),
          cuda::from_lane_xor(part.squares, offset)};
}
// Chan, Golub and LeVeque, 1979: the moments of two parts give those of the whole.
struct MergeOp {
  __device__ Part operator()(Part a, Part b) const {
    if (b.count == 0) return a;
    const double count = a.count + b.count, share = b.count / count, distance = b.mean - a.mean;
    return {count, a.mean + distance * share, a.squares + b.squares + distance * distance * a.count * share};
  }
};

template <typename T>
struct Statistics {
  const Moments* moments;
  T *mean, *reciprocal, *variance;  // [samples, groups]; variance may be null
  double epsilon;
};

// A warp for each group of each sample.
template <typename T>
__global__ void __launch_bounds__(kChannelThreads, 4)
    statistics_kernel(Statistics<T> p, ChannelTiles tiles, ChannelGroups groups) {
  const RowTeam team{kWarp, kChannelThreads};
  const int64_t set = team.row();
  Part whole = {0, 0, 0};
  if (set < tiles.samples * groups.count) {
    const uint32_t sample = static_cast<uint32_t>(set) / groups.count,
                   group = static_cast<uint32_t>(set) % groups.count;
    for (uint32_t tile = team.rank(); tile < tiles.tiles; tile += team.size) {
      const Moments part = p.moments[(int64_t{sample} * tiles.tiles + tile) * groups.count + group];
      const int64_t left = tiles.rows - int64_t{tile} * tiles.tile_rows,
                    rows = left < tiles.tile_rows ? left : tiles.tile_rows;
      whole = MergeOp()(whole, {static_cast<double>(rows) * groups.size, part.mean, part.squares});
    }
  }
  whole = team.fold(whole, MergeOp());
  if (set >= tiles.samples * groups.count || team.rank() != 0) return;
  const double variance = whole.squares / whole.count;
  p.mean[set] = static_cast<T>(whole.mean);
  p.reciprocal[set] = static_cast<T>(1 / sqrt_of(variance + p.epsilon));
  if (p.variance) p.variance[set] = static_cast<T>(variance);
}

template <typename T>
void forward(KernelArgs& args, const Problem& p) {
  Queue& q = queue_of(args);
  const T* x = args.in[0].as<const T>();
  const T* gamma = p.gamma ? args.in[1].as<const T>() : nullptr;
  const T* beta = args.n_in > 1 + p.gamma ? args.in[1 + p.gamma].as<const T>() : nullptr;
  T *y = args.out[0].as<T>(), *mean = args.out[1].as<T>(), *reciprocal = args.out[2].as<T>();
  T* variance = args.n_out > 3 ? args.out[3].as<T>() : nullptr;
  const HeldGroups held = hold_groups<T>(p.samples, p.rows, p.channels, p.groups, {x, y});
  if (held.threads > 0) {
    const HeldNormalization<T> of_held{x, gamma, beta, y, mean, reciprocal, variance, static_cast<T>(p.epsilon)};
    normalize_held(q.stream(), of_held, held);
    return;
  }
  const ChannelTiles tiles = tile_channels<T>(p.samples, p.rows, p.channels, {x, y});
  const unsigned blocks = static_cast<unsigned>(tiles.blocks());
  // Sums of each lane's channels and of their squares, and the groups' means; whole packs.
  const int64_t scratch = (int64_t{2} * tiles.together * p.channels + p.groups.count + 3) / 4 * 4;
  const int64_t bytes = scratch * static_cast<int64_t>(sizeof(T));
  const bool shared = bytes <= kScratchBytes;
  TileMoments<T> of_tiles{x,        args.workspace.array<Moments>(tiles.blocks() * p.groups.count),
                          nullptr,  scratch,
                          p.groups, team_of_group(p.groups)};
  if (!shared) of_tiles.scratch = args.workspace.array<T>(tiles.blocks() * scratch);
  launch(group_moments_kernel<T>, blocks, kChannelThreads, shared ? static_cast<size_t>(bytes) : 0, q.stream(),
         of_tiles, tiles);
  const Statistics<T> statistics{of_tiles.moments, mean, reciprocal, variance, p.epsilon};
  launch(statistics_kernel<T>, blocks_for(p.sets(), kChannelThreads / kWarp), kChannelThreads, 0, q.stream(),
         statistics, tiles, p.groups);
  const ChannelScale<T> scaling{x, mean, reciprocal, gamma, beta, y, p.groups};
  launch(scale_channels_kernel<T>, blocks, kChannelThreads, 0, q.stream(), scaling, tiles);
}

template <typename T>
struct Gradient {
  const T *x, *dy, *mean, *reciprocal, *gamma;  // gamma may be null
  T* dx;
  T* sums;           // [samples, 2, channels]: the sums of dy and of dy * (x - mean), then of dy * z
  T *slope, *shift;  // [samples, groups]: the factors of x - mean and of 1
  ChannelGroups groups;
};

// With z = (x - mean) / deviation: dx = (dy gamma - mean(dy gamma) - z mean(dy gamma z)) / deviation, where the means
// are over a group. A team for each group of each sample.
template <typename T>
__global__ void __launch_bounds__(kChannelThreads, 4)
    coefficients_kernel(Gradient<T> p, ChannelTiles tiles, RowTeam team) {
  const int64_t set = team.row();
  const uint32_t sample = static_cast<uint32_t>(set) / p.groups.count;
  const bool inside = sample < tiles.samples;
  // Without elements there is no deviation, and the sums are 0.
  const double r = inside && tiles.tiles > 0 ? static_cast<double>(p.reciprocal[set]) : 0;
  Two<double> mean = {0, 0};
  if (inside) {
    const uint32_t first = static_cast<uint32_t>(set) % p.groups.count * p.groups.size;
    T* sums = p.sums + int64_t{sample} * 2 * tiles.channels;
    for (uint32_t i = team.rank(); i < p.groups.size; i += team.size) {
      const uint32_t c = first + i;
      const double product = static_cast<double>(sums[tiles.channels + c]) * r;
      const double factor = p.gamma ? static_cast<double>(p.gamma[c]) : 1;
      mean = {mean.a + static_cast<double>(sums[c]) * factor, mean.b + product * factor};
      sums[tiles.channels + c] = static_cast<T>(product);
    }
  }
  mean = team.fold(mean, AddTwo());
  if (!inside || team.rank() != 0) return;
  const double count = static_cast<double>(tiles.rows) * p.groups.size;
  p.slope[set] = static_cast<T>(-r * r * (mean.b / count));
  p.shift[set] = static_cast<T>(-r * (mean.a / count));
}

template <typename T>
__global__ void __launch_bounds__(kChannelThreads, 4) input_gradient_kernel(Gradient<T> p, ChannelTiles tiles) {
  const int64_t sample = tiles.sample();
  tiles.for_units<T>([&](uint32_t c, uint32_t lane, auto width) {
    RowPack<T, width.value> mean, direct, slope, shift;
    for (int i = 0; i < width.value; ++i) {
      const int64_t group = p.groups.of(sample, c + i);
      mean[i] = p.mean[group];
      direct[i] = p.gamma ? p.reciprocal[group] * p.gamma[c + i] : p.reciprocal[group];
      slope[i] = p.slope[group];
      shift[i] = p.shift[group];
    }
    tiles.for_rows(c, lane, [&](int64_t e) {
      const auto v = load_elements<width.value>(p.x + e);
      auto g = load_elements<width.value>(p.dy + e);
      for (int i = 0; i < width.value; ++i) {
        g[i] = fma_of(g[i], direct[i], fma_of(v[i] - mean[i], slope[i], shift[i]));
      }
      store_elements(p.dx + e, g);
    });
  });
}

// Sums of tiles give the coefficients of dx, which a second pass writes.
template <typename T>
void gradient_of_tiles(KernelArgs& args, const Problem& p, const Gradient<T>& gradient) {
  Queue& q = queue_of(args);
  const ChannelTiles tiles = tile_channels<T>(p.samples, p.rows, p.channels, {gradient.x, gradient.dy, gradient.dx});
  const unsigned blocks = static_cast<unsigned>(tiles.blocks());
  T* partial = args.workspace.array<T>(tiles.blocks() * 2 * p.channels);
  const ChannelSums<T> sums{gradient.x, gradient.dy, gradient.mean, nullptr, nullptr, partial, p.groups};
  launch(channel_sums_kernel<T>, blocks, kChannelThreads, 0, q.stream(), sums, tiles);
  add_partial_sums(q.stream(), partial, tiles.tiles, 2 * p.channels, gradient.sums, 2 * p.channels, p.samples);
  const RowTeam team = team_of_group(p.groups);
  launch(coefficients_kernel<T>, blocks_for(p.sets(), team.per_block()), kChannelThreads, 0, q.stream(), gradient,
         tiles, team);
  launch(input_gradient_kernel<T>, blocks, kChannelThreads, 0, q.stream(), gradient, tiles);
}

template <typename T>
void backward(KernelArgs& args, const Problem& p) {
  const Gradient<T> gradient{args.in[0].as<const T>(),
                             args.in[1].as<const T>(),
                             args.in[2].as<const T>(),
                             args.in[3].as<const T>(),
                             p.gamma ? args.in[4].as<const T>() : nullptr,
                             args.out[0].as<T>(),
                             args.workspace.array<T>(p.samples * 2 * p.channels),
                             args.workspace.array<T>(p.sets()),
                             args.workspace.array<T>(p.sets()),
                             p.groups};
  const HeldGroups held =
      hold_groups<T>(p.samples, p.rows, p.channels, p.groups, {gradient.x, gradient.dy, gradient.dx});
  const cudaStream_t stream = queue_of(args).stream();
  if (held.threads > 0) {
    const HeldGradient<T> of_held{gradient.x,
                                  gradient.dy,
                                  gradient.mean,
                                  gradient.reciprocal,
                                  gradient.gamma,
                                  gradient.dx,
                                  args.n_out > 1 ? gradient.sums : nullptr};
    held_gradient(stream, of_held, held);
  } else {
    gradient_of_tiles(args, p, gradient);
  }
  if (args.n_out == 1) return;
  add_partial_sums(stream, gradient.sums + p.channels, p.samples, 2 * p.channels, args.out[1].as<T>(), p.channels);
  add_partial_sums(stream, gradient.sums, p.samples, 2 * p.channels, args.out[2].as<T>(), p.channels);
}

}  // namespace

void groupNorm(KernelArgs& args) {
  const Problem p = problem_of(args, 1);
  NABLA_CHECK(!p.gamma || args.n_in >= 2, "gamma is missing");
  for (int i = 1; i < args.n_out; ++i) check_channel_tensor(args.out[i], p.sets(), args.in[0].dtype);
  args.in[0].dtype == DType::float32 ? forward<float>(args, p) : forward<double>(args, p);
}

void groupNormGrad(KernelArgs& args) {
  const Problem p = problem_of(args, 4);
  const TensorView& x = args.in[0];
  NABLA_CHECK(args.n_in == 4 + p.gamma && args.n_out != 2, "gamma or an output is missing");
  check_channel_tensor(args.in[1], x.numel(), x.dtype);
  for (int i = 2; i < 4; ++i) check_channel_tensor(args.in[i], p.sets(), x.dtype);
  for (int i = 1; i < args.n_out; ++i) check_channel_tensor(args.out[i], p.channels, x.dtype);
  x.dtype == DType::float32 ? backward<float>(args, p) : backward<double>(args, p);
}

}  // namespace nabla::cuda
