// softmax, logSoftmax, cross-entropy and their gradients against naive float64 formulas.
#include <algorithm>
#include <cmath>
#include <limits>

#include "cpu/simd/vec.h"
#include "op_call.h"

using namespace nabla_test;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNaN = std::numeric_limits<double>::quiet_NaN();

const Shape kShapes[] = {{0},         {1},        {0, 5},    {5, 0},     {3, 1},      {3, 2},
                         {2, 3},      {4, 15},    {4, 16},   {4, 17},    {3, 31},     {5, 33},
                         {2, 3, 100}, {1009, 10}, {7, 1009}, {2, 70001}, {1, 100000}, {64, 768}};

Array logits_of(DType dtype, const Shape& shape, double scale, uint64_t seed = 1) {
  return Array(dtype, shape, [&](int64_t i) { return (fraction(seed, static_cast<uint64_t>(i)) - 0.5) * 2 * scale; });
}

double unit_of(DType dtype) { return dtype == DType::float64 ? 0x1p-53 : 0x1p-24; }

// logSumExp of one row; long double, so that float64 results can be held to their own tolerance.
long double log_sum_exp(const Array& x, int64_t begin, int64_t n) {
  long double greatest = -kInf, sum = 0;
  for (int64_t j = 0; j < n; ++j) greatest = std::max(greatest, static_cast<long double>(x[begin + j]));
  for (int64_t j = 0; j < n; ++j) sum += std::exp(x[begin + j] - greatest);
  return greatest + std::log(sum);
}

// Additions that one term of a row's sum goes through: one lane takes every width-th element, then lanes are folded.
double additions(DType dtype, int64_t n) {
  const int64_t width = dtype == DType::float32 ? isa::Vec<float>::width : isa::Vec<double>::width;
  return static_cast<double>(n / width + 5);
}

// Relative error of a softmax: exp (2 units, and the rounding of x - max, at most 2 * scale, which exp turns into a
// relative error), the sum of positive terms, the quotient and the product.
double softmax_tolerance(DType dtype, int64_t n, double scale) {
  return unit_of(dtype) * (5 + 2 * scale + additions(dtype, n));
}

}  // namespace

NABLA_TEST(softmax_and_log_softmax) {
  for (DType dtype : {DType::float32, DType::float64}) {
    for (const Shape& shape : kShapes) {
      for (double scale : {1.0, 30.0}) {
        Array x = logits_of(dtype, shape, scale), y(dtype, shape), log_y(dtype, shape);
        run_op(isa::softmax, {x.view()}, {&y}, {});
        run_op(isa::logSoftmax, {x.view()}, {&log_y}, {});
        const int64_t n = shape.back();
        const double relative = softmax_tolerance(dtype, n, scale);
        for (int64_t r = 0; n > 0 && r < x.size() / n; ++r) {
          const long double lse = log_sum_exp(x, r * n, n);
          for (int64_t i = r * n; i < (r + 1) * n; ++i) {
            const double want_log = static_cast<double>(x[i] - lse), want = static_cast<double>(std::exp(x[i] - lse));
            CHECK_NEAR(y[i], want, relative * want);
            // The logarithm turns the sum's relative error into an absolute one; two roundings of differences.
            CHECK_NEAR(log_y[i], want_log, relative + 4 * unit_of(dtype) * std::fabs(want_log));
          }
        }
      }
    }
  }
}

NABLA_TEST(large_logits_do_not_overflow) {
  for (double shift : {1e4, -1e4, 3e38, -3e38}) {
    Array x(DType::float32, {2, 40}, [&](int64_t) { return shift; }), y(DType::float32, {2, 40}), log_y = y;
    run_op(isa::softmax, {x.view()}, {&y}, {});
    run_op(isa::logSoftmax, {x.view()}, {&log_y}, {});
    for (int64_t i = 0; i < 80; ++i) {
      CHECK_NEAR(y[i], 1.0 / 40, 1e-8);
      CHECK_NEAR(log_y[i], -std::log(40.0), 1e-6);
    }
  }
}

