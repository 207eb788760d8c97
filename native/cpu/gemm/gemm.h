// C = activation(A*B + bias) + residual, or C += A*B: the matrix product for any strides of A and B.
#pragma once
#include <cstdint>

#include "core/activation.h"
#include "core/kernel.h"
#include "cpu/gemm/tile.h"

namespace nabla::NABLA_ISA {

// a is [m x k], b is [k x n], both with a stride per row and per column; c is [m x n] with contiguous rows `ldc` apart.
// The elements of A and B are T, or 16-bit numbers where T is float.
template <typename T, typename A = T, typename B = T>
struct GemmArgs {
  int64_t m, n, k;
  const A* a;
  int64_t a_row, a_col;
  const B* b;
  int64_t b_row, b_col;
  T* c;
  int64_t ldc;
  bool accumulate = false;                             // add to c instead of overwriting it
  Epilogue<T> epilogue = {nullptr, Activation::none};  // applied to the finished sum
  // Where b comes in panels of NR columns, b_row is NR, and this is how far apart they begin. 0: b is a matrix.
  int64_t b_panel = 0;
};

// Bytes of a matrix that is read from memory every time.
constexpr int64_t kBeyondCaches = int64_t{32} << 20;

// The products of a batch: entry (i0, i1, ...) lies at the sums of index times stride; c's entries follow each other,
// `c_stride` apart, in row-major order of the indices.
struct GemmBatch {
  int rank;
  int64_t shape[kMaxRank], a_stride[kMaxRank], b_stride[kMaxRank];
  int64_t c_stride;
};

// Both must be called on the executor thread. The partition depends on the shape only, so the result has the same
// bits for any number of threads.
template <typename T>
void gemm(ThreadPool& pool, Workspace& workspace, const GemmArgs<T>& args);
// Two operands of bfloat16 are multiplied by the CPU's instruction for that, where it has one; all other 16-bit numbers
// become floats when they are packed.
template <typename T, typename A, typename B>
void gemm_batched(ThreadPool& pool, Workspace& workspace, const GemmArgs<T, A, B>& first, const GemmBatch& batch);

extern template void gemm<float>(ThreadPool&, Workspace&, const GemmArgs<float>&);
extern template void gemm<double>(ThreadPool&, Workspace&, const GemmArgs<double>&);

}  // namespace nabla::NABLA_ISA
