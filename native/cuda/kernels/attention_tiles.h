// The two products that attention is made of, by a block of threads that shares a square tile of scores: with
// `kBlock` queries and `kBlock` keys, rows and columns in either order,
//   scores = A * B^T            multiply_rows(): the tile from rows of two tensors, any number of columns
//   out += tile * C             add_product(): rows of the output from the tile and rows of a third tensor
// Operands pass through shared memory in chunks of kDepth; the next chunk is on its way in registers meanwhile.
#pragma once
#include <cstdint>

#include "cuda/kernels/attention_problem.h"

namespace nabla::cuda {

// 16 bytes.
template <typename T>
struct alignas(16) Lanes {
  static constexpr int kWidth = 16 / sizeof(T);
  T at[kWidth];
};
template <typename T>
__device__ __forceinline__ Lanes<T> load_lanes(const T* p) {
  return *reinterpret_cast<const Lanes<T>*>(p);
}
template <typename T>
__device__ __forceinline__ void store_lanes(T* p, const Lanes<T>& x) {
  *reinterpret_cast<Lanes<T>*>(p) = x;
}

// Thread (y, x) has rows y*kRows + i and columns x + 16*j of the tile, and output columns kWidth*x + 16*kWidth*piece.
// So the 16 threads that share rows of the tile are in one warp.
template <typename Element, int kRowsEach, int kPiecesOfOutput>
struct AttentionTile {
  using T = Element;
  static constexpr int kWidth = Lanes<T>::kWidth;
  static constexpr int kBlock = sizeof(T) == 4 ? 64 : 32;
  static constexpr int kRows = kRowsEach, kColumns = kBlock / 16, kPieces = kPiecesOfOutput;
  static constexpr int kThreads = 16 * kBlock / kRows;
  static constexpr int kOut = 16 * kWidth * kPieces;  // output columns
  static constexpr int kDepth = 16;
  // Rows are padded by 16 bytes: eight threads that read 16 bytes of as many rows meet all banks.
  static constexpr int kChunkStride = kDepth + kWidth, kTileStride = kBlock + kWidth;
  static constexpr int kChunk = 2 * kBlock * kChunkStride > kDepth* kOut ? 2 * kBlock* kChunkStride : kDepth* kOut;
  static constexpr int kTile = kBlock * kTileStride;

  using Scores = T[kRows][kColumns];
  using Output = Lanes<T>[kRows][kPieces];

  static __device__ __forceinline__ int first_row() { return static_cast<int>(threadIdx.x / 16) * kRows; }
  static __device__ __forceinline__ int lane() { return static_cast<int>(threadIdx.x % 16); }
  static __device__ __forceinline__ int output_column(int piece) { return (piece * 16 + lane()) * kWidth; }
};

// 16 bytes of row `row`, of which all elements beyond the matrix are zeros.
template <typename T>
__device__ __forceinline__ Lanes<T> fetch_lanes(const HeadRows<const T>& from, int row, int column) {
  Lanes<T> x = {};
  const T* p = from.data + row * from.stride + column;
  if (row < from.rows) {
    if (from.wide) {
      if (column < from.size) x = load_lanes(p);
    } else {
#pragma unroll
      for (int e = 0; e < Lanes<T>::kWidth; ++e) {
        if (column + e < from.size) x.at[e] = p[e];
      }
    }
  }
  return x;
}

// A chunk of kCount rows x kSize columns on its way from a tensor to shared memory.
template <class Tile, int kCount, int kSize>
struct Chunk {
  using T = typename Tile::T;
  static constexpr int kAcross = kSize / Tile::kWidth, kLoads = kCount * kAcross / Tile::kThreads;
  static_assert(kCount * kAcross % Tile::kThreads == 0, "threads share a chunk evenly");
  Lanes<T> part[kLoads];

