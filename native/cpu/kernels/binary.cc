// Elementwise kernels of two inputs of one dtype. Functors take Vec<T> for floats and single elements for integers.
#include <cmath>

#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/kernels/elementwise.h"
#include "cpu/simd/vec.h"

namespace nabla::NABLA_ISA {
namespace {

struct Add {
  template <typename V>
  NABLA_INLINE V operator()(V a, V b) const {
    return a + b;
  }
};

struct AddRelu {
  template <typename T>
  NABLA_INLINE Vec<T> operator()(Vec<T> a, Vec<T> b) const {
    return max(Vec<T>::zero(), a + b);  // NaN as the second operand passes
  }
};

struct Sub {
  template <typename V>
  NABLA_INLINE V operator()(V a, V b) const {
    return a - b;
  }
};

struct Mul {
  template <typename V>
  NABLA_INLINE V operator()(V a, V b) const {
    return a * b;
  }
};

struct Div {
  template <typename V>
  NABLA_INLINE V operator()(V a, V b) const {
    return a / b;
  }
};

struct Pow {
  template <typename T>
  NABLA_INLINE Vec<T> operator()(Vec<T> base, Vec<T> exponent) const {
    T x[Vec<T>::width], y[Vec<T>::width];
    base.store(x);
    exponent.store(y);
    for (int i = 0; i < Vec<T>::width; ++i) x[i] = std::pow(x[i], y[i]);
    return Vec<T>::load(x);
  }
  // By repeated squaring, modulo 2^32.
  NABLA_INLINE int32_t operator()(int32_t base, int32_t exponent) const {
    if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent & 1 ? -1 : 1) : 0;
    uint32_t result = 1;
    uint32_t power = static_cast<uint32_t>(base);
    for (int32_t rest = exponent; rest > 0; rest >>= 1) {
      if (rest & 1) result *= power;
      power *= power;
    }
    return static_cast<int32_t>(result);
  }
};

// max and min give the second operand where either is NaN; that leaves a NaN in the first.
struct Maximum {
  template <typename T>
  NABLA_INLINE Vec<T> operator()(Vec<T> a, Vec<T> b) const {
    return select(a != a, a, max(a, b));
  }
  template <typename T>
  NABLA_INLINE T operator()(T a, T b) const {
    return a > b ? a : b;
  }
};

struct Minimum {
  template <typename T>
  NABLA_INLINE Vec<T> operator()(Vec<T> a, Vec<T> b) const {
    return select(a != a, a, min(a, b));
  }
  template <typename T>
  NABLA_INLINE T operator()(T a, T b) const {
    return a < b ? a : b;
  }
};

struct And {
  NABLA_INLINE uint8_t operator()(uint8_t a, uint8_t b) const { return (a != 0) & (b != 0); }
};

struct Or {
  NABLA_INLINE uint8_t operator()(uint8_t a, uint8_t b) const { return (a != 0) | (b != 0); }
};

template <typename F, typename T, bool repeat_a, bool repeat_b>
void binary_run(void* out, const void* const* in, int64_t n, const double*) {
  map<T>(out, n, F{}, Operand<T, repeat_a>(in[0]), Operand<T, repeat_b>(in[1]));
}

template <typename F, typename T>
constexpr Runs<2> kBinary = {
    {binary_run<F, T, false, false>, binary_run<F, T, true, false>, binary_run<F, T, false, true>, nullptr}};

NABLA_INLINE DType dtype_of_binary(const KernelArgs& args) {
  const DType dtype = args.out[0].dtype;
  NABLA_CHECK(args.in[0].dtype == dtype && args.in[1].dtype == dtype, "the dtypes of inputs and output differ");
  return dtype;
}

template <typename F, typename... T>
NABLA_INLINE void binary(KernelArgs& args) {
  const DType dtype = dtype_of_binary(args);
  const bool done = ((dtype == kDTypeOf<T> && (elementwise(args, kBinary<F, T>), true)) || ...);
  NABLA_CHECK(done, "the dtype is not supported");
}

template <typename F>
NABLA_INLINE void logical(KernelArgs& args) {
  NABLA_CHECK(dtype_of_binary(args) == DType::boolean, "the dtype is not supported");
  elementwise(args, kBinary<F, uint8_t>);
}

}  // namespace

void add(KernelArgs& args) { binary<Add, float, double, uint32_t, uint8_t>(args); }
void addRelu(KernelArgs& args) { binary<AddRelu, float, double>(args); }
void sub(KernelArgs& args) { binary<Sub, float, double, uint32_t>(args); }
void mul(KernelArgs& args) { binary<Mul, float, double, uint32_t, uint8_t>(args); }
void div(KernelArgs& args) { binary<Div, float, double>(args); }
void pow(KernelArgs& args) { binary<Pow, float, double, int32_t>(args); }
void maximum(KernelArgs& args) { binary<Maximum, float, double, int32_t, uint8_t>(args); }
void minimum(KernelArgs& args) { binary<Minimum, float, double, int32_t, uint8_t>(args); }
void logicalAnd(KernelArgs& args) { logical<And>(args); }
void logicalOr(KernelArgs& args) { logical<Or>(args); }

}  // namespace nabla::NABLA_ISA
