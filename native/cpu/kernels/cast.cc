// Between any two dtypes, any strides to contiguous.
#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/kernels/elementwise.h"
#include "cpu/kernels/saturate.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename S, typename T>
void cast_run(void* result, const void* const* in, int64_t n, const double*) {
  T* __restrict out = static_cast<T*>(result);
  const S* x = static_cast<const S*>(in[0]);
  for (int64_t i = 0; i < n; ++i) out[i] = saturate<T>(x[i]);
}

template <typename S>
void to_bool_run(void* result, const void* const* in, int64_t n, const double*) {
  uint8_t* __restrict out = static_cast<uint8_t*>(result);
  const S* x = static_cast<const S*>(in[0]);
  for (int64_t i = 0; i < n; ++i) out[i] = x[i] != S(0);
}

template <typename S, typename T>
constexpr Runs<1> kCast = {{cast_run<S, T>, nullptr}};
template <typename S>
constexpr Runs<1> kToBool = {{to_bool_run<S>, nullptr}};

template <typename S>
void cast_from(KernelArgs& args) {
  switch (args.out[0].dtype) {
    case DType::float32: return elementwise(args, kCast<S, float>);
    case DType::float64: return elementwise(args, kCast<S, double>);
    case DType::int32: return elementwise(args, kCast<S, int32_t>);
    case DType::uint8: return elementwise(args, kCast<S, uint8_t>);
    case DType::boolean: return elementwise(args, kToBool<S>);
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
  }
}

}  // namespace nabla::NABLA_ISA
