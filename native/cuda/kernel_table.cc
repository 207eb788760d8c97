// All kernels of the GPU, in the order of core/ops.h.
#include "core/kernel.h"

#include "core/checks.h"

namespace nabla::cuda {

#define NABLA_OP(name, ...) void name(KernelArgs& args);
#define NABLA_UNARY NABLA_OP
#define NABLA_BINARY NABLA_OP
#define NABLA_COMPARE NABLA_OP
#define NABLA_SELECT NABLA_OP
#include "core/elementwise.def"
#include "core/ops.def"
#undef NABLA_OP

#define NABLA_MISSING(name) \
  void name(KernelArgs&) { kernel_error(ErrorKind::native, "there is no CUDA kernel yet: run it on the CPU"); }
#include "cuda/missing.def"
#undef NABLA_MISSING

const KernelTable& table();

namespace {

constexpr Kernel kKernels[] = {
#define NABLA_OP(name, ...) name,
#include "core/elementwise.def"
#include "core/ops.def"
};

constexpr KernelTable kTable = {"cuda", kKernels};

}  // namespace

const KernelTable& table() { return kTable; }

}  // namespace nabla::cuda