  __device__ __forceinline__ void fetch(const HeadRows<const T>& from, int row, int column) {
#pragma unroll
    for (int l = 0; l < kLoads; ++l) {
      const int at = static_cast<int>(threadIdx.x) + l * Tile::kThreads;
      part[l] = fetch_lanes(from, row + at / kAcross, column + at % kAcross * Tile::kWidth);
    }
  }
  __device__ __forceinline__ void store(T* to, int stride) const {
#pragma unroll
    for (int l = 0; l < kLoads; ++l) {
      const int at = static_cast<int>(threadIdx.x) + l * Tile::kThreads;
      store_lanes(to + at / kAcross * stride + at % kAcross * Tile::kWidth, part[l]);
    }
  }
  __device__ __forceinline__ void scale(T factor) {
#pragma unroll
    for (int l = 0; l < kLoads; ++l) {
#pragma unroll
      for (int e = 0; e < Tile::kWidth; ++e) part[l].at[e] *= factor;
    }
  }
};

// scores = factor * A[a_row...] * B[b_row...]^T. `chunk` takes Tile::kChunk elements.
template <class Tile, typename T>
__device__ __forceinline__ void multiply_rows(const HeadRows<const T>& a, int a_row, T factor,
                                              const HeadRows<const T>& b, int b_row, T* chunk,
                                              typename Tile::Scores& scores) {
  constexpr int kStride = Tile::kChunkStride;
  T *const a_chunk = chunk, *const b_chunk = chunk + Tile::kBlock * kStride;
  const T *const a_rows = a_chunk + Tile::first_row() * kStride, *const b_rows = b_chunk + Tile::lane() * kStride;
#pragma unroll
  for (int i = 0; i < Tile::kRows; ++i) {
#pragma unroll
    for (int j = 0; j < Tile::kColumns; ++j) scores[i][j] = T(0);
  }
  Chunk<Tile, Tile::kBlock, Tile::kDepth> next_a, next_b;
  next_a.fetch(a, a_row, 0);
  next_b.fetch(b, b_row, 0);
#pragma unroll 1
  for (int d0 = 0; d0 < a.size; d0 += Tile::kDepth) {
    __syncthreads();  // nobody reads the chunk before any more
    next_a.scale(factor);
    next_a.store(a_chunk, kStride);
    next_b.store(b_chunk, kStride);
    __syncthreads();
    if (d0 + Tile::kDepth < a.size) {
      next_a.fetch(a, a_row, d0 + Tile::kDepth);
      next_b.fetch(b, b_row, d0 + Tile::kDepth);
    }
#pragma unroll 1
    for (int d = 0; d < Tile::kDepth; d += Tile::kWidth) {
      Lanes<T> y[Tile::kColumns];
#pragma unroll
      for (int j = 0; j < Tile::kColumns; ++j) y[j] = load_lanes(b_rows + 16 * j * kStride + d);
#pragma unroll
      for (int i = 0; i < Tile::kRows; ++i) {
        const Lanes<T> x = load_lanes(a_rows + i * kStride + d);
#pragma unroll
        for (int j = 0; j < Tile::kColumns; ++j) {
#pragma unroll
          for (int e = 0; e < Tile::kWidth; ++e) scores[i][j] += x.at[e] * y[j].at[e];
        }
      }
    }
  }
}

// A thread's part of a tile to shared memory, where the threads of its rows find it after the next barrier.
template <class Tile, typename T>
__device__ __forceinline__ void store_tile(const typename Tile::Scores& scores, T* tile) {
  __syncwarp();  // these threads alone read the rows before
#pragma unroll
  for (int i = 0; i < Tile::kRows; ++i) {
    T* row = tile + (Tile::first_row() + i) * Tile::kTileStride + Tile::lane();
#pragma unroll
    for (int j = 0; j < Tile::kColumns; ++j) row[16 * j] = scores[i][j];
  }
}

template <class Tile>
__device__ __forceinline__ void clear_output(typename Tile::Output& out) {
#pragma unroll
  for (int i = 0; i < Tile::kRows; ++i) {
#pragma unroll
    for (int piece = 0; piece < Tile::kPieces; ++piece) out[i][piece] = {};
  }
}

// out += tile * C[c_row...][c_column...], as far as C has rows.
template <class Tile, typename T>
__device__ __forceinline__ void add_product(const T* tile, const HeadRows<const T>& c, int c_row, int c_column,
                                            T* chunk, typename Tile::Output& out) {
  const int rows = c.rows - c_row < Tile::kBlock ? c.rows - c_row : Tile::kBlock;
  const T *const weights = tile + Tile::first_row() * Tile::kTileStride, *const columns =
                                                                             chunk + Tile::output_column(0);
  Chunk<Tile, Tile::kDepth, Tile::kOut> next;
  next.fetch(c, c_row, c_column);
#pragma unroll 1
  for (int k0 = 0; k0 < rows; k0 += Tile::kDepth) {
    __syncthreads();
    next.store(chunk, Tile::kOut);
    __syncthreads();
    if (k0 + Tile::kDepth < rows) next.fetch(c, c_row + k0 + Tile::kDepth, c_column);
#pragma unroll 1
    for (int k = 0; k < Tile::kDepth; k += Tile::kWidth) {
      Lanes<T> y[Tile::kWidth][Tile::kPieces];
#pragma unroll
      for (int w = 0; w < Tile::kWidth; ++w) {
#pragma unroll
        for (int piece = 0; piece < Tile::kPieces; ++piece) {
          y[w][piece] = load_lanes(columns + (k + w) * Tile::kOut + piece * 16 * Tile::kWidth);
        }
      }
#pragma unroll
      for (int i = 0; i < Tile::kRows; ++i) {
        const Lanes<T> x = load_lanes(weights + i * Tile::kTileStride + k0 + k);
#pragma unroll
        for (int w = 0; w < Tile::kWidth; ++w) {
#pragma unroll
          for (int piece = 0; piece < Tile::kPieces; ++piece) {
#pragma unroll
            for (int e = 0; e < Tile::kWidth; ++e) out[i][piece].at[e] += x.at[w] * y[w][piece].at[e];
          }
        }
      }
    }
  }
}

// Row `row` of a thread's output, times `factor`, to the tensor's columns from `column` on.
template <class Tile, typename T>
__device__ __forceinline__ void write_output(const Lanes<T> (&out)[Tile::kPieces], T factor, const HeadRows<T>& to,
                                             int row, int column) {
  if (row >= to.rows) return;
#pragma unroll
  for (int piece = 0; piece < Tile::kPieces; ++piece) {
    const int first = column + Tile::output_column(piece);
    T* p = to.data + row * to.stride + first;
    Lanes<T> x = out[piece];
#pragma unroll
    for (int e = 0; e < Tile::kWidth; ++e) x.at[e] *= factor;
    if (to.wide) {
      if (first < to.size) store_lanes(p, x);
    } else {
#pragma unroll
      for (int e = 0; e < Tile::kWidth; ++e) {
        if (first + e < to.size) p[e] = x.at[e];
      }
    }
  }
}

}  // namespace nabla::cuda
