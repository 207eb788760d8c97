// The random kernels and dropout: known words, the exact mapping of words to elements, moments and distribution.
#include <algorithm>
#include <cmath>
#include <utility>

#include "core/philox.h"
#include "op_call.h"

using namespace nabla_test;

namespace {

const int64_t kSizes[] = {0, 1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 100, 255, 256, 257, 1009, 16384, 70001};

float uniform_at(uint64_t seed, uint64_t counter, int64_t i) {
  const uint64_t block = counter + static_cast<uint64_t>(i) / 4;
  return nabla::philox_uniform(nabla::philox(seed, block).word[i % 4]);
}

Array make(nabla::Kernel kernel, DType dtype, int64_t n, const std::vector<double>& attr) {
  Array out(dtype, {n});
  run_op(kernel, {}, {&out}, attr);
  return out;
}

// Moments of n elements, with tolerances of five standard errors: a false alarm is one in a million.
void check_moments(const Array& x, double mean, double variance, double kurtosis) {
  const double n = static_cast<double>(x.size());
  double sum = 0, square = 0, cube = 0;
  for (int64_t i = 0; i < x.size(); ++i) {
    const double d = x[i] - mean;
    sum += d, square += d * d, cube += d * d * d;
  }
  CHECK_NEAR(sum / n, 0, 5 * std::sqrt(variance / n));
  CHECK_NEAR(square / n, variance, 5 * variance * std::sqrt((kurtosis - 1) / n));
  // The variance of the cube is below 15 variance^3 for all of these distributions.
  CHECK_NEAR(cube / n, 0, 5 * std::sqrt(15 * variance * variance * variance / n));
}

// Kolmogorov's distance between the sample and a distribution function; 2.2 / sqrt(n) is passed once in 8,000 times.
template <typename Distribution>
void check_distribution(const Array& x, Distribution&& distribution) {
  std::vector<double> sorted;
  for (int64_t i = 0; i < x.size(); ++i) sorted.push_back(x[i]);
  std::sort(sorted.begin(), sorted.end());
  const double n = static_cast<double>(sorted.size());
  double distance = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const double p = distribution(sorted[i]), rank = static_cast<double>(i);
    distance = std::max({distance, p - rank / n, (rank + 1) / n - p});
  }
  CHECK_NEAR(distance, 0, 2.2 / std::sqrt(n));
}

// Neighbours, and elements four apart (the same word of neighbouring blocks), are not correlated.
void check_independence(const Array& x, double mean, double variance) {
  for (int64_t lag : {1, 2, 3, 4, 5}) {
    double sum = 0;
    for (int64_t i = lag; i < x.size(); ++i) sum += (x[i] - mean) * (x[i - lag] - mean);
    const double n = static_cast<double>(x.size() - lag);
    CHECK_NEAR(sum / n, 0, 5 * variance / std::sqrt(n));
  }
}

double normal_distribution(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

}  // namespace

