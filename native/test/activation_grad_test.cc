// activationGrad against float64 loops.
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "core/activation.h"
#include "cpu/isa_namespace.h"
#include "op_call.h"

namespace nabla::NABLA_ISA {

namespace {

using nabla_test::Array;
using nabla_test::random_array;
using nabla_test::run_op;
using nabla_test::Shape;

double derivative(Activation activation, double y) {
  switch (activation) {
    case Activation::none: return 1;
    case Activation::relu: return y > 0 ? 1 : 0;
    case Activation::sigmoid: return y * (1 - y);
    case Activation::tanh: return 1 - y * y;
    case Activation::gelu: break;  // not a function of y
  }
  return 0;
}

void check_case(DType dtype, int64_t rows, int64_t columns, Activation activation) {
  if (!nabla_test::in_sample(7)) return;
  const double eps = dtype == DType::float32 ? 0x1p-23 : 0x1p-52;
  const std::vector<double> attr = {static_cast<double>(activation)};
  const Shape shape = {rows, columns};
  Array dy = random_array(dtype, shape, 1), y = random_array(dtype, shape, 2);
  Array dz(dtype, shape), alone(dtype, shape), sums(dtype, {columns});
  for (int64_t i = 0; i < y.size(); ++i) {
    if (activation == Activation::relu && y[i] < 0) y.set(i, 0);
    if (activation == Activation::sigmoid) y.set(i, std::fabs(y[i]));
  }
  run_op(activationGrad, {dy.view(), y.view()}, {&dz, &sums}, attr);
  run_op(activationGrad, {dy.view(), y.view()}, {&alone}, attr);
  CHECK(alone.same_bits(dz));

  bool close = true;
  std::vector<double> want(static_cast<size_t>(columns)), magnitude(static_cast<size_t>(columns));
  for (int64_t i = 0; i < dz.size(); ++i) {
    const auto column = static_cast<size_t>(i % columns);
    const double v = dy[i] * derivative(activation, y[i]);
    // none and relu are exact. The others round three times, relative to terms of at most |dy| (1 - y*y cancels).
    close = close && std::fabs(dz[i] - v) <= (activation > Activation::relu ? 3 * eps * std::fabs(dy[i]) : 0);
    want[column] += dz[i];
    magnitude[column] += std::fabs(dz[i]);
  }
  CHECK(close);
  // One rounding for each row.
  close = true;
  for (size_t j = 0; j < want.size(); ++j) {
    const double error = std::fabs(sums[static_cast<int64_t>(j)] - want[j]);
    close = close && error <= static_cast<double>(rows) * eps * magnitude[j];
  }
  if (!CHECK(close)) {
    std::printf("  rows %lld columns %lld activation %d\n", static_cast<long long>(rows),
                static_cast<long long>(columns), static_cast<int>(activation));
  }
}

NABLA_TEST(shapes) {
  for (Activation activation : {Activation::none, Activation::relu, Activation::sigmoid, Activation::tanh}) {
    for (int64_t columns : {1, 3, 10, 16, 31, 32, 64, 127, 128, 131, 1000}) {
      for (int64_t rows : {0, 1, 2, 7, 127, 128, 131, 1300}) {
        check_case(DType::float32, rows, columns, activation);
        check_case(DType::float64, rows, columns, activation);
      }
    }
    check_case(DType::float32, 70001, 3, activation);
    check_case(DType::float64, 3, 70001, activation);
  }
}

// No columns at all, and a scalar.
NABLA_TEST(edges) {
  const DType f32 = DType::float32;
  Array none(f32, {5, 0}), none_out(f32, {5, 0}), no_sums(f32, {0});
  run_op(activationGrad, {none.view(), none.view()}, {&none_out, &no_sums}, {1});
  Array dy(f32, {}, [](int64_t) { return 0.25; }), y(f32, {}, [](int64_t) { return 1; }), dz(f32, {}), sum(f32, {});
  run_op(activationGrad, {dy.view(), y.view()}, {&dz, &sum}, {1});
  CHECK(dz[0] == 0.25 && sum[0] == 0.25);
}

// The gradient of relu where y is NaN is dy, and 0 at zeros of either sign.
NABLA_TEST(relu_special_values) {
  const double values[] = {std::numeric_limits<double>::quiet_NaN(), 0.0, -0.0,
                           std::numeric_limits<double>::infinity()};
  Array y(DType::float32, {1, 4}, [&](int64_t i) { return values[i]; }), dz(DType::float32, {1, 4});
  Array dy(DType::float32, {1, 4}, [](int64_t i) { return i + 1; });
  run_op(activationGrad, {dy.view(), y.view()}, {&dz}, {1});
  CHECK(dz[0] == 1);
  CHECK(dz[1] == 0);
  CHECK(dz[2] == 0);
  CHECK(dz[3] == 4);
}

}  // namespace
}  // namespace nabla::NABLA_ISA

NABLA_TEST_MAIN
