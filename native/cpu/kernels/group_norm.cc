// Group normalization (Wu and He, 2018), channels last: the elements of a sample whose channels are of one group are
// normalised together. Samples are cut into blocks of rows that stay in the cache: moments, or sums for the gradients,
// are taken of each block and then put together, so that a second pass over memory writes the result.
#include "cpu/kernels/channel_rows.h"
#include "cpu/kernels/partial_sums.h"

namespace nabla::NABLA_ISA {
namespace {

struct Problem {
  int64_t samples, rows, groups, size;  // size: channels of a group
  ChannelRows channels;
  int64_t blocks;  // of a sample
  double epsilon;
  bool gamma;

  int64_t begin(int64_t block) const { return block * channels.grain; }
  int64_t end(int64_t block) const { return begin(block + 1) < rows ? begin(block + 1) : rows; }
  // Elements of a sample, or of some rows, in one group.
  double count(int64_t some_rows) const { return static_cast<double>(some_rows * size); }
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
  Problem p{samples, 1, groups, channels / groups, ChannelRows(channels), 0, args.attr[0], args.attr[2] != 0};
  for (int i = 1; i < x.rank - 1; ++i) p.rows *= x.shape[i];
  p.blocks = channels > 0 ? p.channels.tasks(p.rows) : 0;
  return p;
}

// values[c] = of(c) for every channel, repeated to the width.
template <typename T, typename Value>
NABLA_INLINE void fill_channels(const ChannelRows& channels, T* values, Value&& of) {
  for (int64_t c = 0; c < channels.channels; ++c) values[c] = of(c);
  channels.repeat(values);
}

struct Moments {
  double mean, squares;  // squares: the sum of squared distances from the mean
};

// The moments of every group in the rows [begin, end) of a sample. scratch: three rows of channels.
template <typename T>
void block_moments(const Problem& p, const T* x, int64_t begin, int64_t end, T* scratch, Moments* moments) {
  using V = Vec<T>;
  const ChannelRows& channels = p.channels;
  T *mean = scratch, *sums = mean + channels.width, *squares = sums + channels.width;
  const double count = p.count(end - begin);
  // Adds the distances from the mean to `sums`, and their squares to `squares` unless it is null.
  const auto add_distances = [&](T* squares_or_null) {
    for_strips<T>(channels, begin, end, [&](int64_t rows, int64_t offset, int64_t j, auto lanes, auto strip) {
      using S = StripOf<T, strip.kVectors>;
      const S means(mean, j, lanes);
      const auto add = [&](auto&& take) {
        for (int64_t row = 0, at = offset + j; row < rows; ++row, at += channels.width) {
#pragma GCC unroll 8
          for (int i = 0; i < strip.kVectors; ++i) take(i, lanes.load(x + at + i * V::width) - means[i]);
        }
      };
      S sum(sums, j, lanes);
      if (squares_or_null) {
        S square(squares, j, lanes);
        add([&](int i, V d) {
          sum[i] = sum[i] + d;
          square[i] = fma(d, d, square[i]);
        });
        square.store(squares, j, lanes);
      } else {
        add([&](int i, V d) { sum[i] = sum[i] + d; });
      }
      sum.store(sums, j, lanes);
    });
  };
  const auto of_group = [&](const T* values, int64_t g) {
    double sum = 0;
    for (int64_t c = g * p.size; c < (g + 1) * p.size; ++c) sum += static_cast<double>(values[c]);
    return sum;
  };
  std::memset(scratch, 0, static_cast<size_t>(3 * channels.width) * sizeof(T));
  add_distances(nullptr);
  channels.fold(sums);
  for (int64_t g = 0; g < p.groups; ++g) moments[g].mean = of_group(sums, g) / count;
  fill_channels(channels, mean, [&](int64_t c) { return static_cast<T>(moments[c / p.size].mean); });
  std::memset(sums, 0, static_cast<size_t>(channels.width) * sizeof(T));
  add_distances(squares);
  channels.fold(sums);
  channels.fold(squares);
  for (int64_t g = 0; g < p.groups; ++g) {
    // What is left of the distances from the rounded mean belongs to the mean.
    const double rest = of_group(sums, g), sum = of_group(squares, g) - rest * rest / count;
    moments[g] = {static_cast<double>(static_cast<T>(moments[g].mean)) + rest / count, sum < 0 ? 0 : sum};
  }
}

template <typename T>
void forward(KernelArgs& args, const Problem& p) {
  const ChannelRows& channels = p.channels;
  const int64_t width = channels.width, sample_size = p.rows * channels.channels, blocks = p.samples * p.blocks;
  const T* x = args.in[0].as<const T>();
  const T* gamma = p.gamma ? args.in[1].as<const T>() : nullptr;
  const T* beta = args.n_in > 1 + p.gamma ? args.in[1 + p.gamma].as<const T>() : nullptr;
  T *y = args.out[0].as<T>(), *mean = args.out[1].as<T>(), *reciprocal = args.out[2].as<T>();
  T* variance = args.n_out > 3 ? args.out[3].as<T>() : nullptr;
  Moments* moments = args.workspace.array<Moments>(blocks * p.groups);
  T* scratch = args.workspace.array<T>(blocks * 3 * width);
  parallel_for(args.pool, blocks, [&](int64_t task) {
    const int64_t sample = task / p.blocks, block = task % p.blocks;
    block_moments(p, x + sample * sample_size, p.begin(block), p.end(block), scratch + task * 3 * width,
                  moments + task * p.groups);
  });
  T* coefficients = args.workspace.array<T>(p.samples * 3 * width);
  parallel_for(args.pool, p.samples, [&](int64_t sample) {
    T *sample_mean = mean + sample * p.groups, *scale = reciprocal + sample * p.groups;
    for (int64_t g = 0; g < p.groups; ++g) {
      // Chan, Golub and LeVeque, 1979: the moments of two parts give those of the whole.
      Moments all{0, 0};
      double seen = 0;
      for (int64_t block = 0; block < p.blocks; ++block) {
        const Moments& part = moments[(sample * p.blocks + block) * p.groups + g];
        const double count = p.count(p.end(block) - p.begin(block)), distance = part.mean - all.mean;
        const double share = count / (seen + count);
        all.mean += distance * share;
        all.squares += part.squares + distance * distance * seen * share;
        seen += count;
      }
      sample_mean[g] = static_cast<T>(all.mean);
      scale[g] = static_cast<T>(1 / std::sqrt(all.squares / seen + p.epsilon));
      if (variance) variance[sample * p.groups + g] = static_cast<T>(all.squares / seen);
    }
    T* of_sample = coefficients + sample * 3 * width;
    fill_channels(channels, of_sample, [&](int64_t c) { return sample_mean[c / p.size]; });
    fill_channels(channels, of_sample + width,
                  [&](int64_t c) { return gamma ? scale[c / p.size] * gamma[c] : scale[c / p.size]; });
    fill_channels(channels, of_sample + 2 * width, [&](int64_t c) { return beta ? beta[c] : T(0); });
  });
  parallel_for(args.pool, blocks, [&](int64_t task) {
    const int64_t sample = task / p.blocks, block = task % p.blocks;
    const T* of_sample = coefficients + sample * 3 * width;
    scale_channels(channels, p.begin(block), p.end(block), x + sample * sample_size, y + sample * sample_size,
                   of_sample, of_sample + width, beta ? of_sample + 2 * width : nullptr);
  });
}

// With z = (x - mean) / deviation: dx = (dy gamma - mean(dy gamma) - z mean(dy gamma z)) / deviation, where the means
// are over a group.
template <typename T>
void backward(KernelArgs& args, const Problem& p) {
  using V = Vec<T>;
  const ChannelRows& channels = p.channels;
  const int64_t width = channels.width, sample_size = p.rows * channels.channels, blocks = p.samples * p.blocks;
  const T *x = args.in[0].as<const T>(), *dy = args.in[1].as<const T>();
  const T *mean = args.in[2].as<const T>(), *reciprocal = args.in[3].as<const T>();
  const T* gamma = p.gamma ? args.in[4].as<const T>() : nullptr;
  T* dx = args.out[0].as<T>();
  // For each sample: the means; then factors of dy, of x - mean and of 1.
  T* coefficients = args.workspace.array<T>(p.samples * 4 * width);
  parallel_for(args.pool, p.samples, [&](int64_t sample) {
    fill_channels(channels, coefficients + sample * 4 * width,
                  [&](int64_t c) { return mean[sample * p.groups + c / p.size]; });
  });
  T* partial = args.workspace.array<T>(blocks * 2 * width);
  parallel_for(args.pool, blocks, [&](int64_t task) {
    const int64_t sample = task / p.blocks, block = task % p.blocks;
    T *sums = partial + task * 2 * width, *products = sums + width;
    sum_channels(channels, p.begin(block), p.end(block), x + sample * sample_size, dy + sample * sample_size,
                 coefficients + sample * 4 * width, sums, products, [](int64_t, int64_t, auto, V) {});
    channels.fold(sums);
    channels.fold(products);
  });
  // For each sample and channel: the sums of dy and of dy * z.
  T* sums = args.workspace.array<T>(p.samples * 2 * channels.channels);
  parallel_for(args.pool, p.samples, [&](int64_t sample) {
    T *of_dy = sums + sample * 2 * channels.channels, *of_dyz = of_dy + channels.channels;
    const T* first = partial + sample * p.blocks * 2 * width;
    const T* scale = reciprocal + sample * p.groups;
    T *direct = coefficients + sample * 4 * width + width, *slope = direct + width, *shift = slope + width;
    for (int64_t g = 0; g < p.groups; ++g) {
      double mean_w = 0, mean_wz = 0;
      // Without elements there is no deviation, and the sums are 0.
      const double r = p.blocks > 0 ? static_cast<double>(scale[g]) : 0;
      for (int64_t c = g * p.size; c < (g + 1) * p.size; ++c) {
        double sum = 0, product = 0;
        for (int64_t block = 0; block < p.blocks; ++block) {
          sum += static_cast<double>(first[block * 2 * width + c]);
          product += static_cast<double>(first[block * 2 * width + width + c]);
        }
        const double factor = gamma ? static_cast<double>(gamma[c]) : 1;
        mean_w += sum * factor;
        mean_wz += product * r * factor;
        of_dy[c] = static_cast<T>(sum);
        of_dyz[c] = static_cast<T>(product * r);
      }
      mean_w /= p.count(p.rows);
      mean_wz /= p.count(p.rows);
      for (int64_t c = g * p.size; c < (g + 1) * p.size; ++c) {
        direct[c] = gamma ? scale[g] * gamma[c] : scale[g];
        slope[c] = static_cast<T>(-r * r * mean_wz);
        shift[c] = static_cast<T>(-r * mean_w);
      }
    }
    channels.repeat(direct);
    channels.repeat(slope);
    channels.repeat(shift);
  });
  parallel_for(args.pool, blocks, [&](int64_t task) {
    const int64_t sample = task / p.blocks, block = task % p.blocks;
    const T* of_sample = coefficients + sample * 4 * width;
    const auto write = [&](int64_t rows, int64_t offset, int64_t j, auto lanes, auto strip) {
      using S = StripOf<T, strip.kVectors>;
      const S means(of_sample, j, lanes), direct(of_sample + width, j, lanes), slope(of_sample + 2 * width, j, lanes),
          shift(of_sample + 3 * width, j, lanes);
      for (int64_t row = 0, at = sample * sample_size + offset + j; row < rows; ++row, at += width) {
#pragma GCC unroll 8
        for (int i = 0; i < strip.kVectors; ++i) {
          const int64_t e = at + i * V::width;
          const V rest = fma(lanes.load(x + e) - means[i], slope[i], shift[i]);
          lanes.store(dx + e, fma(lanes.load(dy + e), direct[i], rest));
        }
      }
    };
    for_strips<T>(channels, p.begin(block), p.end(block), write);
  });
  if (args.n_out == 1) return;
  add_partial_sums(args, sums + channels.channels, p.samples, 2 * channels.channels, args.out[1].as<T>(),
                   channels.channels);
  add_partial_sums(args, sums, p.samples, 2 * channels.channels, args.out[2].as<T>(), channels.channels);
}

}  // namespace

void groupNorm(KernelArgs& args) {
  const Problem p = problem_of(args, 1);
  NABLA_CHECK(!p.gamma || args.n_in >= 2, "gamma is missing");
  for (int i = 1; i < args.n_out; ++i) check_channel_tensor(args.out[i], p.samples * p.groups, args.in[0].dtype);
  args.in[0].dtype == DType::float32 ? forward<float>(args, p) : forward<double>(args, p);
}

void groupNormGrad(KernelArgs& args) {
  const Problem p = problem_of(args, 4);
  const TensorView& x = args.in[0];
  NABLA_CHECK(args.n_in == 4 + p.gamma && args.n_out != 2, "gamma or an output is missing");
  check_channel_tensor(args.in[1], x.numel(), x.dtype);
  for (int i = 2; i < 4; ++i) check_channel_tensor(args.in[i], p.samples * p.groups, x.dtype);
  for (int i = 1; i < args.n_out; ++i) check_channel_tensor(args.out[i], p.channels.channels, x.dtype);
  x.dtype == DType::float32 ? backward<float>(args, p) : backward<double>(args, p);
}

}  // namespace nabla::NABLA_ISA