NABLA_TEST(infinite_logits_and_nan) {
  for (int64_t n : {1, 2, 3, 16, 17, 33, 100}) {
    for (int64_t place : {int64_t{0}, n / 2, n - 1}) {
      // Row 0: one -inf; row 1: all -inf; row 2: one NaN; row 3: one inf; row 4: ordinary.
      Array x(DType::float32, {5, n}, [&](int64_t i) {
        const int64_t row = i / n;
        if (row == 1) return -kInf;
        if (row == 4 || i % n != place) return 0.5;
        return row == 0 ? -kInf : row == 2 ? kNaN : kInf;
      });
      Array y(DType::float32, {5, n}), log_y(DType::float32, {5, n});
      run_op(isa::softmax, {x.view()}, {&y}, {});
      run_op(isa::logSoftmax, {x.view()}, {&log_y}, {});
      const double others = static_cast<double>(n - 1), all = static_cast<double>(n);
      for (int64_t i = 0; i < 5 * n; ++i) {
        const int64_t row = i / n;
        const bool masked = row == 0 && i % n == place;
        const double want = row == 4 ? 1 / all : row == 0 && n > 1 ? (masked ? 0 : 1 / others) : kNaN;
        CHECK_NEAR(y[i], want, 1e-6);
        CHECK_NEAR(log_y[i], std::log(want), 1e-6);
      }
    }
  }
}

NABLA_TEST(softmax_gradients) {
  for (DType dtype : {DType::float32, DType::float64}) {
    for (const Shape& shape : kShapes) {
      const int64_t n = shape.back();
      Array x = logits_of(dtype, shape, 3), dy = logits_of(dtype, shape, 1, 2), y(dtype, shape), log_y(dtype, shape);
      for (int64_t r = 0; n > 0 && r < x.size() / n; ++r) {
        const long double lse = log_sum_exp(x, r * n, n);
        for (int64_t i = r * n; i < (r + 1) * n; ++i) {
          y.set(i, static_cast<double>(std::exp(x[i] - lse)));
          log_y.set(i, static_cast<double>(x[i] - lse));
        }
      }
      Array dx(dtype, shape), dlog(dtype, shape);
      run_op(isa::softmaxGrad, {y.view(), dy.view()}, {&dx}, {});
      run_op(isa::logSoftmaxGrad, {log_y.view(), dy.view()}, {&dlog}, {});
      for (int64_t r = 0; n > 0 && r < x.size() / n; ++r) {
        double dot = 0, dot_size = 0, sum = 0, sum_size = 0;
        for (int64_t i = r * n; i < (r + 1) * n; ++i) {
          dot += y[i] * dy[i], dot_size += std::fabs(y[i] * dy[i]);
          sum += dy[i], sum_size += std::fabs(dy[i]);
        }
        // Sums of n terms; exp of |y| <= 20 within 20 units; products and differences.
        const double sum_error = unit_of(dtype) * (additions(dtype, n) + 2);
        for (int64_t i = r * n; i < (r + 1) * n; ++i) {
          const double p = std::exp(log_y[i]), local = unit_of(dtype) * 8;
          CHECK_NEAR(dx[i], y[i] * (dy[i] - dot), y[i] * (sum_error * dot_size + local));
          CHECK_NEAR(dlog[i], dy[i] - p * sum, p * (sum_error + unit_of(dtype) * 20) * sum_size + local);
        }
      }
    }
  }
}

namespace {

struct Entropy {
  std::vector<double> loss, log_sum, gradient;
};

// `target(r, j)` before smoothing.
template <typename Target>
Entropy reference(const Array& x, int64_t rows, int64_t n, double smoothing, const Array& dloss, Target&& target) {
  Entropy e;
  for (int64_t r = 0; r < rows; ++r) {
    const long double lse = log_sum_exp(x, r * n, n);
    long double loss = 0, total = 0;
    const auto t = [&](int64_t j) { return (1 - smoothing) * target(r, j) + smoothing / static_cast<double>(n); };
    for (int64_t j = 0; j < n; ++j) {
      total += t(j);
      if (t(j) != 0) loss += t(j) * (lse - x[r * n + j]);
    }
    e.loss.push_back(static_cast<double>(loss));
    e.log_sum.push_back(static_cast<double>(lse));
    for (int64_t j = 0; j < n; ++j) {
      e.gradient.push_back(static_cast<double>(dloss[r] * (std::exp(x[r * n + j] - lse) * total - t(j))));
    }
  }
  return e;
}

void check_entropy(DType dtype, Array& x, Array& labels, Array& dloss, double smoothing, double scale,
                   const Entropy& want) {
  const int64_t rows = x.shape()[0], n = x.shape()[1];
  Array loss(dtype, {rows}), log_sum(dtype, {rows}), dx(dtype, {rows, n});
  run_op(isa::softmaxCrossEntropy, {x.view(), labels.view()}, {&loss, &log_sum}, {smoothing});
  run_op(isa::softmaxCrossEntropyGrad, {x.view(), labels.view(), log_sum.view(), dloss.view()}, {&dx}, {smoothing});
  // Sums of terms of at most 2 * scale + log n; logSumExp is rounded at its own size.
  const double size = 2 * scale + std::log(static_cast<double>(n)) + 1;
  const double tolerance = unit_of(dtype) * (additions(dtype, n) + 15) * size;
  for (int64_t r = 0; r < rows; ++r) {
    const size_t row = static_cast<size_t>(r);
    CHECK_NEAR(loss[r], want.loss[row], tolerance);
    CHECK_NEAR(log_sum[r], want.log_sum[row], tolerance);
    for (int64_t j = 0; j < n; ++j) {
      CHECK_NEAR(dx[r * n + j], want.gradient[static_cast<size_t>(r * n + j)], tolerance * std::fabs(dloss[r]));
    }
  }
}

}  // namespace

