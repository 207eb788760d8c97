// Matrix products for kernels that are built on them (recurrent networks, convolutions of one pixel).
#pragma once
#include <cstdint>

#include "cuda/queue.h"

namespace nabla::cuda {

// c = a @ b + bias, or c += a @ b + bias. Strides count elements; c's columns are 1 apart. Float32, float64.
template <typename T>
struct Gemm {
  int64_t m, n, k;
  const T* a;
  int64_t a_row, a_column;
  const T* b;
  int64_t b_row, b_column;
  T* c;
  int64_t c_row;
  const T* bias = nullptr;  // [n]
  bool accumulate = false;
};

template <typename T>
void gemm(Queue& queue, Workspace& workspace, const Gemm<T>& problem);

}  // namespace nabla::cuda
