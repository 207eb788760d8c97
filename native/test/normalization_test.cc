// layerNorm, rmsNorm, groupNorm, batchNorm and their gradients against the formulas in long double, on shapes that are
// cut into several tasks; run_op checks that the number of threads changes no bit.
#include <cmath>
#include <limits>

#include "op_call.h"

using namespace nabla_test;

namespace {

constexpr double kEpsilon = 1e-3;

double unit_of(DType dtype) { return dtype == DType::float64 ? 0x1p-53 : 0x1p-24; }

// Elements of one shape, in sets: set_of(i) are normalised together, gamma and beta have an element for channel_of(i).
template <typename SetOf, typename ChannelOf>
struct Normalization {
  int64_t sets, channels;
  bool centered;
  SetOf set_of;
  ChannelOf channel_of;

  struct Result {
    std::vector<double> y, mean, reciprocal, dx, dgamma, dbeta;
  };
  Result operator()(const Array& x, const Array& dy, const Array& gamma, const Array& beta) const {
    using Numbers = std::vector<long double>;
    const size_t n = static_cast<size_t>(sets);
    const auto at = [](Numbers& numbers, int64_t i) -> long double& { return numbers[static_cast<size_t>(i)]; };
    Numbers count(n), mean(n), squares(n), w(n), wz(n), dgamma(static_cast<size_t>(channels)), dbeta(dgamma);
    for (int64_t i = 0; i < x.size(); ++i) at(count, set_of(i)) += 1, at(mean, set_of(i)) += centered ? x[i] : 0;
    for (int64_t s = 0; s < sets; ++s) at(mean, s) /= at(count, s);
    for (int64_t i = 0; i < x.size(); ++i) at(squares, set_of(i)) += std::pow(x[i] - at(mean, set_of(i)), 2.0L);
    Result result;
    const auto r = [&](int64_t s) { return 1 / std::sqrt(at(squares, s) / at(count, s) + kEpsilon); };
    const auto z = [&](int64_t i) { return (x[i] - at(mean, set_of(i))) * r(set_of(i)); };
    for (int64_t s = 0; s < sets; ++s) {
      result.mean.push_back(static_cast<double>(at(mean, s)));
      result.reciprocal.push_back(static_cast<double>(r(s)));
    }
    for (int64_t i = 0; i < x.size(); ++i) {
      const int64_t c = channel_of(i);
      result.y.push_back(static_cast<double>(z(i) * gamma[c] + beta[c]));
      at(w, set_of(i)) += dy[i] * gamma[c];
      at(wz, set_of(i)) += dy[i] * gamma[c] * z(i);
      at(dgamma, c) += dy[i] * z(i);
      at(dbeta, c) += dy[i];
    }
    for (int64_t i = 0; i < x.size(); ++i) {
      const int64_t s = set_of(i);
      const long double rest = (centered ? at(w, s) : 0) + z(i) * at(wz, s);
      result.dx.push_back(static_cast<double>(r(s) * (dy[i] * gamma[channel_of(i)] - rest / at(count, s))));
    }
    result.dgamma.assign(dgamma.begin(), dgamma.end());
    result.dbeta.assign(dbeta.begin(), dbeta.end());
    return result;
  }
};
template <typename SetOf, typename ChannelOf>
Normalization(int64_t, int64_t, bool, SetOf, ChannelOf) -> Normalization<SetOf, ChannelOf>;

void check(const Array& got, const std::vector<double>& want, double tolerance) {
  CHECK(got.size() == static_cast<int64_t>(want.size()));
  for (int64_t i = 0; i < got.size(); ++i) CHECK_NEAR(got[i], want[static_cast<size_t>(i)], tolerance);
}

// Values of size 1 and deviations of about 0.6: some dozen roundings each, and the roundings of sums of n terms.
double tolerance_of(DType dtype, int64_t n) { return unit_of(dtype) * (60 + 2 * std::sqrt(static_cast<double>(n))); }

const Shape kShapes[] = {{1, 7}, {5, 16}, {3, 1009}, {2, 70001}, {4099, 3}, {1031, 130}, {700, 17}};

}  // namespace

NABLA_TEST(rows) {
  for (DType dtype : {DType::float32, DType::float64}) {
    for (const Shape& shape : kShapes) {
      const int64_t rows = shape[0], n = shape[1];
      Array x = random_array(dtype, shape, 1), dy = random_array(dtype, shape, 2);
      Array gamma = random_array(dtype, {n}, 3), beta = random_array(dtype, {n}, 4);
      Array nothing(dtype, {n}, [](int64_t) { return 0; });
      const auto set = [&](int64_t i) { return i / n; };
      const auto channel = [&](int64_t i) { return i % n; };
      const auto layer = Normalization{rows, n, true, set, channel}(x, dy, gamma, beta);
      const auto rms = Normalization{rows, n, false, set, channel}(x, dy, gamma, nothing);
      const std::vector<double> attr = {kEpsilon, static_cast<double>(n), 1};
      Array y(dtype, shape), mean(dtype, {rows}), reciprocal(dtype, {rows});
      Array dx(dtype, shape), dgamma(dtype, {n}), dbeta(dtype, {n});
      const double by_row = tolerance_of(dtype, n) * 4, by_channel = tolerance_of(dtype, rows) * 8 * std::sqrt(rows);

      run_op(isa::layerNorm, {x.view(), gamma.view(), beta.view()}, {&y, &mean, &reciprocal}, attr);
      check(y, layer.y, by_row);
      check(mean, layer.mean, by_row);
      run_op(isa::layerNormGrad, {x.view(), dy.view(), mean.view(), reciprocal.view(), gamma.view()},
             {&dx, &dgamma, &dbeta}, attr);
      // Rows of three columns may have deviations near 0.03, the root of epsilon, and divide by them twice.
      check(dx, layer.dx, by_row * (n < 7 ? 400 : 10));
      check(dgamma, layer.dgamma, by_channel);
      check(dbeta, layer.dbeta, by_channel);

      run_op(isa::rmsNorm, {x.view(), gamma.view()}, {&y, &reciprocal}, attr);
      check(y, rms.y, by_row);
      run_op(isa::rmsNormGrad, {x.view(), dy.view(), reciprocal.view(), gamma.view()}, {&dx, &dgamma}, attr);
      check(dx, rms.dx, by_row * (n < 7 ? 400 : 10));
      check(dgamma, rms.dgamma, by_channel);
    }
  }
}

