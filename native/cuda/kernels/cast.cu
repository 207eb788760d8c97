// Between any two dtypes, any strides to contiguous.
#include "core/checks.h"
#include "cuda/convert.h"
#include "cuda/elementwise.h"

namespace nabla::cuda {
namespace {

template <typename T>
struct Convert {
  template <typename S>
  __device__ T operator()(S x) const {
    return convert<T>(x);
  }
};

template <typename S>
void cast_from(KernelArgs& args) {
  switch (args.out[0].dtype) {
    case DType::float32: return map<float, S>(args, Convert<float>{});
    case DType::float64: return map<double, S>(args, Convert<double>{});
    case DType::int32: return map<int32_t, S>(args, Convert<int32_t>{});
    case DType::uint8: return map<uint8_t, S>(args, Convert<uint8_t>{});
    case DType::boolean: return map<Bool, S>(args, Convert<Bool>{});
    case DType::bfloat16: return map<BFloat16, S>(args, Convert<BFloat16>{});
    case DType::float16: return map<Float16, S>(args, Convert<Float16>{});
  }
}

}  // namespace

void cast(KernelArgs& args) {
  switch (args.in[0].dtype) {
    case DType::float32: return cast_from<float>(args);
    case DType::float64: return cast_from<double>(args);
    case DType::int32: return cast_from<int32_t>(args);
    case DType::uint8:
    case DType::boolean: return cast_from<uint8_t>(args);
    case DType::bfloat16: return cast_from<BFloat16>(args);
    case DType::float16: return cast_from<Float16>(args);
  }
}

}  // namespace nabla::cuda
