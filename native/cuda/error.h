// CUDA's error codes as the stream's errors.
#pragma once
#include <cuda_runtime.h>

namespace nabla::cuda {

// Throws KernelError for anything but success; running out of memory has a kind of its own.
void check(cudaError_t status);

}  // namespace nabla::cuda
