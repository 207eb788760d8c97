// Elementwise kernels of two inputs of one dtype.
#include "core/checks.h"
#include "cuda/elementwise.h"
#include "cuda/math.h"
#include "cuda/pow.h"

namespace nabla::cuda {
namespace {

struct Add {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return static_cast<T>(a + b);
  }
};

struct AddRelu {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return math::larger(T(0), a + b);  // NaN as the second operand passes
  }
};

struct Sub {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return a - b;
  }
};

struct Mul {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return static_cast<T>(a * b);
  }
};

struct Div {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return a / b;
  }
};

struct Pow {
  template <typename T>
  __device__ T operator()(T base, T exponent) const {
    return math::pow(base, exponent);
  }
  // By repeated squaring, modulo 2^32.
  __device__ int32_t operator()(int32_t base, int32_t exponent) const {
    if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent & 1 ? -1 : 1) : 0;
    uint32_t result = 1, power = static_cast<uint32_t>(base);
    for (int32_t rest = exponent; rest > 0; rest >>= 1) {
      if (rest & 1) result *= power;
      power *= power;
    }
    return static_cast<int32_t>(result);
  }
};

// NaN in either gives NaN.
struct Maximum {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};

struct Minimum {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return a < b || a != a ? a : b;
  }
};

struct And {
  __device__ uint8_t operator()(uint8_t a, uint8_t b) const { return (a != 0) & (b != 0); }
};

struct Or {
  __device__ uint8_t operator()(uint8_t a, uint8_t b) const { return (a != 0) | (b != 0); }
};

DType dtype_of_binary(const KernelArgs& args) {
  const DType dtype = args.out[0].dtype;
  NABLA_CHECK(args.in[0].dtype == dtype && args.in[1].dtype == dtype, "the dtypes of inputs and output differ");
  return dtype;
}

template <typename F, typename... T>
void binary(KernelArgs& args) {
  const DType dtype = dtype_of_binary(args);
  const bool done = ((dtype == kDTypeOf<T> && (map<T, T, T>(args, F{}), true)) || ...);
  NABLA_CHECK(done, "the dtype is not supported");
}

template <typename F>
void logical(KernelArgs& args) {
  NABLA_CHECK(dtype_of_binary(args) == DType::boolean, "the dtype is not supported");
  map<uint8_t, uint8_t, uint8_t>(args, F{});
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

}  // namespace nabla::cuda
