// What batch_norm.cu and group_norm.cu share: passes over rows of channels, with a coefficient or a sum for each
// channel. The rows of a sample are cut into tiles, one for each block. A thread keeps to the same channels in all rows
// of its tile, so that their coefficients and sums stay in registers.
#pragma once
#include "core/checks.h"
#include "core/kernel.h"
#include "cuda/kernels/float_math.h"
#include "cuda/kernels/partial_sums.h"
#include "cuda/kernels/row_team.h"
#include "cuda/queue.h"

namespace nabla::cuda {

constexpr int kChannelThreads = 256;

inline void check_channel_tensor(const TensorView& view, int64_t numel, DType dtype) {
  NABLA_CHECK(view.contiguous() && view.numel() == numel && view.dtype == dtype,
              "inputs and outputs must be contiguous, of one dtype and of fitting sizes");
}

struct ChannelTiles {
  int64_t samples, rows;  // rows of a sample
  uint32_t channels, units, together, tile_rows;
  uint32_t tiles;  // of a sample
  bool wide;       // a row's units are packs

  int64_t blocks() const { return samples * tiles; }
  // The block's sample, where its tile begins, and the rows there.
  __device__ int64_t sample() const { return blockIdx.x / tiles; }
  __device__ int64_t first_row() const { return int64_t{blockIdx.x % tiles} * tile_rows; }
  __device__ int64_t offset() const { return (sample() * rows + first_row()) * channels; }
  __device__ uint32_t rows_here() const {
    const int64_t left = rows - first_row();
    return left < tile_rows ? static_cast<uint32_t>(left) : tile_rows;
  }

  // body(c, lane, Width): the thread takes the channels [c, c + Width) of the rows lane, lane + together, ...
  template <typename T, typename Body>
  __device__ void for_units(Body&& body) const {
    const bool several = units <= kChannelThreads;
    const uint32_t lane = several ? threadIdx.x / units : 0;
    if (lane >= together) return;
    for (uint32_t u = several ? threadIdx.x % units : threadIdx.x; u < units; u += kChannelThreads) {
      wide ? body(u * kPackWidth<T>, lane, Width<kPackWidth<T>>()) : body(u, lane, Width<1>());
    }
  }
  // row(e) for each row that the thread takes, from the element e on.
  template <typename Row>
  __device__ void for_rows(uint32_t c, uint32_t lane, Row&& row) const {
    const uint32_t end = rows_here();
    const int64_t step = int64_t{together} * channels;
    int64_t e = offset() + int64_t{lane} * channels + c;
#pragma unroll 4
    for (uint32_t r = lane; r < end; r += together, e += step) row(e);
  }
  // Adds up `together` rows of `count` sums in memory that the block shares, into the first.
  template <typename T>
  __device__ void fold_lanes(T* sums, uint32_t count) const {
    __syncthreads();
    for (uint32_t n = together; n > 1;) {
      const uint32_t half = (n + 1) / 2;
      for (uint32_t i = threadIdx.x; i < (n - half) * count; i += kChannelThreads) sums[i] += sums[half * count + i];
      __syncthreads();
      n = half;
    }
  }
};

template <typename T>
ChannelTiles tile_channels(int64_t samples, int64_t rows, int64_t channels,
                           std::initializer_list<const void*> pointers) {
  constexpr int64_t kElements = 8192, kLeastRows = 16;
  ChannelTiles t = {};
  t.samples = samples;
  t.rows = rows;
  t.channels = static_cast<uint32_t>(channels);
  if (channels == 0 || rows == 0) return t;
  t.wide = channels % kPackWidth<T> == 0 && aligned_to_packs(pointers);
  t.units = t.wide ? t.channels / kPackWidth<T> : t.channels;
  t.together = t.units < kChannelThreads ? kChannelThreads / t.units : 1;
  const int64_t wanted = kElements / channels > kLeastRows ? kElements / channels : kLeastRows;
  t.tile_rows = static_cast<uint32_t>((wanted + t.together - 1) / t.together) * t.together;
  t.tiles = blocks_for(rows, t.tile_rows);
  return t;
}

// The groups of a sample's channels that have a mean and a deviation of their own.
struct ChannelGroups {
  uint32_t count, size;
  __device__ int64_t of(int64_t sample, uint32_t channel) const { return sample * count + channel / size; }
};

template <typename T>
struct ChannelScale {
  const T *x, *mean, *scale, *gamma, *beta;  // gamma and beta may be null
  T* y;
  ChannelGroups groups;
};

// y = (x - mean) * scale * gamma + beta
template <typename T>
__global__ void __launch_bounds__(kChannelThreads, 4) scale_channels_kernel(ChannelScale<T> p, ChannelTiles tiles) {
  const int64_t sample = tiles.sample();
  tiles.for_units<T>([&](uint32_t c, uint32_t lane, auto width) {
    RowPack<T, width.value> mean, scale, beta;
    for (int i = 0; i < width.value; ++i) {
      const int64_t group = p.groups.of(sample, c + i);
      mean[i] = p.mean[group];
      scale[i] = p.gamma ? p.scale[group] * p.gamma[c + i] : p.scale[group];
      beta[i] = p.beta ? p.beta[c + i] : T(0);
    }
    tiles.for_rows(c, lane, [&](int64_t e) {
      auto v = load_elements<width.value>(p.x + e);
      for (int i = 0; i < width.value; ++i) v[i] = fma_of(v[i] - mean[i], scale[i], beta[i]);
      store_elements(p.y + e, v);
    });
  });
}

template <typename T>
struct ChannelSums {
  const T *x, *dy, *mean, *scale;
  T* dx;       // dy * scale, unless null
  T* partial;  // [blocks, 2, channels]: the sums of dy and of dy * (x - mean) over a tile
  ChannelGroups groups;
};

template <typename T>
__global__ void __launch_bounds__(kChannelThreads, 4) channel_sums_kernel(ChannelSums<T> p, ChannelTiles tiles) {
  // A lane's sums of dy, then its others.
  SHARED(T, shared, [2 * kChannelThreads * kPackWidth<T>]);
  const int64_t sample = tiles.sample();
  T* target = p.partial + int64_t{blockIdx.x} * 2 * tiles.channels;
  T* sums = tiles.together > 1 ? shared : target;
  tiles.for_units<T>([&](uint32_t c, uint32_t lane, auto width) {
    RowPack<T, width.value> mean, scale, sum, product;
    for (int i = 0; i < width.value; ++i) {
      mean[i] = p.mean[p.groups.of(sample, c + i)];
      scale[i] = p.dx ? p.scale[c + i] : T(0);
      sum[i] = product[i] = 0;
    }
    tiles.for_rows(c, lane, [&](int64_t e) {
      const auto v = load_elements<width.value>(p.x + e);
      auto slope = load_elements<width.value>(p.dy + e);
      for (int i = 0; i < width.value; ++i) {
        sum[i] += slope[i];
        product[i] = fma_of(slope[i], v[i] - mean[i], product[i]);
        slope[i] *= scale[i];
      }
      if (p.dx) store_elements(p.dx + e, slope);
    });
    T* of_lane = sums + 2 * lane * tiles.channels + c;
    store_elements(of_lane, sum);
    store_elements(of_lane + tiles.channels, product);
  });
  if (tiles.together == 1) return;
  tiles.fold_lanes(shared, 2 * tiles.channels);
  for (uint32_t i = threadIdx.x; i < 2 * tiles.channels; i += kChannelThreads) target[i] = shared[i];
}

}  // namespace nabla::cuda
