// where(condition, a, b). Only the size of the elements matters, not their dtype.
#include "core/checks.h"
#include "cuda/elementwise.h"

namespace nabla::cuda {
namespace {

struct Where {
  template <typename T>
  __device__ T operator()(uint8_t condition, T a, T b) const {
    return condition ? a : b;
  }
};

}  // namespace

void where(KernelArgs& args) {
  const DType dtype = args.out[0].dtype;
  NABLA_CHECK(args.in[0].dtype == DType::boolean, "the condition must be bool");
  NABLA_CHECK(args.in[1].dtype == dtype && args.in[2].dtype == dtype, "the dtypes of inputs and output differ");
  switch (dtype_size(dtype)) {
    case 1: return map<uint8_t, uint8_t, uint8_t, uint8_t>(args, Where{});
    case 4: return map<uint32_t, uint8_t, uint32_t, uint32_t>(args, Where{});
    case 8: return map<uint64_t, uint8_t, uint64_t, uint64_t>(args, Where{});
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

}  // namespace nabla::cuda
