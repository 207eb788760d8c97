// where(condition, a, b). Only the size of the elements matters, not their dtype.
#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/kernels/elementwise.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T, bool repeat_a, bool repeat_b>
void where_run(void* result, const void* const* in, int64_t n, const double*) {
  T* __restrict out = static_cast<T*>(result);
  const uint8_t* condition = static_cast<const uint8_t*>(in[0]);
  const Operand<T, repeat_a> a(in[1]);
  const Operand<T, repeat_b> b(in[2]);
  for (int64_t i = 0; i < n; ++i) {
    const T x = a.at(i), y = b.at(i);
    out[i] = condition[i] ? x : y;
  }
}

// A repeated condition is written out first.
template <typename T>
constexpr Runs<3> kWhere = {{where_run<T, false, false>, nullptr, where_run<T, true, false>, nullptr,
                             where_run<T, false, true>, nullptr, where_run<T, true, true>, nullptr}};

}  // namespace

void where(KernelArgs& args) {
  const DType dtype = args.out[0].dtype;
  NABLA_CHECK(args.in[0].dtype == DType::boolean, "the condition must be bool");
  NABLA_CHECK(args.in[1].dtype == dtype && args.in[2].dtype == dtype, "the dtypes of inputs and output differ");
  switch (dtype_size(dtype)) {
    case 1: return elementwise(args, kWhere<uint8_t>);
    case 4: return elementwise(args, kWhere<uint32_t>);
    case 8: return elementwise(args, kWhere<uint64_t>);
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

}  // namespace nabla::NABLA_ISA
