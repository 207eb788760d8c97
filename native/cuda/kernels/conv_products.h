// The kernels of implicit products: patches and kernels are loaded straight into tiles in shared memory.
#pragma once
#include "cuda/kernels/conv_correlation.h"
#include "cuda/kernels/conv_tile.h"

namespace nabla::cuda {

namespace {

// What is done with a sum: sums of parts are stored as they are, part by part. `packs`: rows can be stored by packs.
// `places`, of pooled sums, may be null.
template <typename T>
struct Result {
  T* out;
  int64_t part_size;
  const T* bias;
  bool relu, packs;
  uint8_t* places;
};

template <typename T>
__device__ __forceinline__ T finished(const Result<T>& result, T x, int column) {
  if (result.bias != nullptr) x += result.bias[column];
  return result.relu ? relu_of(x) : x;
}

// The maximum of the finished sums of a window, and its place: NaN wins, and of equals the first.
template <typename T>
__device__ __forceinline__ T pooled(const Result<T>& result, const T (&sums)[4], int column, uint8_t& place) {
  T best = -static_cast<T>(INFINITY);
  place = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const T value = finished(result, sums[i], column);
    // Not <=, so that NaN wins, but nothing wins over NaN.
    if (best == best && !(value <= best)) place = static_cast<uint8_t>(i);
    if (best == best && !(best > value)) best = value;
  }
  return best;
}

// kVector: patches and kernels can be read by packs.
template <typename Tile, bool kGrad, bool kVector>
__global__ void __launch_bounds__(kTileThreads, kVector ? Tile::kBlocks : Tile::kBlocks - 1)
    correlate_kernel(const Correlation c, const typename Tile::T* in, const typename Tile::T* w,
                     const Result<typename Tile::T> result) {
  using T = typename Tile::T;
  constexpr int V = Pack<T>::size, kDepth = Tile::kDepth, M = Tile::kM, N = Tile::kN;
  constexpr int kPitch = N + (kGrad ? V : 0);  // so that columns of kernels can be stored
  constexpr int kMine = kDepth * M / kTileThreads, kPackRounds = (kDepth * N / V + kTileThreads - 1) / kTileThreads;
  constexpr int kScalars = kDepth * N / kTileThreads;
  SHARED(Pack<T>, a_packs, [2 * kDepth * M / V]);
  SHARED(Pack<T>, b_packs, [2 * kDepth * kPitch / V]);
  SHARED(int4, elements, [2][kDepth]);
  SHARED(int, out_offsets, [M]);
  T *a_tiles = a_packs[0].value, *b_tiles = b_packs[0].value;

  // In shared memory, since registers are scarce.
  SHARED(Place, places, [1]);
  const Place& place = places[0];
  if (threadIdx.x == 0) places[0] = place_of<kGrad>(c, M, N, kDepth);
  __syncthreads();
  if (place.row >= place.rows) return;
  const int thread = threadIdx.x, row = thread % M, first_k = thread / M * kMine;
  const int steps = (place.end - place.begin + kDepth - 1) / kDepth;
  Pixel pixel = pixel_of(c, place, place.row + row);
  if (first_k == 0) out_offsets[row] = out_offset(c, place, pixel);
  if (c.pooled) pixel = pixel_in_window(pixel, row);
  const Patch patch = patch_of(c, place.h, place.w, pixel, place.group);
  w += kGrad ? place.group * c.channels : place.group * c.outputs;

  T a_next[kMine];
  Pack<T> b_next[kPackRounds];
  T b_scalars[kScalars];
  const auto describe = [&](int step) {
    if (thread < kDepth && step < steps) {
      elements[step % 2][thread] = patch_element<kGrad>(c, place, place.begin + step * kDepth + thread);
    }
  };
  const auto load = [&](int step) {
    const int4* element = elements[step % 2];
    const int k0 = place.begin + step * kDepth;
    if (kVector) {
#pragma unroll
      for (int i = 0; i < kMine; i += V) {
        const int4 e = element[first_k + i];
        const Pack<T> p = in_image(c, patch, e) ? load_pack(in + (patch.offset + e.x)) : zero_pack<T>();
#pragma unroll
        for (int l = 0; l < V; ++l) a_next[i + l] = p.value[l];
      }
#pragma unroll
      for (int i = 0; i < kPackRounds; ++i) {
        const int p = thread + i * kTileThreads;
        b_next[i] = zero_pack<T>();
        if (p >= kDepth * N / V) continue;
        if (kGrad) {
          const int column = place.column + p % N, weight = element[p / N * V].w;
          if (column < c.outputs && weight >= 0) b_next[i] = load_pack(w + (weight + column * c.in_pitch));
        } else {
          const int column = place.column + p % (N / V) * V, k = k0 + p / (N / V);
          if (column < c.outputs && k < place.end) b_next[i] = load_pack(w + (k * c.out_pitch + column));
        }
      }
    } else {
#pragma unroll
      for (int i = 0; i < kMine; ++i) {
        const int4 e = element[first_k + i];
        a_next[i] = in_image(c, patch, e) ? in[patch.offset + e.x] : T{0};
      }
#pragma unroll
      for (int i = 0; i < kScalars; ++i) {
        const int at = thread + i * kTileThreads;
        b_scalars[i] = 0;
        if (kGrad) {
          const int column = place.column + at / kDepth, weight = element[at % kDepth].w;
          if (column < c.outputs && weight >= 0) b_scalars[i] = w[weight + column * c.in_pitch];
        } else {
          const int column = place.column + at % N, k = k0 + at / N;
          if (column < c.outputs && k < place.end) b_scalars[i] = w[k * c.out_pitch + column];
        }
      }
    }
  };
  const auto store = [&](int step) {
    T *a = a_tiles + step % 2 * (kDepth * M), *b = b_tiles + step % 2 * (kDepth * kPitch);
#pragma unroll
    for (int i = 0; i < kMine; ++i) a[(first_k + i) * M + row] = a_next[i];
    if (kVector) {
#pragma unroll
      for (int i = 0; i < kPackRounds; ++i) {
        const int p = thread + i * kTileThreads;
        if (p >= kDepth * N / V) continue;
        if (kGrad) {
#pragma unroll
          for (int l = 0; l < V; ++l) b[(p / N * V + l) * kPitch + p % N] = b_next[i].value[l];
        } else {
          store_pack(b + p / (N / V) * kPitch + p % (N / V) * V, b_next[i]);
        }
      }
    } else {
#pragma unroll
      for (int i = 0; i < kScalars; ++i) {
        const int at = thread + i * kTileThreads;
        b[kGrad ? at % kDepth * kPitch + at / kDepth : at / N * kPitch + at % N] = b_scalars[i];
      }
    }
  };

  Tile tile;
  describe(0);
  describe(1);
  __syncthreads();
  if (steps > 0) {
    load(0);
    store(0);
  }
  __syncthreads();
  for (int step = 0; step < steps; ++step) {
    if (step + 1 < steps) load(step + 1);
    // The elements of this step were read before the last barrier.
    describe(step + 2);
    tile.add_product(a_tiles + step % 2 * (kDepth * M), b_tiles + step % 2 * (kDepth * kPitch), kPitch);
    if (step + 1 < steps) store(step + 1);
    __syncthreads();
  }

  if constexpr (!kGrad && V == 4) {
    if (c.pooled) {
      tile.each_four_rows([&](int r, int tile_column, const Pack<T>(&sums)[4]) {
        const int column = place.column + tile_column;
        if (place.row + r >= place.rows || column >= c.outputs) return;
        const int at = out_offsets[r] + column;
#pragma unroll
        for (int l = 0; l < V; ++l) {
          if (column + l >= c.outputs) continue;
          const T window[4] = {sums[0].value[l], sums[1].value[l], sums[2].value[l], sums[3].value[l]};
          uint8_t won;
          result.out[at + l] = pooled(result, window, place.group * c.outputs + column + l, won);
          if (result.places != nullptr) result.places[at + l] = won;
        }
      });
      return;
    }
  }
  T* out = result.out + blockIdx.z * result.part_size;
  tile.each_pack([&](int r, int tile_column, Pack<T>& values) {
    const int column = place.column + tile_column;
    if (place.row + r >= place.rows || column >= c.outputs) return;
    const int bias_column = place.group * c.outputs + column;
    T* to = out + (out_offsets[r] + column);
    if (result.packs) {
#pragma unroll
      for (int l = 0; l < V; ++l) values.value[l] = finished(result, values.value[l], bias_column + l);
      store_pack(to, values);
    } else {
#pragma unroll
      for (int l = 0; l < V; ++l) {
        if (column + l < c.outputs) to[l] = finished(result, values.value[l], bias_column + l);
      }
    }
  });
}

// On tensor cores. Patches and kernels are read by packs.
template <typename Tile, bool kGrad>
__global__ void __launch_bounds__(kTileThreads, Tile::kBlocks)
    correlate_tensor_kernel(const Correlation c, const float* in, const float* w, const Result<float> result) {
  constexpr int kDepth = Tile::kDepth, M = Tile::kM, N = Tile::kN, kStages = Tile::kStages, kPacks = kDepth / 4;
  // Pitches for which the lanes of a warp read different banks.
  constexpr int kPitch = kDepth + 4, kPitchN = N + 8, kSizeB = kGrad ? N * kPitch : kDepth * kPitchN;
  SHARED(Pack<float>, a_packs, [kStages * M * kPitch / 4]);
  SHARED(Pack<float>, b_packs, [kStages * kSizeB / 4]);
  SHARED(int4, elements, [2][kPacks]);
  SHARED(int, out_offsets, [M]);
  float *a_tiles = a_packs[0].value, *b_tiles = b_packs[0].value;

  // In shared memory, since registers are scarce.
  SHARED(Place, places, [1]);
  const Place& place = places[0];
  if (threadIdx.x == 0) places[0] = place_of<kGrad>(c, M, N, kDepth);
  __syncthreads();
  if (place.row >= place.rows) return;
  constexpr int kRowStep = kTileThreads / kPacks, kMine = M / kRowStep;  // four threads read 16 elements of a row
  const int thread = threadIdx.x, first_row = thread / kPacks, pack = thread % kPacks;
  const int steps = (place.end - place.begin + kDepth - 1) / kDepth;
  w += kGrad ? place.group * c.channels : place.group * c.outputs;
  Patch patches[kMine];
#pragma unroll
  for (int i = 0; i < kMine; ++i) {
    const Pixel pixel = pixel_of(c, place, place.row + first_row + i * kRowStep);
    patches[i] = patch_of(c, place.h, place.w, pixel, place.group);
    if (pack == 0) out_offsets[first_row + i * kRowStep] = out_offset(c, place, pixel);
  }

  const auto describe = [&](int step) {
    if (thread < kPacks && step < steps) {
      elements[step % 2][thread] = patch_element<kGrad>(c, place, place.begin + step * kDepth + thread * 4);
    }
  };
  const auto copy = [&](int step) {
    if (step < steps) {
      float *a = a_tiles + step % kStages * (M * kPitch), *b = b_tiles + step % kStages * kSizeB;
      const int4 e = elements[step % 2][pack];
#pragma unroll
      for (int i = 0; i < kMine; ++i) {
        const bool inside = in_image(c, patches[i], e);
        cp_async16(a + (first_row + i * kRowStep) * kPitch + pack * 4, in + (inside ? patches[i].offset + e.x : 0),
                   inside ? 16 : 0);
      }
#pragma unroll
      for (int i = 0; i < N * kPacks / kTileThreads; ++i) {
        if (kGrad) {
          const int r = first_row + i * kRowStep, column = place.column + r;
          const bool inside = column < c.outputs && e.w >= 0;
          cp_async16(b + r * kPitch + pack * 4, w + (inside ? e.w + column * c.in_pitch : 0), inside ? 16 : 0);
        } else {
          const int p = thread + i * kTileThreads, r = p / (N / 4), tile_column = p % (N / 4) * 4;
          const int k = place.begin + step * kDepth + r, column = place.column + tile_column;
          const bool inside = column < c.outputs && k < place.end;
          cp_async16(b + r * kPitchN + tile_column, w + (inside ? k * c.out_pitch + column : 0), inside ? 16 : 0);
        }
      }
    }
    cp_async_commit();
  };

  Tile tile;
  describe(0);
  describe(1);
  __syncthreads();
  copy(0);
  copy(1);
  __syncthreads();
  describe(2);
  for (int step = 0; step < steps; ++step) {
    cp_async_wait<kStages - 2>();
    __syncthreads();
    // The stage and the elements that are overwritten were read before this barrier.
    copy(step + 2);
    describe(step + 3);
    const float *a = a_tiles + step % kStages * (M * kPitch), *b = b_tiles + step % kStages * kSizeB;
    if (kGrad)
      tile.template add_product<kPitch, 1, 1, kPitch>(a, b);
    else
      tile.template add_product<kPitch, 1, kPitchN, 1>(a, b);
  }

  float* out = result.out + blockIdx.z * result.part_size;
  tile.each_pair([&](int r, int tile_column, float first, float second) {
    const int column = place.column + tile_column, bias_column = place.group * c.outputs + column;
    if (place.row + r >= place.rows || column >= c.outputs) return;
    float* to = out + (out_offsets[r] + column);
    first = finished(result, first, bias_column);
    if (column + 1 < c.outputs) second = finished(result, second, bias_column + 1);
    if (result.packs) {
      *reinterpret_cast<float2*>(to) = make_float2(first, second);
    } else {
      to[0] = first;
      if (column + 1 < c.outputs) to[1] = second;
    }
  });
}

}  // namespace

}  // namespace nabla::cuda
