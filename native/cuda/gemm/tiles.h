// What the kernels share that compute C tile by tile: how they see the operands, which tile a block computes, and what
// becomes of its sums.
#pragma once
#include "cuda/fold.h"
#include "cuda/gemm/product.h"

namespace nabla::cuda {

// How an operand is loaded: `lines` are its rows (A) or columns (B), k is the other direction.
struct TiledOperand {
  const void* data;
  DType dtype;
  int64_t line_stride, k_stride;
  int64_t quad_stride, tile_stride;  // between a quad's elements, and from one tile to the next along k
  bool along_k;                      // a quad's elements are neighbours along k, not along the lines
  bool whole;                        // quads can be loaded at once
};

template <typename T>
struct TiledProduct {
  int m, n, k;
  TiledOperand a, b;
  ProductBatch batch;
  int splits, split_k;  // each block sums up split_k of k; with several splits the sums go to `partial`
  T* partial;           // [batch, splits, m, n]
  ProductOutput<T> out;
};

// The tile of a block: its first row, column and k, and which entry of the batch and which split it belongs to.
struct TilePlace {
  int row, column, k, entry, split;
};
// Tiles follow one another in groups of 8 rows of tiles, so that blocks that run together share operands.
template <int kBM, int kBN, typename T>
__device__ __forceinline__ TilePlace tile_place(const TiledProduct<T>& p) {
  constexpr int kGroup = 8;
  const int rows = (p.m + kBM - 1) / kBM, columns = (p.n + kBN - 1) / kBN;
  const int tile = static_cast<int>(blockIdx.x % (rows * columns)),
            rest = static_cast<int>(blockIdx.x / (rows * columns));
  const int first = tile / (kGroup * columns) * kGroup, group = min(rows - first, kGroup);
  const int in_group = tile - first * columns, split = rest % p.splits;
  return {(first + in_group % group) * kBM, in_group / group * kBN, split * p.split_k, rest / p.splits, split};
}

// Sums of row i and columns from j on, which may lie outside of the matrix.
template <typename T>
__device__ __forceinline__ void store_sums(const TiledProduct<T>& p, const TilePlace& at, int i, int j,
                                           const Quad<T>& sums) {
  if (i >= p.m || j >= p.n) return;
  if (p.splits > 1) {
    T* const to = p.partial + ((static_cast<int64_t>(at.entry) * p.splits + at.split) * p.m + i) * p.n + j;
    store_part(to, sums, p.n % Quad<T>::kSize == 0, p.n - j);
  } else {
    finish_quad(p.out, sums, at.entry * p.out.batch + i * p.out.row + j, j, p.n);
  }
}

// On tensor cores: tile is 64 or 128. The operands have the same dtype, float32 (rounded to tf32), bfloat16 or float16,
// and `whole` quads of 128 bits.
void multiply_on_tensor_cores(Queue& queue, int tile, int blocks, const TiledProduct<float>& product);
// Elements of k in a tile of theirs.
constexpr int tensor_core_depth(DType dtype) { return dtype == DType::float32 ? 16 : 32; }

}  // namespace nabla::cuda
