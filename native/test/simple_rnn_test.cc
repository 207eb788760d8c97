// simpleRnn and simpleRnnGrad against naive loops in float64.
#include "core/activation.h"
#include "recurrent_check.h"

using namespace nabla_test;

namespace {

double attribute(nabla::Activation activation) { return static_cast<double>(activation); }

double sum_of(const double* of_x, const double* of_h) { return of_x[0] + of_h[0]; }

NABLA_TEST(tanh_of_any_shape) {
  const auto forward = [](const double* of_x, const double* of_h, double) { return std::tanh(sum_of(of_x, of_h)); };
  const auto backward = [](const double* of_x, const double* of_h, double, double dh, double* d_of_x, double* d_of_h) {
    const double y = std::tanh(sum_of(of_x, of_h));
    d_of_x[0] = d_of_h[0] = dh * (1 - y * y);
    return 0.0;
  };
  check_recurrent_sizes(
      {1, 1, 1, forward, backward, isa::simpleRnn, isa::simpleRnnGrad, {attribute(nabla::Activation::tanh)}});
}

NABLA_TEST(relu_of_any_shape) {
  const auto forward = [](const double* of_x, const double* of_h, double) { return std::fmax(sum_of(of_x, of_h), 0); };
  const auto backward = [](const double* of_x, const double* of_h, double, double dh, double* d_of_x, double* d_of_h) {
    d_of_x[0] = d_of_h[0] = sum_of(of_x, of_h) > 0 ? dh : 0;
    return 0.0;
  };
  check_recurrent_sizes(
      {1, 1, 1, forward, backward, isa::simpleRnn, isa::simpleRnnGrad, {attribute(nabla::Activation::relu)}});
}

}  // namespace

NABLA_TEST_MAIN
