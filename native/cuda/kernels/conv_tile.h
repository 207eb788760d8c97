// The tiles of implicit products: what a block's threads hold of the result in registers, by ordinary arithmetic or on
// tensor cores, and how parts of the inner dimension are added up.
#pragma once
#include "cuda/activate.h"
#include "cuda/kernels/pack.h"
#include "cuda/mma.h"
#include "cuda/queue.h"

namespace nabla::cuda {

constexpr int kTileThreads = 128;

template <typename T>
__device__ __forceinline__ Pack<T> zero_pack() {
  Pack<T> p;
#pragma unroll
  for (int i = 0; i < Pack<T>::size; ++i) p.value[i] = 0;
  return p;
}

template <typename T>
__device__ __forceinline__ Pack<T> load_pack(const T* p) {
  return *reinterpret_cast<const Pack<T>*>(p);
}

template <typename T>
__device__ __forceinline__ void store_pack(T* p, const Pack<T>& pack) {
  *reinterpret_cast<Pack<T>*>(p) = pack;
}

// kM x kN results, kRows x kColumns of them in each of 128 threads, and `kDepth` of the inner dimension in shared
// memory at a time. A thread's rows and columns are packs that lie evenly apart, so that the threads of a warp read
// shared memory without conflicts.
template <typename T_, int kM_, int kN_, int kRows_, int kColumns_, int kBlocks_>
struct Tile {
  using T = T_;
  static constexpr int kM = kM_, kN = kN_, kRows = kRows_, kColumns = kColumns_, kDepth = 8;
  static constexpr int kBlocks =
      kBlocks_;  // on a multiprocessor, at least; one less where elements are loaded one by one
  static constexpr int kPack = Pack<T>::size, kThreadsN = kN / kColumns, kThreadsM = kM / kRows;
  static constexpr bool kPools = kPack == 4;  // four rows that follow one another are one thread's
  static_assert(kThreadsN * kThreadsM == kTileThreads, "a tile is made by 128 threads");

  T sum[kRows][kColumns];

  __device__ __forceinline__ Tile() {
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
#pragma unroll
      for (int j = 0; j < kColumns; ++j) sum[i][j] = 0;
    }
  }
  __device__ __forceinline__ static int row(int i) {
    return i / kPack * (kThreadsM * kPack) + static_cast<int>(threadIdx.x) / kThreadsN * kPack + i % kPack;
  }
  __device__ __forceinline__ static int column(int j) {
    return j / kPack * (kThreadsN * kPack) + static_cast<int>(threadIdx.x) % kThreadsN * kPack + j % kPack;
  }

  // a [kDepth][kM] and b [kDepth][b_pitch] lie in shared memory.
  __device__ __forceinline__ void add_product(const T* a, const T* b, int b_pitch) {
#pragma unroll
    for (int k = 0; k < kDepth; ++k) {
      T left[kRows], right[kColumns];
#pragma unroll
      for (int i = 0; i < kRows; i += kPack) {
        const Pack<T> p = load_pack(a + k * kM + row(i));
#pragma unroll
        for (int l = 0; l < kPack; ++l) left[i + l] = p.value[l];
      }
#pragma unroll
      for (int j = 0; j < kColumns; j += kPack) {
        const Pack<T> p = load_pack(b + k * b_pitch + column(j));
#pragma unroll
        for (int l = 0; l < kPack; ++l) right[j + l] = p.value[l];
      }
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
#pragma unroll
        for (int j = 0; j < kColumns; ++j) sum[i][j] += left[i] * right[j];
      }
    }
  }

  // visit(row, column, the values of a pack of columns, how many) for all that the thread holds.
  template <typename Visit>
  __device__ __forceinline__ void each_pack(Visit&& visit) {
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
#pragma unroll
      for (int j = 0; j < kColumns; j += kPack) {
        Pack<T> p;
#pragma unroll
        for (int l = 0; l < kPack; ++l) p.value[l] = sum[i][j + l];
        visit(row(i), column(j), p);
      }
    }
  }

  // visit(first row, column, the packs of four rows that follow one another) for all that the thread holds.
  template <typename Visit>
  __device__ __forceinline__ void each_four_rows(Visit&& visit) {
#pragma unroll
    for (int i = 0; i < kRows; i += 4) {
#pragma unroll
      for (int j = 0; j < kColumns; j += kPack) {
        Pack<T> rows[4];
#pragma unroll
        for (int r = 0; r < 4; ++r) {
#pragma unroll
          for (int l = 0; l < kPack; ++l) rows[r].value[l] = sum[i + r][j + l];
        }
        visit(row(i), column(j), rows);
      }
    }
  }
};

