// Activations and their gradients, one pass over memory each. An activation is a class with value(x) and slope(x): the
// kernel `name` gives value(x), the kernel `nameGrad` gives dy * slope(x). NaN gives NaN.
#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/kernels/elementwise.h"
#include "cpu/simd/erf.h"
#include "cpu/simd/math.h"
#include "cpu/simd/vec.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T>
NABLA_INLINE Vec<T> number(double x) {
  return Vec<T>::set(static_cast<T>(x));
}
template <typename T>
NABLA_INLINE Vec<T> between(double low, Vec<T> x, double high) {
  return max(number<T>(low), min(number<T>(high), x));
}

template <typename T>
struct LeakyRelu {
  static constexpr int kAttributes = 1;
  T negative;
  NABLA_INLINE explicit LeakyRelu(const double* attr) : negative(static_cast<T>(attr[0])) {}
  NABLA_INLINE Vec<T> value(Vec<T> x) const { return select(x > Vec<T>::zero(), x, x * Vec<T>::set(negative)); }
  NABLA_INLINE Vec<T> slope(Vec<T> x) const {
    return select(x > Vec<T>::zero(), Vec<T>::set(1), Vec<T>::set(negative));
  }
};

template <typename T>
struct Elu {
  static constexpr int kAttributes = 2;
  T positive, negative;
  NABLA_INLINE explicit Elu(const double* attr)
      : positive(static_cast<T>(attr[0])), negative(static_cast<T>(attr[1])) {}
  NABLA_INLINE Vec<T> value(Vec<T> x) const {
    return select(x > Vec<T>::zero(), x * Vec<T>::set(positive), expm1(x) * Vec<T>::set(negative));
  }
  NABLA_INLINE Vec<T> slope(Vec<T> x) const {
    return select(x > Vec<T>::zero(), Vec<T>::set(positive), exp(x) * Vec<T>::set(negative));
  }
};

// sigmoid(x) and 1 - sigmoid(x), both without loss of digits.
template <typename T>
struct Sigmoids {
  Vec<T> of, rest;
};
template <typename T>
NABLA_INLINE Sigmoids<T> sigmoids(Vec<T> x) {
  const Vec<T> e = exp(-abs(x));
  const Vec<T> larger = Vec<T>::set(1) / (Vec<T>::set(1) + e);
  const Vec<T> smaller = e * larger;
  const Mask<T> negative = x < Vec<T>::zero();
  return {select(negative, smaller, larger), select(negative, larger, smaller)};
}

// x sigmoid(v) for finite negative x, which is not lost where the sigmoid is denormal.
NABLA_INLINE Vec<float> gated(Vec<float> x, Vec<float> v) {
  const Vec<float> one = Vec<float>::set(1);
  const ExpParts e = exp_parts(-min(Vec<float>::set(120), abs(v)));
  const Vec<float> mantissa = e.expm1 + one;
  return select(v < Vec<float>::zero(), scale(x * mantissa, e.n), x) / (one + scale(mantissa, e.n));
}
NABLA_INLINE Vec<double> gated(Vec<double> x, Vec<double> v) { return x * sigmoid(v); }

// x sigmoid(x). Beyond the end one of the sigmoids is 0, and must not meet an infinity.
template <typename T>
struct Silu {
  static constexpr int kAttributes = 0;
  static constexpr double kEnd = sizeof(T) == 4 ? 120 : 800;
  NABLA_INLINE explicit Silu(const double*) {}
  NABLA_INLINE Vec<T> value(Vec<T> x) const { return gated(max(number<T>(-kEnd), x), x); }
  NABLA_INLINE Vec<T> slope(Vec<T> x) const {
    const Sigmoids<T> s = sigmoids(x);
    return s.of * fma(between(-kEnd, x, kEnd), s.rest, Vec<T>::set(1));
  }
};

// x Phi(x), where Phi is the distribution function of the standard normal.
template <typename T>
struct Gelu {
  static constexpr int kAttributes = 0;
  NABLA_INLINE explicit Gelu(const double*) {}
  NABLA_INLINE Vec<T> value(Vec<T> x) const { return gelu(x); }
  NABLA_INLINE Vec<T> slope(Vec<T> x) const {
    const Vec<T> loss = normal_loss_slope(abs(x));
    return select(x < Vec<T>::zero(), loss, Vec<T>::set(1) - loss);
  }
};

