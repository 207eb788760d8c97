// Elementwise comparisons: two inputs of one dtype, output bool. The compiler vectorises the loops.
#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/kernels/elementwise.h"

namespace nabla::NABLA_ISA {
namespace {

struct Equal {
  template <typename T>
  NABLA_INLINE bool operator()(T a, T b) const {
    return a == b;
  }
};

struct NotEqual {
  template <typename T>
  NABLA_INLINE bool operator()(T a, T b) const {
    return a != b;
  }
};

struct Greater {
  template <typename T>
  NABLA_INLINE bool operator()(T a, T b) const {
    return a > b;
  }
};

struct GreaterEqual {
  template <typename T>
  NABLA_INLINE bool operator()(T a, T b) const {
    return a >= b;
  }
};

struct Less {
  template <typename T>
  NABLA_INLINE bool operator()(T a, T b) const {
    return a < b;
  }
};

struct LessEqual {
  template <typename T>
  NABLA_INLINE bool operator()(T a, T b) const {
    return a <= b;
  }
};

template <typename F, typename T, bool repeat_a, bool repeat_b>
void compare_run(void* result, const void* const* in, int64_t n, const double*) {
  uint8_t* __restrict out = static_cast<uint8_t*>(result);
  const Operand<T, repeat_a> a(in[0]);
  const Operand<T, repeat_b> b(in[1]);
  for (int64_t i = 0; i < n; ++i) out[i] = F{}(a.at(i), b.at(i));
}

template <typename F, typename T>
constexpr Runs<2> kCompare = {
    {compare_run<F, T, false, false>, compare_run<F, T, true, false>, compare_run<F, T, false, true>, nullptr}};

template <typename F>
NABLA_INLINE void compare(KernelArgs& args) {
  const DType dtype = args.in[0].dtype;
  NABLA_CHECK(args.in[1].dtype == dtype, "the dtypes of the inputs differ");
  NABLA_CHECK(args.out[0].dtype == DType::boolean, "the output must be bool");
  switch (dtype) {
    case DType::float32: return elementwise(args, kCompare<F, float>);
    case DType::float64: return elementwise(args, kCompare<F, double>);
    case DType::int32: return elementwise(args, kCompare<F, int32_t>);
    case DType::uint8:
    case DType::boolean: return elementwise(args, kCompare<F, uint8_t>);
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

}  // namespace

void equal(KernelArgs& args) { compare<Equal>(args); }
void notEqual(KernelArgs& args) { compare<NotEqual>(args); }
void greater(KernelArgs& args) { compare<Greater>(args); }
void greaterEqual(KernelArgs& args) { compare<GreaterEqual>(args); }
void less(KernelArgs& args) { compare<Less>(args); }
void lessEqual(KernelArgs& args) { compare<LessEqual>(args); }

}  // namespace nabla::NABLA_ISA
