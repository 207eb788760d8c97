// Products of a matrix with a vector: bound by the matrix' way from memory, which each element goes once.
#pragma once
#include "cuda/gemm/tiles.h"

namespace nabla::cuda {

// out[line] = sum over k of matrix[line, k] * vector[k], for the lines of one operand; the other is the vector.
template <typename T>
struct VectorProduct {
  int lines, k;
  TiledOperand matrix, vector;
  bool vector_is_a;
  ProductBatch batch;
  int splits, split_k;  // as TiledProduct
  T* partial;           // [batch, splits, lines]
  int group;            // lanes that share a line (dots_with_vector): a power of two
  ProductOutput<T> out;
};

// Which lines, part of k and entry of the batch a block has, and where the latter's operands begin.
struct VectorPlace {
  int block, split, entry;
  int64_t matrix, vector;
};
template <typename T>
__device__ __forceinline__ VectorPlace vector_place(const VectorProduct<T>& p, int in_block) {
  const unsigned blocks = (static_cast<unsigned>(p.lines) + static_cast<unsigned>(in_block) - 1) / in_block;
  const int rest = static_cast<int>(blockIdx.x / blocks), entry = rest / p.splits;
  const BatchOffsets at = offsets_of(p.batch, entry);
  return {static_cast<int>(blockIdx.x % blocks), rest % p.splits, entry, p.vector_is_a ? at.b : at.a,
          p.vector_is_a ? at.a : at.b};
}

template <typename T>
__device__ __forceinline__ void finish_line(const VectorProduct<T>& p, const VectorPlace& at, int64_t line, T sum) {
  if (p.splits > 1) {
    p.partial[(static_cast<int64_t>(at.entry) * p.splits + at.split) * p.lines + line] = sum;
  } else {
    const int64_t place = at.entry * p.out.batch + (p.vector_is_a ? line : line * p.out.row);
    finish(p.out, sum, place, p.vector_is_a ? static_cast<int>(line) : 0);
  }
}

constexpr int kVectorThreads = 256;

// Where k is contiguous, or nothing is: each line by a group of lanes, quads of k in turn.
template <typename T, bool kHalves>
__global__ void __launch_bounds__(kVectorThreads) dots_with_vector(VectorProduct<T> p) {
  constexpr int V = Quad<T>::kSize;
  const int in_block = kVectorThreads / p.group;
  const VectorPlace at = vector_place(p, in_block);
  const int64_t line = int64_t{at.block} * in_block + static_cast<int>(threadIdx.x) / p.group;
  const int lane = static_cast<int>(threadIdx.x) % p.group;
  const int64_t k_begin = static_cast<int64_t>(at.split) * p.split_k, k_end = min(k_begin + p.split_k, int64_t{p.k});
  const bool whole = p.matrix.whole && p.vector.whole;
  const int64_t row = at.matrix + min(line, int64_t{p.lines} - 1) * p.matrix.line_stride;
  T sum = 0;
  // More loads under way do not fit the registers of all devices while they are widened.
  constexpr int kUnroll = kHalves ? 1 : 2;
#pragma unroll kUnroll
  for (int64_t k = k_begin + lane * V; k < k_end; k += p.group * V) {
    if (whole && k + V <= k_end) {
      const Quad<T> x = load_quad<T, kHalves>(p.matrix.data, p.matrix.dtype, row + k);
      const Quad<T> y = load_quad<T, kHalves>(p.vector.data, p.vector.dtype, at.vector + k);
#pragma unroll
      for (int q = 0; q < V; ++q) sum += x.v[q] * y.v[q];
    } else {
#pragma unroll
      for (int q = 0; q < V; ++q) {
        if (k + q >= k_end) continue;
        sum += load_element<T, kHalves>(p.matrix.data, p.matrix.dtype, row + (k + q) * p.matrix.k_stride) *
               load_element<T, kHalves>(p.vector.data, p.vector.dtype, at.vector + (k + q) * p.vector.k_stride);
      }
    }
  }
  for (int offset = p.group / 2; offset > 0; offset /= 2) sum += __shfl_xor_sync(kFullMask, sum, offset);
  if (lane == 0 && line < p.lines) finish_line(p, at, line, sum);
}

// Where the lines are neighbours: a quad of them for each lane, each warp takes every eighth k.
template <typename T, bool kHalves>
__global__ void __launch_bounds__(kVectorThreads) lines_with_vector(VectorProduct<T> p) {
  constexpr int V = Quad<T>::kSize, kWarps = kVectorThreads / kWarp, kLines = kWarp * V;
  SHARED(Quad<T>, partial, [kWarps][kWarp]);
  const VectorPlace at = vector_place(p, kLines);
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const int64_t first_line = int64_t{at.block} * kLines, line = first_line + lane * V, inside = p.lines - line;
  const int64_t k_begin = static_cast<int64_t>(at.split) * p.split_k, k_end = min(k_begin + p.split_k, int64_t{p.k});
  const int64_t column = at.matrix + line * p.matrix.line_stride;
  Quad<T> sums = {};
  constexpr int kUnroll = kHalves ? 2 : 4;
  if (p.matrix.whole && inside >= V) {
#pragma unroll kUnroll
    for (int64_t k = k_begin + warp; k < k_end; k += kWarps) {
      const T y = load_element<T, kHalves>(p.vector.data, p.vector.dtype, at.vector + k * p.vector.k_stride);
      const Quad<T> x = load_quad<T, kHalves>(p.matrix.data, p.matrix.dtype, column + k * p.matrix.k_stride);
#pragma unroll
      for (int q = 0; q < V; ++q) sums.v[q] += x.v[q] * y;
    }
  } else {
    for (int64_t k = k_begin + warp; k < k_end; k += kWarps) {
      const T y = load_element<T, kHalves>(p.vector.data, p.vector.dtype, at.vector + k * p.vector.k_stride);
      const int64_t first = column + k * p.matrix.k_stride;
#pragma unroll
      for (int q = 0; q < V; ++q) {
        if (q >= inside) continue;
        sums.v[q] += load_element<T, kHalves>(p.matrix.data, p.matrix.dtype, first + q * p.matrix.line_stride) * y;
      }
    }
  }
  store_quad(partial[warp][lane].v, sums);
  __syncthreads();
  const int own = static_cast<int>(threadIdx.x);
  if (own >= kLines || first_line + own >= p.lines) return;
  T sum = 0;
#pragma unroll
  for (int w = 0; w < kWarps; ++w) sum += partial[w][own / V].v[own % V];
  finish_line(p, at, first_line + own, sum);
}

}  // namespace nabla::cuda
