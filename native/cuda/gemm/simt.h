// Matrix products by the multiply-add units: tiles of C in registers, tiles of A and B in two turns of shared memory.
// The operands may have any strides; where one of them is 1, loads are coalesced, and of 128 bits if the addresses
// allow.
#pragma once
#include "cuda/gemm/tiles.h"

namespace nabla::cuda {

// BM x BN of C for each block, TM x TN for each thread, BK deep. The 32 threads of a warp form 4 rows and 8 columns.
template <typename T, int kBM, int kBN, int kBK, int kTM, int kTN>
struct SimtTile {
  using Number = T;
  static constexpr int BM = kBM, BN = kBN, BK = kBK, TM = kTM, TN = kTN;
  static constexpr int kThreads = BM / TM * (BN / TN), V = Quad<T>::kSize;
  static constexpr int WM = 4 * TM, WN = 8 * TN;  // of a warp
  // A row more than full, so that a quad's elements go to different banks when they are stored apart.
  static constexpr int LA = BM + V, LB = BN + V;
  static constexpr int kAElements = BK * LA, kBElements = BK * LB;
  static constexpr int kALoads = BM * BK / V / kThreads, kBLoads = BN * BK / V / kThreads;
  static constexpr int kStageRows = BM / TM;  // of C, staged in shared memory at a time
  static_assert(kALoads * kThreads * V == BM * BK && kBLoads * kThreads * V == BN * BK, "loads must be even");
  static_assert(kStageRows * BN <= 2 * (kAElements + kBElements), "the stage must fit");
};

// A thread's quads of an operand's tile.
template <typename T, bool kHalves, int kLines, int kBK, int kLd, int kLoads, int kThreads>
struct SimtLoader {
  static constexpr int V = Quad<T>::kSize;
  Quad<T> quad[kLoads];
  int64_t next[kLoads];  // where the next tile's quad begins
  int left[kLoads];      // lines from the quad's on

