// Calls a kernel of the kind under test on views of host memory.
#pragma once
#include <vector>

#include "core/kernel.h"
#include "test_workspace.h"

#if defined(NABLA_ISA_CUDA)
#include "cuda_call.h"
#else

namespace nabla_test {

inline void call_kernel(nabla::Kernel kernel, const std::vector<nabla::TensorView>& in,
                        const std::vector<nabla::TensorView>& out, const std::vector<double>& attr,
                        nabla::ThreadPool& pool) {
  TestWorkspace workspace;
  nabla::KernelArgs args{in.data(),   static_cast<int>(in.size()),   out.data(), static_cast<int>(out.size()),
                         attr.data(), static_cast<int>(attr.size()), pool,       workspace};
  kernel(args);
}

}  // namespace nabla_test

#endif