NABLA_TEST(cross_entropy) {
  for (DType dtype : {DType::float32, DType::float64}) {
    for (const Shape& shape : kShapes) {
      if (shape.size() != 2 || shape[1] == 0) continue;
      const int64_t rows = shape[0], n = shape[1];
      const double scale = 4;
      Array x = logits_of(dtype, shape, scale), dloss = logits_of(dtype, {rows}, 1, 3);
      Array labels(DType::int32, {rows}, [&](int64_t i) {
        return std::floor(fraction(4, static_cast<uint64_t>(i)) * static_cast<double>(n));
      });
      // Not normalised, so that the sum of the targets matters.
      Array probabilities(dtype, shape, [&](int64_t i) {
        return i % 3 == 0 ? 0 : fraction(5, static_cast<uint64_t>(i)) / static_cast<double>(n);
      });
      for (double smoothing : {0.0, 0.1}) {
        check_entropy(dtype, x, labels, dloss, smoothing, scale,
                      reference(x, rows, n, smoothing, dloss,
                                [&](int64_t r, int64_t j) { return static_cast<double>(labels[r]) == j ? 1.0 : 0.0; }));
        check_entropy(
            dtype, x, probabilities, dloss, smoothing, scale,
            reference(x, rows, n, smoothing, dloss, [&](int64_t r, int64_t j) { return probabilities[r * n + j]; }));
      }
    }
  }
}

// A class that is masked by -inf and has no probability costs nothing and gets no gradient.
NABLA_TEST(cross_entropy_of_masked_classes) {
  Array x(DType::float32, {1, 21}, [](int64_t j) { return j == 20 ? -kInf : 0.25; });
  Array labels(DType::int32, {1}, [](int64_t) { return 3; });
  Array probabilities(DType::float32, {1, 21}, [](int64_t j) { return j == 3; });
  Array dloss(DType::float32, {1}, [](int64_t) { return 1; });
  for (Array* target : {&labels, &probabilities}) {
    Array loss(DType::float32, {1}), log_sum(DType::float32, {1}), dx(DType::float32, {1, 21});
    run_op(isa::softmaxCrossEntropy, {x.view(), target->view()}, {&loss, &log_sum}, {0});
    run_op(isa::softmaxCrossEntropyGrad, {x.view(), target->view(), log_sum.view(), dloss.view()}, {&dx}, {0});
    CHECK_NEAR(loss[0], std::log(20.0), 1e-6);
    CHECK_NEAR(dx[3], 1.0 / 20 - 1, 1e-6);
    CHECK_NEAR(dx[0], 1.0 / 20, 1e-6);
    CHECK_NEAR(dx[20], 0, 0);
  }
}

NABLA_TEST(labels_outside_are_errors) {
  for (int bad : {-1, 10, 2147483647}) {
    Array x = logits_of(DType::float32, {4, 10}, 1);
    Array labels(DType::int32, {4}, [&](int64_t i) { return i == 2 ? bad : 9; });
    Array loss(DType::float32, {4}), log_sum(DType::float32, {4});
    CHECK(error_of(isa::softmaxCrossEntropy, {x.view(), labels.view()}, {&loss, &log_sum}, {0},
                   nabla::ErrorKind::index) == "label " + std::to_string(bad) + " at position 2 is outside [0, 10)");
  }
}

NABLA_TEST_MAIN
