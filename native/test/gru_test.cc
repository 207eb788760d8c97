// gru and gruGrad against naive loops in float64.
#include "recurrent_check.h"

using namespace nabla_test;

namespace {

struct Gates {
  double z, r, candidate;
};
Gates gates_of(const double* of_x, const double* of_h) {
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  const double r = sigmoid(of_x[1] + of_h[1]);
  return {sigmoid(of_x[0] + of_h[0]), r, std::tanh(of_x[2] + r * of_h[2])};
}

double forward(const double* of_x, const double* of_h, double h) {
  const Gates g = gates_of(of_x, of_h);
  return g.z * h + (1 - g.z) * g.candidate;
}

double backward(const double* of_x, const double* of_h, double h, double dh, double* d_of_x, double* d_of_h) {
  const Gates g = gates_of(of_x, of_h);
  const double slope = dh * (1 - g.z) * (1 - g.candidate * g.candidate);
  d_of_x[0] = d_of_h[0] = dh * (h - g.candidate) * g.z * (1 - g.z);
  d_of_x[1] = d_of_h[1] = slope * of_h[2] * g.r * (1 - g.r);
  d_of_x[2] = slope, d_of_h[2] = slope * g.r;
  return dh * g.z;
}

NABLA_TEST(gru_of_any_shape) { check_recurrent_sizes({3, 2, 5, forward, backward, isa::gru, isa::gruGrad, {}}); }

}  // namespace

NABLA_TEST_MAIN
