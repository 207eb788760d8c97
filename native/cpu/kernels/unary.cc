// Elementwise kernels of one input. Functors take Vec<T> for floats and single elements for integers.
#include <cmath>

#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/kernels/elementwise.h"
#include "cpu/kernels/saturate.h"
#include "cpu/simd/erf.h"
#include "cpu/simd/math.h"
#include "cpu/simd/trig.h"
#include "cpu/simd/vec.h"

namespace nabla::NABLA_ISA {
namespace {

struct Neg {
  template <typename V>
  NABLA_INLINE V operator()(V x) const {
    return -x;
  }
};

struct Abs {
  template <typename T>
  NABLA_INLINE Vec<T> operator()(Vec<T> x) const {
    return nabla::NABLA_ISA::abs(x);
  }
  // In unsigned arithmetic: the smallest int32 stays what it is.
  NABLA_INLINE uint32_t operator()(uint32_t x) const { return x >> 31 ? 0 - x : x; }
  NABLA_INLINE uint8_t operator()(uint8_t x) const { return x; }
};

struct Sign {
  template <typename T>
  NABLA_INLINE Vec<T> operator()(Vec<T> x) const {
    const Vec<T> zero = Vec<T>::zero();
    const Vec<T> of_others = select(x == zero, zero, x);  // NaN stays, -0 gives 0
    return select(x > zero, Vec<T>::set(1), select(x < zero, Vec<T>::set(-1), of_others));
  }
  NABLA_INLINE int32_t operator()(int32_t x) const { return (x > 0) - (x < 0); }
  NABLA_INLINE uint8_t operator()(uint8_t x) const { return x > 0; }
};

struct Square {
  template <typename V>
  NABLA_INLINE V operator()(V x) const {
    return x * x;
  }
};

struct Exp {
  template <typename V>
  NABLA_INLINE V operator()(V x) const {
    return nabla::NABLA_ISA::exp(x);
  }
};

struct Log {
  template <typename V>
  NABLA_INLINE V operator()(V x) const {
    return nabla::NABLA_ISA::log(x);
  }
};

struct Sqrt {
  template <typename V>
  NABLA_INLINE V operator()(V x) const {
    return nabla::NABLA_ISA::sqrt(x);
  }
};

struct Rsqrt {
  template <typename V>
  NABLA_INLINE V operator()(V x) const {
    return V::set(1) / nabla::NABLA_ISA::sqrt(x);
  }
};

struct Tanh {
  template <typename V>
  NABLA_INLINE V operator()(V x) const {
    return nabla::NABLA_ISA::tanh(x);
  }
};

struct Sigmoid {
  template <typename V>
  NABLA_INLINE V operator()(V x) const {
    return nabla::NABLA_ISA::sigmoid(x);
  }
};

struct Expm1 {
  template <typename V>
  NABLA_INLINE V operator()(V x) const {
    return nabla::NABLA_ISA::expm1(x);
  }
};

struct Log1p {
  template <typename V>
  NABLA_INLINE V operator()(V x) const {
    return nabla::NABLA_ISA::log1p(x);
  }
};

struct Sin {
  template <typename V>
  NABLA_INLINE V operator()(V x) const {
    return nabla::NABLA_ISA::sin(x);
  }
};

struct Cos {
  template <typename V>
  NABLA_INLINE V operator()(V x) const {
    return nabla::NABLA_ISA::cos(x);
  }
};

struct Erf {
  template <typename V>
  NABLA_INLINE V operator()(V x) const {
    return nabla::NABLA_ISA::erf(x);
  }
};

struct Relu {
  template <typename T>
  NABLA_INLINE Vec<T> operator()(Vec<T> x) const {
    return max(Vec<T>::zero(), x);  // NaN as the second operand passes
  }
  NABLA_INLINE int32_t operator()(int32_t x) const { return x > 0 ? x : 0; }
  NABLA_INLINE uint8_t operator()(uint8_t x) const { return x; }
};

// Integers stay what they are.
struct Floor {
  template <typename T>
  NABLA_INLINE Vec<T> operator()(Vec<T> x) const {
    return nabla::NABLA_ISA::floor(x);
  }
  template <typename T>
  NABLA_INLINE T operator()(T x) const {
    return x;
  }
};

struct Ceil {
  template <typename T>
  NABLA_INLINE Vec<T> operator()(Vec<T> x) const {
    return nabla::NABLA_ISA::ceil(x);
  }
  template <typename T>
  NABLA_INLINE T operator()(T x) const {
    return x;
  }
};

struct Round {
  template <typename T>
  NABLA_INLINE Vec<T> operator()(Vec<T> x) const {
    return nabla::NABLA_ISA::round(x);
  }
  template <typename T>
  NABLA_INLINE T operator()(T x) const {
    return x;
  }
};

template <typename T>
struct Clip {
  T low, high;
  NABLA_INLINE explicit Clip(const double* attr) : low(static_cast<T>(attr[0])), high(static_cast<T>(attr[1])) {}
  NABLA_INLINE Vec<T> operator()(Vec<T> x) const { return min(Vec<T>::set(high), max(Vec<T>::set(low), x)); }
};
// Integers between the bounds, which may be fractions or infinite.
template <typename T>
struct ClipInteger {
  T low, high;
  NABLA_INLINE explicit ClipInteger(const double* attr)
      : low(saturate<T>(std::ceil(attr[0]))), high(saturate<T>(std::floor(attr[1]))) {}
  NABLA_INLINE T operator()(T x) const {
    const T raised = x < low ? low : x;
    return raised > high ? high : raised;
  }
};
template <>
struct Clip<int32_t> : ClipInteger<int32_t> {
  using ClipInteger::ClipInteger;
};
template <>
struct Clip<uint8_t> : ClipInteger<uint8_t> {
  using ClipInteger::ClipInteger;
};

template <typename T>
void clip_run(void* out, const void* const* in, int64_t n, const double* attr) {
  map<T>(out, n, Clip<T>(attr), Operand<T, false>(in[0]));
}

template <typename F, typename T>
void unary_run(void* out, const void* const* in, int64_t n, const double*) {
  map<T>(out, n, F{}, Operand<T, false>(in[0]));
}

template <typename F, typename T>
constexpr Runs<1> kUnary = {{unary_run<F, T>, nullptr}};
template <typename T>
constexpr Runs<1> kClip = {{clip_run<T>, nullptr}};

NABLA_INLINE DType dtype_of_unary(const KernelArgs& args) {
  NABLA_CHECK(args.in[0].dtype == args.out[0].dtype, "the dtypes of input and output differ");
  return args.out[0].dtype;
}

template <typename F, typename... T>
NABLA_INLINE void unary(KernelArgs& args) {
  const DType dtype = dtype_of_unary(args);
  const bool done = ((dtype == kDTypeOf<T> && (elementwise(args, kUnary<F, T>), true)) || ...);
  NABLA_CHECK(done, "the dtype is not supported");
}

template <typename... T>
NABLA_INLINE void clip_any(KernelArgs& args) {
  NABLA_CHECK(args.n_attr == 2, "the bounds are missing");
  const DType dtype = dtype_of_unary(args);
  const bool done = ((dtype == kDTypeOf<T> && (elementwise(args, kClip<T>), true)) || ...);
  NABLA_CHECK(done, "the dtype is not supported");
}

void not_run(void* out, const void* const* in, int64_t n, const double*) {
  map<uint8_t>(
      out, n, [](uint8_t x) { return x == 0; }, Operand<uint8_t, false>(in[0]));
}
constexpr Runs<1> kNot = {{not_run, nullptr}};

template <typename T>
void is_nan_run(void* result, const void* const* in, int64_t n, const double*) {
  uint8_t* __restrict out = static_cast<uint8_t*>(result);
  const Operand<T, false> x(in[0]);
  for (int64_t i = 0; i < n; ++i) out[i] = x.at(i) != x.at(i);
}
template <typename T>
constexpr Runs<1> kIsNaN = {{is_nan_run<T>, nullptr}};

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
void floor(KernelArgs& args) { unary<Floor, float, double, int32_t, uint8_t>(args); }
void ceil(KernelArgs& args) { unary<Ceil, float, double, int32_t, uint8_t>(args); }
void round(KernelArgs& args) { unary<Round, float, double, int32_t, uint8_t>(args); }

void isNaN(KernelArgs& args) {
  NABLA_CHECK(args.out[0].dtype == DType::boolean, "the output must be bool");
  switch (args.in[0].dtype) {
    case DType::float32: return elementwise(args, kIsNaN<float>);
    case DType::float64: return elementwise(args, kIsNaN<double>);
    case DType::int32: return elementwise(args, kIsNaN<int32_t>);
    case DType::uint8:
    case DType::boolean: return elementwise(args, kIsNaN<uint8_t>);
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

void logicalNot(KernelArgs& args) {
  NABLA_CHECK(dtype_of_unary(args) == DType::boolean, "the dtype is not supported");
  elementwise(args, kNot);
}

}  // namespace nabla::NABLA_ISA