// The known answer that Random123 publishes for Philox4x32-10 with counter 0 and key 0.
NABLA_TEST(philox_known_answer) {
  const nabla::PhiloxBlock block = nabla::philox(0, 0);
  const uint32_t want[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
  for (int w = 0; w < 4; ++w) CHECK(block.word[w] == want[w]);
  Array u = make(isa::randomUniform, DType::float32, 4, {0, 0, 0, 1});
  for (int64_t w = 0; w < 4; ++w) CHECK_NEAR(u[w], static_cast<double>(want[w] >> 8) * 0x1p-24, 0);
}

NABLA_TEST(uniform_takes_the_words_in_order) {
  const uint64_t kLargest = (uint64_t{1} << 53) - 1;
  // Counters around 2^32, so that the carry into the second counter word is seen.
  for (uint64_t seed : {uint64_t{0}, uint64_t{42}, uint64_t{0x123456789abcd}, kLargest}) {
    for (uint64_t counter : {uint64_t{0}, uint64_t{7}, (uint64_t{1} << 32) - 3, kLargest - 100000}) {
      for (DType dtype : {DType::float32, DType::float64}) {
        for (int64_t n : kSizes) {
          Array u = make(isa::randomUniform, dtype, n, {static_cast<double>(seed), static_cast<double>(counter), 0, 1});
          CHECK(u.size() == n);
          for (int64_t i = 0; i < n; ++i) CHECK_NEAR(u[i], static_cast<double>(uniform_at(seed, counter, i)), 0);
        }
      }
    }
  }
}

NABLA_TEST(uniform_stays_below_high) {
  // Between 1 and 1 + 2^-22 there are four float32 numbers: rounding would often give high.
  for (const auto& [low, high] : {std::pair<double, double>{1, 1 + 0x1p-22}, {-3, 7}, {-1e-3, 1e-3}, {2, 2}}) {
    for (DType dtype : {DType::float32, DType::float64}) {
      Array u = make(isa::randomUniform, dtype, 70001, {3, 5, low, high});
      const double bound_low = dtype == DType::float32 ? static_cast<double>(static_cast<float>(low)) : low;
      const double bound_high = dtype == DType::float32 ? static_cast<double>(static_cast<float>(high)) : high;
      int64_t outside = 0;
      for (int64_t i = 0; i < u.size(); ++i) outside += !(u[i] >= bound_low && (u[i] < bound_high || low == high));
      CHECK(outside == 0);
    }
  }
}

NABLA_TEST(uniform_distribution) {
  Array u = make(isa::randomUniform, DType::float32, 1000000, {11, 0, -2, 4});
  check_moments(u, 1, 3, 1.8);
  check_distribution(u, [](double x) { return (x + 2) / 6; });
  check_independence(u, 1, 3);
}

NABLA_TEST(normal_is_box_and_muller) {
  for (int64_t n : kSizes) {
    Array z = make(isa::randomNormal, DType::float32, n, {9, 17, 0, 1});
    CHECK(z.size() == n);
    for (int64_t i = 0; i < n; ++i) {
      const double u0 = static_cast<double>(uniform_at(9, 17, i / 2 * 2));
      const double u1 = static_cast<double>(uniform_at(9, 17, i / 2 * 2 + 1));
      const double radius = std::sqrt(-2 * std::log(1 - u0)), angle = 2 * M_PI * u1;
      // Sine and cosine within 2e-7; the radius, below 5.8, within 4 units.
      CHECK_NEAR(z[i], radius * (i % 2 ? std::sin(angle) : std::cos(angle)), radius * 5e-7 + 1e-7);
    }
  }
}

NABLA_TEST(normal_distribution_of_a_million) {
  Array z = make(isa::randomNormal, DType::float32, 1000000, {5, 100, 1.5, 2});
  check_moments(z, 1.5, 4, 3);
  check_distribution(z, [](double x) { return normal_distribution((x - 1.5) / 2); });
  check_independence(z, 1.5, 4);
  // float64 holds the same deviates.
  Array wide = make(isa::randomNormal, DType::float64, 1009, {5, 100, 0, 1});
  Array narrow = make(isa::randomNormal, DType::float32, 1009, {5, 100, 0, 1});
  for (int64_t i = 0; i < 1009; ++i) CHECK_NEAR(wide[i], narrow[i], 0);
}

NABLA_TEST(truncated_normal) {
  const double tail = normal_distribution(-2), inside = 1 - 2 * tail;
  const double density = std::exp(-2.0) / std::sqrt(2 * M_PI);
  Array z = make(isa::randomTruncatedNormal, DType::float32, 1000000, {21, 3, 0, 1});
  const double variance = 1 - 4 * density / inside;
  // The fourth moment by parts: (3 (inside - 4 density) - 16 density) / inside.
  const double fourth = (3 * (inside - 4 * density) - 16 * density) / inside;
  check_moments(z, 0, variance, fourth / (variance * variance));
  check_distribution(z, [&](double x) { return (normal_distribution(x) - tail) / inside; });
  check_independence(z, 0, variance);
  int64_t outside = 0;
  for (int64_t i = 0; i < z.size(); ++i) outside += !(std::fabs(z[i]) <= 2);
  CHECK(outside == 0);
  // Element by element the inverse of the distribution function.
  for (int64_t n : kSizes) {
    Array sample = make(isa::randomTruncatedNormal, DType::float32, n, {21, 3, 10, 0.5});
    for (int64_t i = 0; i < n; ++i) {
      const double u = static_cast<double>(uniform_at(21, 3, i)) + 0x1p-25;
      // An error of z of 1e-6 is one of at most 4e-7 here; x = mean + deviation * z rounds at 10, 5e-7.
      CHECK_NEAR(normal_distribution((sample[i] - 10) / 0.5), tail + u * inside, 2e-6);
    }
  }
}

NABLA_TEST(dropout_keeps_by_the_uniform_numbers) {
  for (DType dtype : {DType::float32, DType::float64}) {
    // The last rate is the first element's number, which is kept.
    for (double rate : {0.0, 0.1, 0.5, 0.9, 1 - 0x1p-24, static_cast<double>(uniform_at(33, 8, 0))}) {
      for (int64_t n : kSizes) {
        Array x(dtype, {n}, [](int64_t i) { return static_cast<double>(i % 100) - 30; }), out(dtype, {n});
        run_op(isa::dropout, {x.view()}, {&out}, {33, 8, rate});
        CHECK(out.size() == n);
        const double scale = 1 / (1 - rate);
        for (int64_t i = 0; i < n; ++i) {
          const bool keep = static_cast<double>(uniform_at(33, 8, i)) >= rate;
          // Two roundings: of the scale and of the product.
          CHECK_NEAR(out[i], keep ? x[i] * scale : 0, std::fabs(x[i] * scale) * 0x1p-23);
        }
      }
    }
  }
}

NABLA_TEST(dropout_drops_nan_too) {
  Array x(DType::float32, {1000}, [](int64_t) { return NAN; }), out(DType::float32, {1000});
  run_op(isa::dropout, {x.view()}, {&out}, {1, 0, 0.5});
  int64_t zeros = 0;
  for (int64_t i = 0; i < 1000; ++i) zeros += out[i] == 0;
  CHECK(zeros > 400 && zeros < 600);
}

NABLA_TEST(errors) {
  Array out(DType::float32, {3}), integers(DType::int32, {3}), x(DType::float32, {3}, [](int64_t i) { return i; });
  const char* seeds = "seed and counter must be integers below 2^53";
  CHECK(error_of(isa::randomUniform, {}, {&out}, {-1, 0, 0, 1}, nabla::ErrorKind::native) == seeds);
  CHECK(error_of(isa::randomNormal, {}, {&out}, {0, 1e300, 0, 1}, nabla::ErrorKind::native) == seeds);
  CHECK(error_of(isa::randomNormal, {}, {&integers}, {0, 0, 0, 1}, nabla::ErrorKind::native) ==
        "the output must be float32 or float64");
  CHECK(error_of(isa::dropout, {x.view()}, {&out}, {0, 0, 1}, nabla::ErrorKind::native) ==
        "the rate must be in [0, 1)");
}

NABLA_TEST_MAIN
