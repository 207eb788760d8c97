// The error bounds that cuda/math.h, trig.h, erf.h and pow.h state, over the whole range of float and at special
// values.
#include "cuda/math.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "cuda/erf.h"
#include "cuda/pow.h"
#include "cuda/trig.h"
#include "test_main.h"

namespace {

namespace math = nabla::cuda::math;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// |got - exact| in units of the last place of a float near `exact`; an infinity given too early counts as 2^128.
double ulp_error(float got, double exact) {
  if (std::isnan(exact) || std::isnan(got)) return std::isnan(exact) && std::isnan(got) ? 0 : HUGE_VAL;
  if (std::isinf(exact)) return static_cast<double>(got) == exact ? 0 : HUGE_VAL;
  if (std::isinf(got) && static_cast<float>(exact) == got) return 0;
  const double finite = std::isinf(got) ? std::copysign(0x1p128, got) : got;
  const int exponent = exact == 0 ? -126 : std::max(-126, std::min(127, std::ilogb(exact)));
  return std::fabs(finite - exact) / std::ldexp(1, exponent - 23);
}

// Every 4093rd float, over a million of them, of both signs, with all denormals' range, inf and NaN; then as many of an
// interval, where most results are neither 0, 1 nor infinite.
template <typename F, typename G>
void check_bound(double bound, float low, float high, F f, G exact) {
  double worst = 0;
  float worst_at = 0;
  int64_t points = 0;
  const auto check = [&](float x) {
    const double error = ulp_error(f(x), exact(static_cast<double>(x)));
    ++points;
    if (error > worst) worst = error, worst_at = x;
  };
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 4093) check(math::float_of(static_cast<uint32_t>(bits)));
  for (int i = 0; i <= 1 << 20; ++i) check(low + (high - low) * (static_cast<float>(i) / (1 << 20)));
  CHECK(points >= 2000000);
  if (!CHECK(worst <= bound)) std::printf("    %.3f units at %a\n", worst, static_cast<double>(worst_at));
}

template <typename T>
bool same(T got, T want) {
  return std::isnan(want) ? std::isnan(got) : got == want && std::signbit(got) == std::signbit(want);
}

NABLA_TEST(exponentials) {
  const auto exp = [](float x) { return math::exp(x); };
  check_bound(1, -104, 89, exp, [](double x) { return std::exp(x); });
  CHECK(same(exp(-kInf), 0.0f) && same(exp(kInf), kInf) && same(exp(-103.0f), 0x1p-149f) && same(exp(88.8f), kInf));
  const auto expm1 = [](float x) { return math::expm1(x); };
  check_bound(2, -20, 89, expm1, [](double x) { return std::expm1(x); });
  CHECK(same(expm1(-0.0f), -0.0f) && same(expm1(-kInf), -1.0f) && same(expm1(-0x1p-149f), -0x1p-149f));
  check_bound(
      3, -10, 10, [](float x) { return math::tanh(x); }, [](double x) { return std::tanh(x); });
  CHECK(same(math::tanh(-0.0f), -0.0f) && same(math::tanh(-kInf), -1.0f));
  check_bound(
      3, -104, 20, [](float x) { return math::sigmoid(x); },
      [](double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); });
}

NABLA_TEST(logarithms) {
  const auto log = [](float x) { return math::log(x); };
  check_bound(1, 0.5f, 2, log, [](double x) { return std::log(x); });
  CHECK(same(log(0.0f), -kInf) && same(log(-0.0f), -kInf) && same(log(kInf), kInf) && same(log(-1.0f), kNaN));
  const auto log1p = [](float x) { return math::log1p(x); };
  check_bound(2, -1, 1, log1p, [](double x) { return std::log1p(x); });
  CHECK(same(log1p(-0.0f), -0.0f) && same(log1p(-1.0f), -kInf) && same(log1p(kInf), kInf) && same(log1p(-2.0f), kNaN));
}

NABLA_TEST(normal_distribution) {
  check_bound(
      2, -4, 4, [](float x) { return math::erf(x); }, [](double x) { return std::erf(x); });
  CHECK(same(math::erf(-0.0f), -0.0f) && same(math::erf(-kInf), -1.0f) && same(math::erf(kNaN), kNaN));
  check_bound(
      8, 0, 15, [](float x) { return math::normal_loss(std::fabs(x)); },
      [](double x) { return 0.5 * std::min(std::fabs(x), 100.0) * std::erfc(std::fabs(x) * std::sqrt(0.5)); });
  CHECK(same(math::gelu(-0.0f), -0.0f) && same(math::gelu(0.0f), 0.0f) && same(math::gelu(kInf), kInf));
}

