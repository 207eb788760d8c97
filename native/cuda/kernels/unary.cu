// Elementwise kernels of one input.
#include <cmath>
#include <type_traits>

#include "core/checks.h"
#include "cuda/convert.h"
#include "cuda/elementwise.h"
#include "cuda/erf.h"
#include "cuda/math.h"
#include "cuda/trig.h"

namespace nabla::cuda {
namespace {

struct Neg {
  template <typename T>
  __device__ T operator()(T x) const {
    return -x;
  }
  __device__ uint32_t operator()(uint32_t x) const { return 0 - x; }
};

struct Abs {
  template <typename T>
  __device__ T operator()(T x) const {
    return math::abs(x);
  }
  // The smallest int32 stays what it is.
  __device__ uint32_t operator()(uint32_t x) const { return x >> 31 ? 0 - x : x; }
  __device__ uint8_t operator()(uint8_t x) const { return x; }
};

// NaN stays, -0 gives 0.
struct Sign {
  template <typename T>
  __device__ T operator()(T x) const {
    return x > 0 ? T(1) : x < 0 ? T(-1) : x == 0 ? T(0) : x;
  }
  __device__ uint8_t operator()(uint8_t x) const { return x > 0; }
};

struct Square {
  template <typename T>
  __device__ T operator()(T x) const {
    return x * x;
  }
  // As int, the product could overflow.
  __device__ uint8_t operator()(uint8_t x) const { return static_cast<uint8_t>(x * x); }
};

#define MATH(Name, function) \
  struct Name { \
    template <typename T> \
    __device__ T operator()(T x) const { \
      return math::function(x); \
    } \
  };
MATH(Exp, exp)
MATH(Log, log)
MATH(Sqrt, sqrt)
MATH(Tanh, tanh)
MATH(Sigmoid, sigmoid)
MATH(Expm1, expm1)
MATH(Log1p, log1p)
MATH(Sin, sin)
MATH(Cos, cos)
MATH(Erf, erf)
#undef MATH

struct Rsqrt {
  template <typename T>
  __device__ T operator()(T x) const {
    return 1 / math::sqrt(x);
  }
};

struct Relu {
  template <typename T>
  __device__ T operator()(T x) const {
    return math::larger(T(0), x);  // NaN as the second operand passes
  }
};

struct Floor {
  __device__ float operator()(float x) const { return floorf(x); }
  __device__ double operator()(double x) const { return ::floor(x); }
};

struct Ceil {
  __device__ float operator()(float x) const { return ceilf(x); }
  __device__ double operator()(double x) const { return ::ceil(x); }
};

struct Round {
  __device__ float operator()(float x) const { return rintf(x); }
  __device__ double operator()(double x) const { return ::rint(x); }
};

// The bounds of integers may be fractions or infinite.
template <typename T>
struct Clip {
  T low, high;
  explicit Clip(const double* attr) {
    if constexpr (std::is_floating_point_v<T>) {
      low = static_cast<T>(attr[0]), high = static_cast<T>(attr[1]);
    } else {
      low = saturate<T>(std::ceil(attr[0])), high = saturate<T>(std::floor(attr[1]));
    }
  }
  __device__ T operator()(T x) const { return math::smaller(high, math::larger(low, x)); }
};

struct Not {
  __device__ uint8_t operator()(uint8_t x) const { return x == 0; }
};

struct IsNaN {
  template <typename T>
  __device__ uint8_t operator()(T x) const {
    return x != x;
  }
};

DType dtype_of_unary(const KernelArgs& args) {
  NABLA_CHECK(args.in[0].dtype == args.out[0].dtype, "the dtypes of input and output differ");
  return args.out[0].dtype;
}

template <typename F, typename... T>
void unary(KernelArgs& args) {
  const DType dtype = dtype_of_unary(args);
  const bool done = ((dtype == kDTypeOf<T> && (map<T, T>(args, F{}), true)) || ...);
  NABLA_CHECK(done, "the dtype is not supported");
}

// Of those T that are integers, the result is the input.
template <typename F, typename... T>
void unary_of_floats(KernelArgs& args) {
  const DType dtype = dtype_of_unary(args);
  if (dtype == DType::float32 || dtype == DType::float64) return unary<F, float, double>(args);
  NABLA_CHECK(((dtype == kDTypeOf<T>) || ...), "the dtype is not supported");
  NABLA_CHECK(same_shape(args.in[0], args.out[0]), "the shapes of input and output differ");
  copy_strided(args.out[0], args.in[0], queue_of(args).stream());
}

template <typename... T>
void clip_any(KernelArgs& args) {
  NABLA_CHECK(args.n_attr == 2, "the bounds are missing");
  const DType dtype = dtype_of_unary(args);
  const bool done = ((dtype == kDTypeOf<T> && (map<T, T>(args, Clip<T>(args.attr)), true)) || ...);
  NABLA_CHECK(done, "the dtype is not supported");
}

}  // namespace

void neg(KernelArgs& args) { unary<Neg, float, double, uint32_t>(args); }
void abs(KernelArgs& args) { unary<Abs, float, double, uint32_t, uint8_t>(args); }
void sign(KernelArgs& args) { unary<Sign, float, double, int32_t, uint8_t>(args); }
void square(KernelArgs& args) { unary<Square, float, double, uint32_t, uint8_t>(args); }
void exp(KernelArgs& args) { unary<Exp, float, double>(args); }
void log(KernelArgs& args) { unary<Log, float, double>(args); }
void sqrt(KernelArgs& args) { unary<Sqrt, float, double>(args); }
void rsqrt(KernelArgs& args) { unary<Rsqrt, float, double>(args); }
void tanh(KernelArgs& args) { unary<Tanh, float, double>(args); }
void sigmoid(KernelArgs& args) { unary<Sigmoid, float, double>(args); }
void relu(KernelArgs& args) { unary<Relu, float, double, int32_t, uint8_t>(args); }
void clip(KernelArgs& args) { clip_any<float, double, int32_t, uint8_t>(args); }

void expm1(KernelArgs& args) { unary<Expm1, float, double>(args); }
void log1p(KernelArgs& args) { unary<Log1p, float, double>(args); }
void sin(KernelArgs& args) { unary<Sin, float, double>(args); }
void cos(KernelArgs& args) { unary<Cos, float, double>(args); }
void erf(KernelArgs& args) { unary<Erf, float, double>(args); }
void floor(KernelArgs& args) { unary_of_floats<Floor, int32_t, uint8_t>(args); }
void ceil(KernelArgs& args) { unary_of_floats<Ceil, int32_t, uint8_t>(args); }
void round(KernelArgs& args) { unary_of_floats<Round, int32_t, uint8_t>(args); }

void isNaN(KernelArgs& args) {
  NABLA_CHECK(args.out[0].dtype == DType::boolean, "the output must be bool");
  switch (args.in[0].dtype) {
    case DType::float32: return map<uint8_t, float>(args, IsNaN{});
    case DType::float64: return map<uint8_t, double>(args, IsNaN{});
    case DType::int32: return map<uint8_t, int32_t>(args, IsNaN{});
    case DType::uint8:
    case DType::boolean: return map<uint8_t, uint8_t>(args, IsNaN{});
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

void logicalNot(KernelArgs& args) {
  NABLA_CHECK(dtype_of_unary(args) == DType::boolean, "the dtype is not supported");
  map<uint8_t, uint8_t>(args, Not{});
}

}  // namespace nabla::cuda