NABLA_TEST(groups) {
  struct Case {
    Shape shape;
    int64_t groups;
  };
  const Case cases[] = {{{2, 6}, 3},         {{3, 5, 4}, 1},   {{2, 37, 37, 12}, 4}, {{2, 4001, 3}, 3},
                        {{2, 130, 260}, 13}, {{3, 67, 27}, 3}, {{2, 700, 16}, 2},    {{2, 900, 40}, 2},
                        {{1, 3, 2100}, 1},   {{2, 1, 9000}, 2}};
  for (DType dtype : {DType::float32, DType::float64}) {
    for (const auto& [shape, groups] : cases) {
      const int64_t channels = shape.back(), sample = product(shape) / shape[0], size = channels / groups;
      const int64_t in_set = sample / groups;
      Array x = random_array(dtype, shape, 1), dy = random_array(dtype, shape, 2);
      Array gamma = random_array(dtype, {channels}, 3), beta = random_array(dtype, {channels}, 4);
      const Normalization reference{shape[0] * groups, channels, true,
                                    [&, of = groups](int64_t i) { return i / sample * of + i % channels / size; },
                                    [&](int64_t i) { return i % channels; }};
      const auto want = reference(x, dy, gamma, beta);
      const std::vector<double> attr = {kEpsilon, static_cast<double>(groups), 1};
      Array y(dtype, shape), mean(dtype, {shape[0], groups}), reciprocal(dtype, {shape[0], groups});
      Array dx(dtype, shape), dgamma(dtype, {channels}), dbeta(dtype, {channels});
      run_op(isa::groupNorm, {x.view(), gamma.view(), beta.view()}, {&y, &mean, &reciprocal}, attr);
      run_op(isa::groupNormGrad, {x.view(), dy.view(), mean.view(), reciprocal.view(), gamma.view()},
             {&dx, &dgamma, &dbeta}, attr);
      // Sets of two elements may have deviations near 0.03, the root of epsilon.
      const double tolerance = tolerance_of(dtype, in_set) * (in_set < 7 ? 400 : 10);
      const double rows = static_cast<double>(product(shape) / channels);
      check(y, want.y, tolerance);
      check(mean, want.mean, tolerance);
      check(dx, want.dx, tolerance);
      check(dgamma, want.dgamma, tolerance * std::sqrt(rows));
      check(dbeta, want.dbeta, tolerance * std::sqrt(rows));
    }
  }
}

NABLA_TEST(channels) {
  for (DType dtype : {DType::float32, DType::float64}) {
    for (const Shape& shape : kShapes) {
      const int64_t n = shape[1];
      Array x = random_array(dtype, shape, 1), dy = random_array(dtype, shape, 2);
      Array mean = random_array(dtype, {n}, 3), scale = random_array(dtype, {n}, 4), beta = random_array(dtype, {n}, 5);
      Array y(dtype, shape), dx(dtype, shape), sum(dtype, {n}), products(dtype, {n});
      run_op(isa::batchNorm, {x.view(), mean.view(), scale.view(), beta.view()}, {&y}, {});
      run_op(isa::batchNormGrad, {x.view(), dy.view(), mean.view(), scale.view()}, {&dx, &sum, &products}, {});
      std::vector<double> want_y, want_dx, want_sum(static_cast<size_t>(n)), want_products(want_sum);
      for (int64_t i = 0; i < x.size(); ++i) {
        const int64_t c = i % n;
        want_y.push_back((x[i] - mean[c]) * scale[c] + beta[c]);
        want_dx.push_back(dy[i] * scale[c]);
        want_sum[static_cast<size_t>(c)] += dy[i];
        want_products[static_cast<size_t>(c)] += dy[i] * (x[i] - mean[c]);
      }
      check(y, want_y, 8 * unit_of(dtype));
      check(dx, want_dx, 2 * unit_of(dtype));
      // The float64 reference is a plain sum itself.
      const double tolerance = tolerance_of(dtype, shape[0]) * std::sqrt(static_cast<double>(shape[0]));
      check(sum, want_sum, tolerance);
      check(products, want_products, tolerance);
    }
  }
}

NABLA_TEST_MAIN