  // Place of quad `load` in the tile, as (line, k).
  __device__ __forceinline__ static void place(bool along_k, int load, int& line, int& k) {
    const int unit = static_cast<int>(threadIdx.x) + load * kThreads;
    if (along_k) {
      line = unit / (kBK / V), k = unit % (kBK / V) * V;
    } else {
      line = unit % (kLines / V) * V, k = unit / (kLines / V);
    }
  }
  __device__ __forceinline__ SimtLoader(const TiledOperand& from, int64_t begin, int first_line, int lines,
                                        int first_k) {
#pragma unroll
    for (int i = 0; i < kLoads; ++i) {
      int line, k;
      place(from.along_k, i, line, k);
      next[i] = begin + (first_line + line) * from.line_stride + (first_k + k) * from.k_stride;
      left[i] = lines - first_line - line;
    }
  }
  // Elements outside of the matrix are 0; k_left of its columns (A) or rows (B) remain.
  __device__ __forceinline__ void load(const TiledOperand& from, int k_left) {
#pragma unroll
    for (int i = 0; i < kLoads; ++i) {
      int line, k;
      place(from.along_k, i, line, k);
      const int inside = left[i] <= 0 || k >= k_left ? 0 : from.along_k ? k_left - k : left[i];
      if (from.whole && inside >= V) {
        quad[i] = load_quad<T, kHalves>(from.data, from.dtype, next[i]);
      } else {
        int64_t at = next[i];
#pragma unroll
        for (int q = 0; q < V; ++q, at += from.quad_stride) {
          quad[i].v[q] = q < inside ? load_element<T, kHalves>(from.data, from.dtype, at) : T(0);
        }
      }
      next[i] += from.tile_stride;
    }
  }
  // To tile[k][line].
  __device__ __forceinline__ void store(bool along_k, T* tile) const {
#pragma unroll
    for (int i = 0; i < kLoads; ++i) {
      int line, k;
      place(along_k, i, line, k);
      if (along_k) {
#pragma unroll
        for (int q = 0; q < V; ++q) tile[(k + q) * kLd + line] = quad[i].v[q];
      } else {
        store_quad(tile + k * kLd + line, quad[i]);
      }
    }
  }
};

template <typename Tile, bool kHalves, int kMinBlocks>
__global__ void __launch_bounds__(Tile::kThreads, kMinBlocks) simt_product(TiledProduct<typename Tile::Number> p) {
  using T = typename Tile::Number;
  constexpr int BM = Tile::BM, BN = Tile::BN, BK = Tile::BK, TM = Tile::TM, TN = Tile::TN, V = Tile::V;
  constexpr int LA = Tile::LA, LB = Tile::LB, kThreads = Tile::kThreads;
  constexpr int kTurn = Tile::kAElements + Tile::kBElements;
  SHARED(Quad<T>, storage, [2 * kTurn / V]);
  T* const shared = reinterpret_cast<T*>(storage);

  const TilePlace begin = tile_place<BM, BN>(p);
  SHARED(TilePlace, where, [1]);  // for the end; registers are scarce until then
  if (threadIdx.x == 0) where[0] = begin;
  const int k_begin = begin.k, k_end = k_begin + min(p.split_k, p.k - k_begin);
  const int steps = (k_end - k_begin + BK - 1) / BK;
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const int row = warp % (BM / Tile::WM) * Tile::WM + lane / 8 * V;
  const int column = warp / (BM / Tile::WM) * Tile::WN + lane % 8 * V;
  T sums[TM][TN] = {};

  const BatchOffsets offsets = offsets_of(p.batch, begin.entry);
  SimtLoader<T, kHalves, BM, BK, LA, Tile::kALoads, kThreads> load_a(p.a, offsets.a, begin.row, p.m, k_begin);
  SimtLoader<T, kHalves, BN, BK, LB, Tile::kBLoads, kThreads> load_b(p.b, offsets.b, begin.column, p.n, k_begin);
  const auto load = [&](int step) {
    load_a.load(p.a, k_end - k_begin - step * BK);
    load_b.load(p.b, k_end - k_begin - step * BK);
  };
  const auto store = [&](int step) {
    T* const turn = shared + step % 2 * kTurn;
    load_a.store(p.a.along_k, turn);
    load_b.store(p.b.along_k, turn + Tile::kAElements);
  };
  if (steps > 0) {
    load(0);
    store(0);
  }
  __syncthreads();
  for (int step = 0; step < steps; ++step) {
    if (step + 1 < steps) load(step + 1);
    const T* const a = shared + step % 2 * kTurn + row;
    const T* const b = shared + step % 2 * kTurn + Tile::kAElements + column;
#pragma unroll
    for (int k = 0; k < BK; ++k) {
      Quad<T> x[TM / V], y[TN / V];
#pragma unroll
      for (int i = 0; i < TM / V; ++i) x[i] = load_quad(a + k * LA + i * 4 * V);
#pragma unroll
      for (int j = 0; j < TN / V; ++j) y[j] = load_quad(b + k * LB + j * 8 * V);
#pragma unroll
      for (int i = 0; i < TM; ++i) {
#pragma unroll
        for (int j = 0; j < TN; ++j) sums[i][j] += x[i / V].v[i % V] * y[j / V].v[j % V];
      }
    }
    // The other turn's last readers have passed the barrier of the step before.
    if (step + 1 < steps) store(step + 1);
    __syncthreads();
  }

  // Through shared memory, a row of each thread at a time: accesses of C are coalesced, and the code of the activations
  // is there once.
  T* const stage = shared;
  const TilePlace at = where[0];
#pragma unroll 1
  for (int turn = 0; turn < TM; ++turn) {
    T* const staged = stage + (warp % (BM / Tile::WM) * 4 + lane / 8) * BN + column;
#pragma unroll
    for (int i = 0; i < TM; ++i) {
      if (i != turn) continue;
#pragma unroll
      for (int j = 0; j < TN / V; ++j) {
        Quad<T> quad;
#pragma unroll
        for (int q = 0; q < V; ++q) quad.v[q] = sums[i][j * V + q];
        store_quad(staged + j * 8 * V, quad);
      }
    }
    __syncthreads();
#pragma unroll 1
    for (int unit = static_cast<int>(threadIdx.x); unit < Tile::kStageRows * BN / V; unit += kThreads) {
      const int staged_row = unit / (BN / V), j = at.column + unit % (BN / V) * V;
      const int i = at.row + staged_row / 4 * Tile::WM + turn / V * 4 * V + staged_row % 4 * V + turn % V;
      store_sums(p, at, i, j, load_quad(stage + unit * V));
    }
    __syncthreads();
  }
}

}  // namespace nabla::cuda