using WideTile = Tile<float, 128, 64, 8, 8, 4>;
using NarrowTile = Tile<float, 128, 32, 8, 4, 4>;
using SmallTile = Tile<float, 64, 32, 4, 4, 8>;
using DoubleTile = Tile<double, 64, 32, 4, 4, 4>;

// The same on tensor cores: 128 x kN results in four warps.
template <int kN_>
struct TensorTile {
  using T = float;
  static constexpr int kM = 128, kN = kN_, kDepth = 16, kStages = 3;
  static constexpr bool kPools = false;
  static constexpr int kBlocks = 2;
  static constexpr int kWarpsN = kN / 32, kWarpRows = kM / (4 / kWarpsN);
  static constexpr int kTilesM = kWarpRows / 16, kTilesN = 4;  // of 16 x 8 results, in a warp

  float sum[kTilesM][kTilesN][4];

  __device__ __forceinline__ TensorTile() {
#pragma unroll
    for (int i = 0; i < kTilesM; ++i) {
#pragma unroll
      for (int j = 0; j < kTilesN; ++j) {
#pragma unroll
        for (int l = 0; l < 4; ++l) sum[i][j][l] = 0;
      }
    }
  }
  __device__ __forceinline__ static int warp_row() {
    return static_cast<int>(threadIdx.x) / kWarp / kWarpsN * kWarpRows;
  }
  __device__ __forceinline__ static int warp_column() { return static_cast<int>(threadIdx.x) / kWarp % kWarpsN * 32; }

  // a's element (row, k) lies at a[row * a_row + k * a_depth] in shared memory, b's (k, column) at
  // b[k * b_depth + column * b_column].
  template <int a_row, int a_depth, int b_depth, int b_column>
  __device__ __forceinline__ void add_product(const float* a, const float* b) {
    const int lane = threadIdx.x % kWarp, g = lane / 4, t = lane % 4;
    a += (warp_row() + g) * a_row + t * a_depth;
    b += t * b_depth + (warp_column() + g) * b_column;
#pragma unroll
    for (int k = 0; k < kDepth; k += 8) {
      uint32_t right[kTilesN][2];
#pragma unroll
      for (int j = 0; j < kTilesN; ++j) {
#pragma unroll
        for (int l = 0; l < 2; ++l) right[j][l] = round_tf32(b[(k + 4 * l) * b_depth + 8 * j * b_column]);
      }
#pragma unroll
      for (int i = 0; i < kTilesM; ++i) {
        uint32_t left[4];
#pragma unroll
        for (int l = 0; l < 4; ++l) left[l] = round_tf32(a[(16 * i + l % 2 * 8) * a_row + (k + l / 2 * 4) * a_depth]);
#pragma unroll
        for (int j = 0; j < kTilesN; ++j) mma_m16n8k8_tf32(sum[i][j], left, right[j]);
      }
    }
  }

  // visit(row, column, first value, second value) for all pairs of columns that the thread holds.
  template <typename Visit>
  __device__ __forceinline__ void each_pair(Visit&& visit) {
    const int lane = threadIdx.x % kWarp, row = warp_row() + lane / 4, column = warp_column() + lane % 4 * 2;
#pragma unroll
    for (int i = 0; i < kTilesM; ++i) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
#pragma unroll
        for (int j = 0; j < kTilesN; ++j) {
          visit(row + 16 * i + 8 * half, column + 8 * j, sum[i][j][2 * half], sum[i][j][2 * half + 1]);
        }
      }
    }
  }
};

namespace {

// out[i] = activation(the sum of the parts, in order, + bias[i % columns]). `parts` may be `out`.
template <typename T>
__global__ void __launch_bounds__(256) finish_kernel(const T* parts, int64_t part_size, int splits, const T* bias,
                                                     unsigned columns, Activation activation, int64_t n, T* out) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * 256 + threadIdx.x;
  if (i >= n) return;
  T sum = parts[i];
  for (int s = 1; s < splits; ++s) sum += parts[s * part_size + i];
  if (bias != nullptr) sum += bias[static_cast<unsigned>(i) % columns];
  out[i] = activate(sum, activation);
}

}  // namespace

template <typename T>
void finish(Queue& q, const T* parts, int64_t part_size, int splits, const T* bias, int64_t columns,
            Activation activation, int64_t n, T* out) {
  launch(finish_kernel<T>, dim3(blocks_for(n, 256)), dim3(256), 0, q.stream(), parts, part_size, splits, bias,
         static_cast<unsigned>(columns), activation, n, out);
}

}  // namespace nabla::cuda