// x (1 + tanh(u)) / 2 = x sigmoid(2u) with u = sqrt(2/pi) (x + 0.044715 x^3). The ends are as in Silu.
template <typename T>
struct GeluByTanh {
  static constexpr int kAttributes = 0;
  static constexpr double kEnd = sizeof(T) == 4 ? 15 : 30;
  static constexpr double kLinear = 1.5957691216057307118, kCubic = 0.044715 * kLinear;
  NABLA_INLINE explicit GeluByTanh(const double*) {}
  NABLA_INLINE static Vec<T> twice_u(Vec<T> x) { return x * fma(number<T>(kCubic), x * x, number<T>(kLinear)); }
  NABLA_INLINE Vec<T> value(Vec<T> x) const { return gated(max(number<T>(-kEnd), x), twice_u(x)); }
  NABLA_INLINE Vec<T> slope(Vec<T> x) const {
    const Vec<T> bounded = between(-kEnd, x, kEnd);
    const Sigmoids<T> s = sigmoids(twice_u(bounded));
    const Vec<T> growth = fma(number<T>(3 * kCubic), bounded * bounded, number<T>(kLinear));
    return s.of * fma(bounded * growth, s.rest, Vec<T>::set(1));
  }
};

// log(1 + exp(x)).
template <typename T>
struct Softplus {
  static constexpr int kAttributes = 0;
  NABLA_INLINE explicit Softplus(const double*) {}
  NABLA_INLINE Vec<T> value(Vec<T> x) const { return max(Vec<T>::zero(), x) + log1p(exp(-abs(x))); }
  NABLA_INLINE Vec<T> slope(Vec<T> x) const { return sigmoid(x); }
};

template <typename A>
struct Value {
  A activation;
  template <typename V>
  NABLA_INLINE V operator()(V x) const {
    return activation.value(x);
  }
};
template <typename A>
struct Gradient {
  A activation;
  template <typename V>
  NABLA_INLINE V operator()(V dy, V x) const {
    return dy * activation.slope(x);
  }
};

template <typename A, typename T>
void value_run(void* out, const void* const* in, int64_t n, const double* attr) {
  map<T>(out, n, Value<A>{A(attr)}, Operand<T, false>(in[0]));
}
template <typename A, typename T, bool repeat_dy>
void gradient_run(void* out, const void* const* in, int64_t n, const double* attr) {
  map<T>(out, n, Gradient<A>{A(attr)}, Operand<T, repeat_dy>(in[0]), Operand<T, false>(in[1]));
}

template <typename A, typename T>
constexpr Runs<1> kValue = {{value_run<A, T>, nullptr}};
// dy is one number everywhere below a sum.
template <typename A, typename T>
constexpr Runs<2> kGradient = {{gradient_run<A, T, false>, gradient_run<A, T, true>, nullptr, nullptr}};

template <template <typename> class A>
NABLA_INLINE void value(KernelArgs& args) {
  const DType dtype = args.out[0].dtype;
  NABLA_CHECK(args.n_attr >= A<float>::kAttributes, "an attribute is missing");
  NABLA_CHECK(args.in[0].dtype == dtype, "the dtypes of input and output differ");
  if (dtype == DType::float32) return elementwise(args, kValue<A<float>, float>);
  NABLA_CHECK(dtype == DType::float64, "the dtype is not supported");
  elementwise(args, kValue<A<double>, double>);
}

template <template <typename> class A>
NABLA_INLINE void gradient(KernelArgs& args) {
  const DType dtype = args.out[0].dtype;
  NABLA_CHECK(args.n_attr >= A<float>::kAttributes, "an attribute is missing");
  NABLA_CHECK(args.in[0].dtype == dtype && args.in[1].dtype == dtype, "the dtypes of inputs and output differ");
  if (dtype == DType::float32) return elementwise(args, kGradient<A<float>, float>);
  NABLA_CHECK(dtype == DType::float64, "the dtype is not supported");
  elementwise(args, kGradient<A<double>, double>);
}

NABLA_INLINE bool approximate(const KernelArgs& args) {
  NABLA_CHECK(args.n_attr == 1, "an attribute is missing");
  return args.attr[0] != 0;
}

}  // namespace

void leakyRelu(KernelArgs& args) { value<LeakyRelu>(args); }
void leakyReluGrad(KernelArgs& args) { gradient<LeakyRelu>(args); }
void elu(KernelArgs& args) { value<Elu>(args); }
void eluGrad(KernelArgs& args) { gradient<Elu>(args); }
void silu(KernelArgs& args) { value<Silu>(args); }
void siluGrad(KernelArgs& args) { gradient<Silu>(args); }
void gelu(KernelArgs& args) { approximate(args) ? value<GeluByTanh>(args) : value<Gelu>(args); }
void geluGrad(KernelArgs& args) { approximate(args) ? gradient<GeluByTanh>(args) : gradient<Gelu>(args); }
void softplus(KernelArgs& args) { value<Softplus>(args); }
void softplusGrad(KernelArgs& args) { gradient<Softplus>(args); }

}  // namespace nabla::NABLA_ISA
