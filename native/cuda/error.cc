#include "cuda/error.h"

#include "core/checks.h"

namespace nabla::cuda {

void check(cudaError_t status) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // so that the next call does not report it again
  kernel_error(status == cudaErrorMemoryAllocation ? ErrorKind::out_of_memory : ErrorKind::native, "CUDA: %s",
               cudaGetErrorString(status));
}

}  // namespace nabla::cuda