NABLA_TEST(sines) {
  const auto sin = [](float x) { return math::sin(x); };
  const auto cos = [](float x) { return math::cos(x); };
  const auto exact_sin = [](double x) { return std::sin(x); };
  const auto exact_cos = [](double x) { return std::cos(x); };
  check_bound(2, -10, 10, sin, exact_sin);
  check_bound(2, -10, 10, cos, exact_cos);
  check_bound(2, 0.99f * math::kLargestReducedFloat, 1.01f * math::kLargestReducedFloat, sin, exact_sin);
  CHECK(same(sin(-0.0f), -0.0f) && same(sin(kInf), kNaN) && same(cos(-kInf), kNaN) && same(cos(kNaN), kNaN));
  // The floats next to multiples of pi/2, where the reduction loses the most digits.
  double worst = 0;
  for (int n = 1; n < 700000; ++n) {
    const float near = static_cast<float>(n * 1.5707963267948966);
    worst = std::max(worst, ulp_error(sin(near), std::sin(static_cast<double>(near))));
    worst = std::max(worst, ulp_error(cos(near), std::cos(static_cast<double>(near))));
  }
  if (!CHECK(worst <= 2)) std::printf("    %.3f units\n", worst);
}

// Against the C library, whose results are off by less than 1 unit.
NABLA_TEST(sines_of_doubles) {
  double worst = 0, worst_at = 0;
  const auto check = [&](double x) {
    const double want[] = {std::sin(x), std::cos(x)}, got[] = {math::sin(x), math::cos(x)};
    for (int i = 0; i < 2; ++i) {
      const double error = std::fabs(got[i] - want[i]) / std::ldexp(1, std::max(-1022, std::ilogb(want[i])) - 52);
      if (!(error <= worst)) worst = error, worst_at = x;
    }
  };
  int64_t points = 0;
  for (int exponent = -60; exponent < 1024; ++exponent) {
    for (int i = 0; i < 300; ++i, ++points) {
      check(std::ldexp(1 + std::fmod(0.6180339887498949 * i, 1), exponent) * (i % 2 ? 1 : -1));
    }
  }
  // Near multiples of pi/2; the ends of what each reduction takes.
  for (int n = 1; n < 300000; n += 7) check(n * 1.5707963267948966);
  for (double x : {0x1p31, std::nextafter(0x1p31, 0), std::nextafter(0x1p31, 1e10), -0x1p31, 0x1.fffffffffffffp1023,
                   -0x1.fffffffffffffp1023, 0x1p-1074, 0.7853981633974483}) {
    check(x);
  }
  CHECK(points > 300000);
  if (!CHECK(worst <= 1)) std::printf("    %.3f units at %a\n", worst, worst_at);
  // The double nearest to a multiple of pi/2, where glibc 2.36 is 8 units off; by 1200 bits.
  CHECK(math::cos(0x1.6ac5b262ca1ffp849) == -0x1.14ae72e6ba22fp-61);
  constexpr double inf = std::numeric_limits<double>::infinity();
  CHECK(same(math::sin(-0.0), -0.0) && same(math::cos(0.0), 1.0) && std::isnan(math::sin(inf)) &&
        std::isnan(math::cos(-inf)) && std::isnan(math::sin(std::nan(""))));
}

NABLA_TEST(powers) {
  const float specials[] = {0.0f,       -0.0f,       1.0f,       -1.0f,       kInf,       -kInf, kNaN,
                            0x1p-149f,  -0x1p-126f,  3.4e38f,    -3.4e38f,    2.0f,       -2.0f, 3.0f,
                            -3.0f,      0.5f,        -0.5f,      1.5f,        -1.5f,      1e10f, 16777216.0f,
                            8388609.0f, -8388607.0f, 4194303.5f, 0.99999994f, 1.00000012f};
  for (float x : specials) {
    for (float y : specials) {
      const double want = std::pow(static_cast<double>(x), static_cast<double>(y));
      const float got = math::pow(x, y), rounded = static_cast<float>(want);
      const bool exact = rounded == 0 || std::isinf(rounded) || std::isnan(rounded);
      if (!CHECK(exact ? same(got, rounded) : ulp_error(got, want) <= 1)) std::printf("    pow(%g, %g)\n", x, y);
    }
  }
  double worst = 0, worst_x = 0, worst_y = 0;
  int64_t points = 0;
  for (uint32_t bits = 1; bits < 0x7f800000; bits += 1021, ++points) {
    // Results over the whole range of float, from bases of all sizes and, every other time, near 1.
    const float x = points % 2 ? math::float_of(bits) : 0.5f + static_cast<float>(bits) * 0x1p-31f;
    const double exponent = std::fmod(0.7548776662466927 * static_cast<double>(points), 1) * 180 - 90;
    const float y = static_cast<float>(exponent / std::log(static_cast<double>(x)));
    const double error = ulp_error(math::pow(x, y), std::pow(static_cast<double>(x), static_cast<double>(y)));
    if (error > worst) worst = error, worst_x = x, worst_y = y;
  }
  CHECK(points > 2000000);
  if (!CHECK(worst <= 1)) std::printf("    %.3f units at %a, %a\n", worst, worst_x, worst_y);
}

}  // namespace

NABLA_TEST_MAIN
