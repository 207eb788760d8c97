// Activations and their gradients, one pass over memory each. An activation is a class with value(x) and slope(x): the
// kernel `name` gives value(x), the kernel `nameGrad` gives dy * slope(x). NaN gives NaN.
#include "core/checks.h"
#include "cuda/elementwise.h"
#include "cuda/erf.h"
#include "cuda/math.h"

namespace nabla::cuda {
namespace {

template <typename T>
__device__ __forceinline__ T between(T low, T x, T high) {
  return math::larger(low, math::smaller(high, x));
}

template <int n>
struct Attributes {
  static constexpr int kAttributes = n;
};

template <typename T>
struct LeakyRelu : Attributes<1> {
  T negative;
  explicit LeakyRelu(const double* attr) : negative(static_cast<T>(attr[0])) {}
  __device__ T value(T x) const { return x > 0 ? x : x * negative; }
  __device__ T slope(T x) const { return x > 0 ? T(1) : negative; }
};

template <typename T>
struct Elu : Attributes<2> {
  T positive, negative;
  explicit Elu(const double* attr) : positive(static_cast<T>(attr[0])), negative(static_cast<T>(attr[1])) {}
  __device__ T value(T x) const { return x > 0 ? x * positive : math::expm1(x) * negative; }
  __device__ T slope(T x) const { return x > 0 ? positive : math::exp(x) * negative; }
};

// sigmoid(x) and 1 - sigmoid(x), both without loss of digits.
template <typename T>
struct Sigmoids {
  T of, rest;
};
template <typename T>
__device__ __forceinline__ Sigmoids<T> sigmoids(T x) {
  const T e = math::exp(-math::abs(x));
  const T large = 1 / (1 + e), small = e * large;
  return x < 0 ? Sigmoids<T>{small, large} : Sigmoids<T>{large, small};
}

// x sigmoid(v) for finite negative x, which is not lost where the sigmoid is denormal.
__device__ __forceinline__ float gated(float x, float v) {
  const math::ExpParts e = math::exp_parts(-math::smaller(120.0f, fabsf(v)));
  const float mantissa = e.expm1 + 1;
  return (v < 0 ? math::scale(x * mantissa, e.n) : x) / (1 + math::scale(mantissa, e.n));
}
__device__ __forceinline__ double gated(double x, double v) { return x * math::sigmoid(v); }

// x sigmoid(x). Beyond the end one of the sigmoids is 0, and must not meet an infinity.
template <typename T>
struct Silu : Attributes<0> {
  static constexpr T kEnd = sizeof(T) == 4 ? 120 : 800;
  explicit Silu(const double*) {}
  __device__ T value(T x) const { return gated(math::larger(-kEnd, x), x); }
  __device__ T slope(T x) const {
    const Sigmoids<T> s = sigmoids(x);
    return s.of * (between(-kEnd, x, kEnd) * s.rest + 1);
  }
};

// x Phi(x), where Phi is the distribution function of the standard normal.
template <typename T>
struct Gelu : Attributes<0> {
  explicit Gelu(const double*) {}
  __device__ T value(T x) const { return math::gelu(x); }
  __device__ T slope(T x) const {
    const T loss = math::normal_loss_slope(math::abs(x));
    return x < 0 ? loss : 1 - loss;
  }
};

// x (1 + tanh(u)) / 2 = x sigmoid(2u) with u = sqrt(2/pi) (x + 0.044715 x^3). The ends are as in Silu.
template <typename T>
struct GeluByTanh : Attributes<0> {
  static constexpr T kEnd = sizeof(T) == 4 ? 15 : 30;
  static constexpr T kLinear = T(1.5957691216057307118), kCubic = T(0.044715 * 1.5957691216057307118);
  static constexpr T kCubicSlope = T(3 * 0.044715 * 1.5957691216057307118);
  explicit GeluByTanh(const double*) {}
  __device__ static T twice_u(T x) { return x * (kCubic * (x * x) + kLinear); }
  __device__ T value(T x) const { return gated(math::larger(-kEnd, x), twice_u(x)); }
  __device__ T slope(T x) const {
    const T bounded = between(-kEnd, x, kEnd);
    const Sigmoids<T> s = sigmoids(twice_u(bounded));
    const T growth = kCubicSlope * (bounded * bounded) + kLinear;
    return s.of * (bounded * growth * s.rest + 1);
  }
};

// log(1 + exp(x)).
template <typename T>
struct Softplus : Attributes<0> {
  explicit Softplus(const double*) {}
  __device__ T value(T x) const { return math::larger(T(0), x) + math::log1p(math::exp(-math::abs(x))); }
  __device__ T slope(T x) const { return math::sigmoid(x); }
};

template <typename A>
struct Value {
  A activation;
  template <typename T>
  __device__ T operator()(T x) const {
    return activation.value(x);
  }
};
template <typename A>
struct Gradient {
  A activation;
  template <typename T>
  __device__ T operator()(T dy, T x) const {
    return dy * activation.slope(x);
  }
};

template <template <typename> class A>
void value(KernelArgs& args) {
  const DType dtype = args.out[0].dtype;
  NABLA_CHECK(args.n_attr >= A<float>::kAttributes, "an attribute is missing");
  NABLA_CHECK(args.in[0].dtype == dtype, "the dtypes of input and output differ");
  if (dtype == DType::float32) return map<float, float>(args, Value<A<float>>{A<float>(args.attr)});
  NABLA_CHECK(dtype == DType::float64, "the dtype is not supported");
  map<double, double>(args, Value<A<double>>{A<double>(args.attr)});
}

template <template <typename> class A>
void gradient(KernelArgs& args) {
  const DType dtype = args.out[0].dtype;
  NABLA_CHECK(args.n_attr >= A<float>::kAttributes, "an attribute is missing");
  NABLA_CHECK(args.in[0].dtype == dtype && args.in[1].dtype == dtype, "the dtypes of inputs and output differ");
  if (dtype == DType::float32) return map<float, float, float>(args, Gradient<A<float>>{A<float>(args.attr)});
  NABLA_CHECK(dtype == DType::float64, "the dtype is not supported");
  map<double, double, double>(args, Gradient<A<double>>{A<double>(args.attr)});
}

bool approximate(const KernelArgs& args) {
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

}  // namespace nabla::cuda
