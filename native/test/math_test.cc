// The error bounds that cpu/simd/math.h, trig.h and erf.h state, over the whole range of float and at special values.
#include "cpu/simd/math.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "cpu/simd/erf.h"
#include "cpu/simd/trig.h"
#include "test_main.h"

namespace nabla::NABLA_ISA {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr int kWidth = Vec<float>::width;

// |got - exact| in units of the last place of a float near `exact`; an infinity given too early counts as 2^128.
double ulp_error(float got, double exact) {
  if (std::isnan(exact) || std::isnan(got)) return std::isnan(exact) && std::isnan(got) ? 0 : kInf;
  if (std::isinf(exact)) return static_cast<double>(got) == exact ? 0 : kInf;
  if (std::isinf(got) && static_cast<float>(exact) == got) return 0;
  const double finite = std::isinf(got) ? std::copysign(0x1p128, got) : got;
  const int exponent = exact == 0 ? -126 : std::max(-126, std::min(127, std::ilogb(exact)));
  return std::fabs(finite - exact) / std::ldexp(1, exponent - 23);
}

float float_of(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// Every 4093rd float, over a million of them, of both signs, with all denormals' range, inf and NaN.
constexpr uint64_t kStep = 4093;

template <typename F, typename G>
void check_range(double bound, F f, G exact) {
  double worst = 0;
  float worst_at = 0;
  int64_t points = 0;
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += kStep * kWidth) {
    float x[kWidth], y[kWidth];
    for (int lane = 0; lane < kWidth; ++lane)
      x[lane] = float_of(static_cast<uint32_t>(bits + kStep * static_cast<uint64_t>(lane)));
    f(Vec<float>::load(x)).store(y);
    for (int lane = 0; lane < kWidth; ++lane) {
      const double error = ulp_error(y[lane], exact(static_cast<double>(x[lane])));
      ++points;
      if (error > worst) worst = error, worst_at = x[lane];
    }
  }
  CHECK(points >= 1000000);
  if (!CHECK(worst <= bound)) std::printf("    %.3f units at %a\n", worst, static_cast<double>(worst_at));
}

// The bounds' worst cases lie where most results are neither 0, 1 nor infinite.
template <typename F, typename G>
void check_interval(double bound, float low, float high, F f, G exact) {
  double worst = 0;
  const int64_t points = 1 << 20;
  for (int64_t i = 0; i < points; i += kWidth) {
    float x[kWidth], y[kWidth];
    for (int lane = 0; lane < kWidth; ++lane) {
      x[lane] = low + (high - low) * (static_cast<float>(i + lane) / static_cast<float>(points));
    }
    f(Vec<float>::load(x)).store(y);
    for (int lane = 0; lane < kWidth; ++lane)
      worst = std::max(worst, ulp_error(y[lane], exact(static_cast<double>(x[lane]))));
  }
  if (!CHECK(worst <= bound)) std::printf("    %.3f units between %g and %g\n", worst, low, high);
}

// The result for x in every lane, with other numbers around it, and in a part of one lane.
template <typename T, typename F>
bool gives(F f, T x, T want) {
  constexpr int width = Vec<T>::width;
  const auto same = [&](T got) {
    return std::isnan(want) ? std::isnan(got) : got == want && std::signbit(got) == std::signbit(want);
  };
  bool ok = true;
  for (int lane = 0; lane < width; ++lane) {
    T in[width], out[width];
    for (int i = 0; i < width; ++i) in[i] = i == lane ? x : T(i) - T(3);
    f(Vec<T>::load(in)).store(out);
    ok = ok && same(out[lane]);
  }
  T alone;
  f(Vec<T>::load_part(&x, 1)).store_part(&alone, 1);
  return ok && same(alone);
}

double exact_sigmoid(double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }

NABLA_TEST(exp_float) {
  const auto f = [](Vec<float> x) { return exp(x); };
  const auto exact = [](double x) { return std::exp(x); };
  check_range(1, f, exact);
  check_interval(1, -104, 89, f, exact);
  check_interval(1, -1, 1, f, exact);
  CHECK(gives(f, 0.0f, 1.0f) && gives(f, -0.0f, 1.0f) && gives(f, kInf, kInf) && gives(f, -kInf, 0.0f));
  CHECK(gives(f, kNaN, kNaN) && gives(f, 88.8f, kInf) && gives(f, 3e38f, kInf));
  CHECK(gives(f, -103.0f, 0x1p-149f) && gives(f, -104.1f, 0.0f) && gives(f, -3e38f, 0.0f));
}

NABLA_TEST(log_float) {
  const auto f = [](Vec<float> x) { return log(x); };
  const auto exact = [](double x) { return std::log(x); };
  check_range(1, f, exact);
  check_interval(1, 0.5f, 2, f, exact);
  check_interval(1, 0.999f, 1.001f, f, exact);
  check_interval(1, 0, 1e-38f, f, exact);
  CHECK(gives(f, 1.0f, 0.0f) && gives(f, 0.0f, -kInf) && gives(f, -0.0f, -kInf) && gives(f, kInf, kInf));
  CHECK(gives(f, -1.0f, kNaN) && gives(f, -kInf, kNaN) && gives(f, kNaN, kNaN) && gives(f, -0x1p-149f, kNaN));
}

NABLA_TEST(tanh_float) {
  const auto f = [](Vec<float> x) { return tanh(x); };
  const auto exact = [](double x) { return std::tanh(x); };
  check_range(3, f, exact);
  check_interval(3, -10, 10, f, exact);
  check_interval(3, -0.5f, 0.5f, f, exact);
  CHECK(gives(f, 0.0f, 0.0f) && gives(f, -0.0f, -0.0f) && gives(f, kInf, 1.0f) && gives(f, -kInf, -1.0f));
  CHECK(gives(f, kNaN, kNaN) && gives(f, 0x1p-149f, 0x1p-149f) && gives(f, 9.5f, 1.0f) && gives(f, -3e38f, -1.0f));
}

NABLA_TEST(sigmoid_float) {
  const auto f = [](Vec<float> x) { return sigmoid(x); };
  check_range(3, f, exact_sigmoid);
  check_interval(3, -104, 20, f, exact_sigmoid);
  check_interval(3, -2, 2, f, exact_sigmoid);
  CHECK(gives(f, 0.0f, 0.5f) && gives(f, -0.0f, 0.5f) && gives(f, kInf, 1.0f) && gives(f, -kInf, 0.0f));
  CHECK(gives(f, kNaN, kNaN) && gives(f, -103.0f, 0x1p-149f) && gives(f, -3e38f, 0.0f) && gives(f, 3e38f, 1.0f));
}

NABLA_TEST(expm1_float) {
  const auto f = [](Vec<float> x) { return expm1(x); };
  const auto exact = [](double x) { return std::expm1(x); };
  check_range(2, f, exact);
  check_interval(2, -20, 89, f, exact);
  check_interval(2, -1.5f, 1.5f, f, exact);
  CHECK(gives(f, 0.0f, 0.0f) && gives(f, -0.0f, -0.0f) && gives(f, kInf, kInf) && gives(f, -kInf, -1.0f));
  CHECK(gives(f, kNaN, kNaN) && gives(f, 88.8f, kInf) && gives(f, -0x1p-149f, -0x1p-149f) && gives(f, -3e38f, -1.0f));
}

NABLA_TEST(log1p_float) {
  const auto f = [](Vec<float> x) { return log1p(x); };
  const auto exact = [](double x) { return std::log1p(x); };
  check_range(2, f, exact);
  check_interval(2, -1, 1, f, exact);
  check_interval(2, -1e-3f, 1e-3f, f, exact);
  check_interval(2, 0x1p22f, 0x1p27f, f, exact);
  CHECK(gives(f, 0.0f, 0.0f) && gives(f, -0.0f, -0.0f) && gives(f, -1.0f, -kInf) && gives(f, kInf, kInf));
  CHECK(gives(f, -1.5f, kNaN) && gives(f, -kInf, kNaN) && gives(f, kNaN, kNaN) && gives(f, -0x1p-149f, -0x1p-149f));
}

NABLA_TEST(sin_float) {
  const auto f = [](Vec<float> x) { return sin(x); };
  const auto exact = [](double x) { return std::sin(x); };
  check_range(2, f, exact);
  check_interval(2, -10, 10, f, exact);
  check_interval(2, 0.99f * kLargestReduced, 1.01f * kLargestReduced, f, exact);
  CHECK(gives(f, 0.0f, 0.0f) && gives(f, -0.0f, -0.0f) && gives(f, 0x1p-149f, 0x1p-149f));
  CHECK(gives(f, kInf, kNaN) && gives(f, -kInf, kNaN) && gives(f, kNaN, kNaN));
}

NABLA_TEST(cos_float) {
  const auto f = [](Vec<float> x) { return cos(x); };
  const auto exact = [](double x) { return std::cos(x); };
  check_range(2, f, exact);
  check_interval(2, -10, 10, f, exact);
  check_interval(2, 0.99f * kLargestReduced, 1.01f * kLargestReduced, f, exact);
  CHECK(gives(f, 0.0f, 1.0f) && gives(f, -0.0f, 1.0f));
  CHECK(gives(f, kInf, kNaN) && gives(f, -kInf, kNaN) && gives(f, kNaN, kNaN));
}

// The floats next to multiples of pi/2, where the reduction loses the most digits.
NABLA_TEST(sin_and_cos_near_their_zeros) {
  const double half_pi = 1.5707963267948966;
  double worst = 0;
  for (int n = 1; n < 700000; ++n) {
    const float near = static_cast<float>(n * half_pi);
    float lanes[kWidth];
    for (int lane = 0; lane < kWidth; ++lane) lanes[lane] = near;
    float s[kWidth], c[kWidth];
    sin(Vec<float>::load(lanes)).store(s);
    cos(Vec<float>::load(lanes)).store(c);
    worst = std::max(worst, ulp_error(s[0], std::sin(static_cast<double>(near))));
    worst = std::max(worst, ulp_error(c[0], std::cos(static_cast<double>(near))));
  }
  if (!CHECK(worst <= 2)) std::printf("    %.3f units\n", worst);
}

NABLA_TEST(erf_float) {
  const auto f = [](Vec<float> x) { return erf(x); };
  const auto exact = [](double x) { return std::erf(x); };
  check_range(2, f, exact);
  check_interval(2, -4, 4, f, exact);
  check_interval(2, -1.01f, 1.01f, f, exact);
  CHECK(gives(f, 0.0f, 0.0f) && gives(f, -0.0f, -0.0f) && gives(f, kInf, 1.0f) && gives(f, -kInf, -1.0f));
  CHECK(gives(f, kNaN, kNaN) && gives(f, 3e38f, 1.0f));
}

NABLA_TEST(normal_loss_float) {
  const auto f = [](Vec<float> x) { return normal_loss(abs(x)); };
  const auto exact = [](double x) { return 0.5 * std::fabs(x) * std::erfc(std::fabs(x) * std::sqrt(0.5)); };
  check_range(8, f, exact);
  check_interval(8, 0, 15, f, exact);
  check_interval(8, 0, 1, f, exact);
  CHECK(gives(f, 0.0f, 0.0f) && gives(f, kInf, 0.0f) && gives(f, kNaN, kNaN) && gives(f, 15.0f, 0.0f));
}

NABLA_TEST(normal_loss_slope_float) {
  const auto slope = [](double z) {
    return 0.5 * std::erfc(z * std::sqrt(0.5)) - z * std::exp(-0.5 * z * z) * 0.3989422804014327;
  };
  const auto terms = [](double z) {
    return 0.5 * std::erfc(z * std::sqrt(0.5)) + z * std::exp(-0.5 * z * z) * 0.3989422804014327;
  };
  double worst = 0;
  for (int i = 0; i < 1 << 18; ++i) {
    const float z = static_cast<float>(i) * (13.0f / (1 << 18));
    float lanes[kWidth];
    normal_loss_slope(Vec<float>::set(z)).store(lanes);
    worst = std::max(worst, std::fabs(lanes[0] - slope(z)) / terms(z) * 0x1p24);
  }
  if (!CHECK(worst <= 8)) std::printf("    %.3f roundings\n", worst);
  const auto f = [](Vec<float> x) { return normal_loss_slope(abs(x)); };
  CHECK(gives(f, 0.0f, 0.5f) && gives(f, kInf, -0.0f) && gives(f, kNaN, kNaN));
}

// The bits of the C library; sigmoid's three roundings add up to less than 3 units.
NABLA_TEST(double_precision) {
  constexpr double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const double numbers[] = {0.0, -0.0, 1, -1, 0.37, -12.5, 30, 700, -740, 710, -800, 1e-310, inf, -inf, nan};
  for (double x : numbers) {
    CHECK(gives([](Vec<double> v) { return exp(v); }, x, std::exp(x)));
    CHECK(gives([](Vec<double> v) { return log(v); }, x, std::log(x)));
    CHECK(gives([](Vec<double> v) { return tanh(v); }, x, std::tanh(x)));
    CHECK(gives([](Vec<double> v) { return expm1(v); }, x, std::expm1(x)));
    CHECK(gives([](Vec<double> v) { return log1p(v); }, x, std::log1p(x)));
    CHECK(gives([](Vec<double> v) { return sin(v); }, x, std::sin(x)));
    CHECK(gives([](Vec<double> v) { return cos(v); }, x, std::cos(x)));
    CHECK(gives([](Vec<double> v) { return erf(v); }, x, std::erf(x)));
    double lanes[Vec<double>::width];
    sigmoid(Vec<double>::set(x)).store(lanes);
    const double want = exact_sigmoid(x);
    CHECK_NEAR(lanes[0], want, 3 * 0x1p-52 * want + 0x1p-1074);
  }
}

}  // namespace
}  // namespace nabla::NABLA_ISA

NABLA_TEST_MAIN
