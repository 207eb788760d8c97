// Loops over tensors of one shape but different strides: dimensions that lie one after another in memory are
// merged first, then a walker hands out rows of the innermost dimension.
#pragma once
#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/isa_namespace.h"

namespace nabla::NABLA_ISA {

// Elements per parallel task of cheap elementwise work.
constexpr int64_t kElementGrain = 32768;

// The index space of N tensors of the same shape with as few dimensions as possible; at least one.
template <int N>
struct StridedLoop {
  int rank;
  int64_t shape[kMaxRank];
  int64_t stride[N][kMaxRank];

  NABLA_INLINE int64_t row_length() const { return shape[rank - 1]; }
  NABLA_INLINE int64_t row_stride(int tensor) const { return stride[tensor][rank - 1]; }
};

// Keeps the order of the dimensions, drops those of size 1 and merges neighbours where every tensor's strides allow it.
template <int N>
NABLA_INLINE StridedLoop<N> collapse(const TensorView* const (&tensor)[N]) {
  StridedLoop<N> loop;
  loop.rank = 0;
  for (int d = 0; d < tensor[0]->rank; ++d) {
    const int64_t size = tensor[0]->shape[d];
    if (size == 1) continue;
    bool merge = loop.rank > 0;
    for (int k = 0; k < N && merge; ++k) merge = loop.stride[k][loop.rank - 1] == tensor[k]->stride[d] * size;
    if (!merge) loop.shape[loop.rank++] = 1;
    loop.shape[loop.rank - 1] *= size;
    for (int k = 0; k < N; ++k) loop.stride[k][loop.rank - 1] = tensor[k]->stride[d];
  }
  if (loop.rank == 0) {
    loop.rank = 1;
    loop.shape[0] = 1;
    for (int k = 0; k < N; ++k) loop.stride[k][0] = 1;
  }
  return loop;
}

// Visits the elements [begin, end), counted in row-major order of the shape, row by row:
// body(offset, n) gets each tensor's offset of the first element and the number of elements that follow each other
// with row_stride(). The first and the last row may be partial.
template <int N, typename Body>
NABLA_INLINE void for_each_row(const StridedLoop<N>& loop, int64_t begin, int64_t end, Body&& body) {
  const int inner = loop.rank - 1;
  int64_t index[kMaxRank];
  int64_t offset[N] = {};
  int64_t rest = begin;
  for (int d = inner; d >= 0; --d) {
    index[d] = rest % loop.shape[d];
    rest /= loop.shape[d];
    for (int k = 0; k < N; ++k) offset[k] += index[d] * loop.stride[k][d];
  }
  for (int64_t position = begin; position < end;) {
    const int64_t left_in_row = loop.shape[inner] - index[inner];
    const int64_t n = left_in_row < end - position ? left_in_row : end - position;
    body(static_cast<const int64_t*>(offset), n);
    position += n;
    for (int k = 0; k < N; ++k) offset[k] -= index[inner] * loop.stride[k][inner];
    index[inner] = 0;
    for (int d = inner - 1; d >= 0; --d) {
      for (int k = 0; k < N; ++k) offset[k] += loop.stride[k][d];
      if (++index[d] < loop.shape[d]) break;
      for (int k = 0; k < N; ++k) offset[k] -= loop.shape[d] * loop.stride[k][d];
      index[d] = 0;
    }
  }
}

// target[...] = source[...] for two views of the same shape and dtype that do not overlap (copy.cc).
void copy_strided(const TensorView& target, const TensorView& source, ThreadPool& pool);

// A contiguous view of the shape and dtype of `like`.
NABLA_INLINE TensorView contiguous_like(const TensorView& like, void* data) {
  TensorView view = like;
  view.data = data;
  int64_t stride = 1;
  for (int i = view.rank - 1; i >= 0; --i) {
    view.stride[i] = stride;
    stride *= view.shape[i];
  }
  return view;
}

}  // namespace nabla::NABLA_ISA
