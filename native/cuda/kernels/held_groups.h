// Groups of group_norm.cu that a block can hold: a block for each group of each sample keeps its elements in registers,
// so that they are read from memory once. As in channel_rows.h, a thread keeps to the same channels in all rows.
#pragma once
#include "cuda/kernels/channel_rows.h"

namespace nabla::cuda {

struct HeldGroups {
  int64_t sets;
  uint32_t rows, channels;
  ChannelGroups groups;
  uint32_t units, together;  // a row's units, and rows that are taken at once
  unsigned threads;          // 0: the groups cannot be held
  bool wide;                 // units are packs

  // Of each input, in a thread's registers.
  static constexpr int kBytes = 48;
  static constexpr int kMostThreads = 1024;
  template <typename T, int width>
  static constexpr int kPacks = kBytes / static_cast<int>(sizeof(T) * width);

  __device__ RowTeam team() const { return {static_cast<int>(threads), static_cast<int>(threads)}; }
  __device__ uint32_t first_channel() const { return blockIdx.x % groups.count * groups.size; }
  __device__ uint32_t lane() const { return threadIdx.x / units; }
  // The thread's first channel in its group.
  template <int width>
  __device__ uint32_t channel() const {
    return threadIdx.x % units * width;
  }
  // body(i, e): the thread's i-th pack begins at the element e. Unrolled, so that arrays of packs are in registers.
  template <typename T, int width, typename Body>
  __device__ void for_packs(Body&& body) const {
    const uint32_t end = lane() < together ? rows : 0;
    // Tensors have less than 2^31 elements; steps beyond the last row may wrap around.
    const uint32_t step = together * channels;
    uint32_t e = (blockIdx.x / groups.count * rows + lane()) * channels + first_channel() + channel<width>();
    uint32_t r = lane();
#pragma unroll
    for (int i = 0; i < kPacks<T, width>; ++i, r += together, e += step) {
      if (r < end) body(i, e);
    }
  }
};

// The threads depend on the shape and on the alignment alone.
template <typename T>
HeldGroups hold_groups(int64_t samples, int64_t rows, int64_t channels, const ChannelGroups& groups,
                       std::initializer_list<const void*> pointers) {
  constexpr int64_t kSector = 32, kItem = sizeof(T);
  HeldGroups h = {};
  // Memory moves by sectors: blocks that take less of a row would read each several times.
  const bool scattered = rows > 1 && groups.count > 1 && groups.size * kItem < kSector;
  if (samples * rows * channels == 0 || scattered) return h;
  h.sets = samples * groups.count;
  h.rows = static_cast<uint32_t>(rows);
  h.channels = static_cast<uint32_t>(channels);
  h.groups = groups;
  h.wide = groups.size % kPackWidth<T> == 0 && aligned_to_packs(pointers);
  h.units = h.wide ? groups.size / kPackWidth<T> : groups.size;
  const int64_t packs = h.wide ? HeldGroups::kPacks<T, kPackWidth<T>> : HeldGroups::kPacks<T, 1>;
  for (unsigned threads = kWarp; threads <= HeldGroups::kMostThreads; threads *= 2) {
    h.together = threads / h.units;
    if (h.together * packs < rows) continue;
    if (h.together > h.rows) h.together = h.rows;
    // What the gradient shares: the sums of each lane, and gamma.
    if ((2 * h.together + 1) * int64_t{groups.size} * kItem <= kKeptBytes) h.threads = threads;
    return h;
  }
  return h;
}

template <typename T>
struct HeldNormalization {
  const T *x, *gamma, *beta;            // gamma and beta may be null
  T *y, *mean, *reciprocal, *variance;  // variance may be null
  T epsilon;
};

// y = (x - mean) / deviation * gamma + beta
template <typename T, int width>
__global__ void __launch_bounds__(HeldGroups::kMostThreads, 1)
    normalize_held_kernel(HeldNormalization<T> p, HeldGroups held) {
  DYN_SHARED(shared);
  const RowTeam team = held.team();
  const uint32_t size = held.groups.size, first = held.first_channel();
  T *gamma = reinterpret_cast<T*>(shared), *beta = gamma + size;
  for (uint32_t c = threadIdx.x; c < size; c += held.threads) {
    gamma[c] = p.gamma ? p.gamma[first + c] : T(1);
    beta[c] = p.beta ? p.beta[first + c] : T(0);
  }
  __syncthreads();

  RowPack<T, width> x[HeldGroups::kPacks<T, width>];
  T sum = 0;
  held.for_packs<T, width>([&](int i, uint32_t e) {
    x[i] = load_elements<width>(p.x + e);
    for (int k = 0; k < width; ++k) sum += x[i][k];
  });
  const T count = static_cast<T>(int64_t{held.rows} * size);
  T mean = team.fold(sum, AddOp()) / count;
  // What rounding left of the differences' sum corrects both results.
  Two<T> rest = {0, 0};
  held.for_packs<T, width>([&](int i, uint32_t) {
    for (int k = 0; k < width; ++k) {
      const T d = x[i][k] - mean;
      rest = {rest.a + d, fma_of(d, d, rest.b)};
    }
  });
  rest = team.fold(rest, AddTwo());
  const T left = rest.a / count;
  T variance = rest.b / count - left * left;
  if (variance < 0) variance = 0;
  mean += left;
  const T scale = 1 / sqrt_of(variance + p.epsilon);
  if (threadIdx.x == 0) {
    p.mean[blockIdx.x] = mean;
    p.reciprocal[blockIdx.x] = scale;
    if (p.variance) p.variance[blockIdx.x] = variance;
  }
  const auto slope = load_elements<width>(gamma + held.channel<width>());
  const auto shift = load_elements<width>(beta + held.channel<width>());
  held.for_packs<T, width>([&](int i, uint32_t e) {
    for (int k = 0; k < width; ++k) x[i][k] = fma_of(x[i][k] - mean, scale * slope[k], shift[k]);
    store_elements(p.y + e, x[i]);
  });
}

template <typename T>
void normalize_held(cudaStream_t stream, const HeldNormalization<T>& p, const HeldGroups& held) {
  const auto kernel = held.wide ? normalize_held_kernel<T, kPackWidth<T>> : normalize_held_kernel<T, 1>;
  launch(kernel, blocks_for(held.sets, 1), held.threads, 2 * held.groups.size * sizeof(T), stream, p, held);
}

template <typename T>
struct HeldGradient {
  const T *x, *dy, *mean, *reciprocal, *gamma;  // gamma may be null
  T *dx, *sums;                                 // sums: [samples, 2, channels], of dy and of dy * z, or null
};

// With z = (x - mean) / deviation: dx = (dy gamma - mean(dy gamma) - z mean(dy gamma z)) / deviation.
template <typename T, int width>
__global__ void __launch_bounds__(HeldGroups::kMostThreads, 1)
    held_gradient_kernel(HeldGradient<T> p, HeldGroups held) {
  DYN_SHARED(shared);
  const uint32_t size = held.groups.size, first = held.first_channel();
  // A lane's sums of dy, then its others.
  T *lanes = reinterpret_cast<T*>(shared), *gamma = lanes + 2 * held.together * size;
  for (uint32_t c = threadIdx.x; c < size; c += held.threads) gamma[c] = p.gamma ? p.gamma[first + c] : T(1);

  constexpr int kPacks = HeldGroups::kPacks<T, width>;
  const T mean = p.mean[blockIdx.x], scale = p.reciprocal[blockIdx.x];
  RowPack<T, width> z[kPacks], dy[kPacks], sum, product;
  for (int k = 0; k < width; ++k) sum[k] = product[k] = 0;
  held.for_packs<T, width>([&](int i, uint32_t e) {
    z[i] = load_elements<width>(p.x + e);
    dy[i] = load_elements<width>(p.dy + e);
    for (int k = 0; k < width; ++k) {
      z[i][k] = (z[i][k] - mean) * scale;
      sum[k] += dy[i][k];
      product[k] = fma_of(dy[i][k], z[i][k], product[k]);
    }
  });
  if (held.lane() < held.together) {
    T* of_lane = lanes + 2 * held.lane() * size + held.channel<width>();
    store_elements(of_lane, sum);
    store_elements(of_lane + size, product);
  }
  __syncthreads();
  for (uint32_t n = held.together; n > 1;) {
    const uint32_t half = (n + 1) / 2, count = 2 * size;
    for (uint32_t i = threadIdx.x; i < (n - half) * count; i += held.threads) lanes[i] += lanes[half * count + i];
    __syncthreads();
    n = half;
  }

  Two<T> total = {0, 0};
  T* sums = p.sums + (int64_t{blockIdx.x / held.groups.count} * 2 * held.channels + first);
  for (uint32_t c = threadIdx.x; c < size; c += held.threads) {
    total = {fma_of(lanes[c], gamma[c], total.a), fma_of(lanes[size + c], gamma[c], total.b)};
    if (!p.sums) continue;
    sums[c] = lanes[c];
    sums[held.channels + c] = lanes[size + c];
  }
  total = held.team().fold(total, AddTwo());
  const T count = static_cast<T>(int64_t{held.rows} * size), mean_w = total.a / count, mean_wz = total.b / count;
  const auto factor = load_elements<width>(gamma + held.channel<width>());
  held.for_packs<T, width>([&](int i, uint32_t e) {
    for (int k = 0; k < width; ++k) {
      dy[i][k] = (fma_of(dy[i][k], factor[k], -mean_w) - z[i][k] * mean_wz) * scale;
    }
    store_elements(p.dx + e, dy[i]);
  });
}

template <typename T>
void held_gradient(cudaStream_t stream, const HeldGradient<T>& p, const HeldGroups& held) {
  const auto kernel = held.wide ? held_gradient_kernel<T, kPackWidth<T>> : held_gradient_kernel<T, 1>;
  const size_t shared = (2 * held.together + 1) * size_t{held.groups.size} * sizeof(T);
  launch(kernel, blocks_for(held.sets, 1), held.threads, shared, stream, p, held);
}

}  // namespace nabla::cuda
