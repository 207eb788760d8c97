// The last step of sums over rows whose blocks have added up a part each.
#pragma once
#include <cstdint>

#include "cuda/launch.h"

namespace nabla::cuda {

// A block adds up kSumColumns columns; kSumRows threads share the rows of each.
constexpr int kSumColumns = 32, kSumRows = 16;

// For each batch, target[j] = the sum of partial[i * stride + j] over the `count` rows i. Batches follow each other.
template <typename T>
__global__ void __launch_bounds__(kSumColumns* kSumRows)
    partial_sums_kernel(const T* __restrict__ partial, int64_t count, int64_t stride, T* __restrict__ target,
                        int64_t columns, int64_t batches) {
  SHARED(double, sums, [kSumRows][kSumColumns]);
  const int x = static_cast<int>(threadIdx.x) % kSumColumns, y = static_cast<int>(threadIdx.x) / kSumColumns;
  const int64_t column = int64_t{blockIdx.x} * kSumColumns + x;
  for (int64_t batch = blockIdx.y; batch < batches; batch += gridDim.y) {
    double sum = 0;
    if (column < columns) {
      const T* p = partial + batch * count * stride + column;
      for (int64_t i = y; i < count; i += kSumRows) sum += static_cast<double>(p[i * stride]);
    }
    sums[y][x] = sum;
    __syncthreads();
    for (int half = kSumRows / 2; half > 0; half /= 2) {
      if (y < half) sums[y][x] += sums[y + half][x];
      __syncthreads();
    }
    if (y == 0 && column < columns) target[batch * columns + column] = static_cast<T>(sums[0][x]);
  }
}

template <typename T>
void add_partial_sums(cudaStream_t stream, const T* partial, int64_t count, int64_t stride, T* target, int64_t columns,
                      int64_t batches = 1) {
  const unsigned most = 65535, rows = static_cast<unsigned>(batches < most ? batches : most);
  launch(partial_sums_kernel<T>, dim3(blocks_for(columns, kSumColumns), rows), kSumColumns * kSumRows, 0, stream,
         partial, count, stride, target, columns, batches);
}

}  // namespace nabla::cuda
