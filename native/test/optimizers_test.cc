// sgdStep and adamStep against Keras's formulas in float64.
#include <cmath>

#include "op_call.h"

using namespace nabla_test;
using nabla::TensorView;

namespace {

const int64_t kSizes[] = {0, 1, 2, 3, 15, 16, 17, 31, 33, 100, 1009, 70001, 16384, 16385};

// `lists` lists of one tensor for each size: parameters, gradients, slots. Every third is float64.
struct Model {
  std::vector<std::vector<Array>> list;
  explicit Model(int lists) {
    for (int l = 0; l < lists; ++l) {
      list.emplace_back();
      for (size_t i = 0; i < std::size(kSizes); ++i) {
        const uint64_t seed = static_cast<uint64_t>(l) * 100 + i;
        list.back().emplace_back(i % 3 == 2 ? DType::float64 : DType::float32, Shape{kSizes[i]}, [&](int64_t j) {
          const double u = fraction(seed, static_cast<uint64_t>(j));
          return l == 3 ? u : u - 0.5;  // the second slot of Adam is not negative
        });
      }
    }
  }
  double count() const { return static_cast<double>(list[0].size()); }

  // Runs the step; then check(i, j, before) for every element, `before` a copy of the lists.
  template <typename Check>
  void step(nabla::Kernel kernel, const std::vector<double>& attr, Check&& check) {
    const std::vector<std::vector<Array>> before = list;
    std::vector<TensorView> in;
    std::vector<Array*> inout;
    for (size_t l = 0; l < list.size(); ++l) {
      for (Array& a : list[l]) {
        in.push_back(a.view());
        if (l != 1) inout.push_back(&a);
      }
    }
    run_op(kernel, in, {}, attr, inout);
    for (size_t i = 0; i < list[0].size(); ++i) {
      CHECK(list[1][i].same_bits(before[1][i]));
      for (int64_t j = 0; j < list[0][i].size(); ++j) check(i, j, before);
    }
  }
  // A handful of operations on numbers of at most 1 (the quotient of Adam: below 4).
  double tolerance(size_t i) const { return list[0][i].dtype() == DType::float32 ? 1e-6 : 1e-15; }
};

}  // namespace

NABLA_TEST(sgd_without_momentum) {
  for (double decay : {0.0, 0.01}) {
    Model m(2);
    m.step(isa::sgdStep, {m.count(), 0.1, 0, 0, decay}, [&](size_t i, int64_t j, const auto& before) {
      const double p = before[0][i][j], g = before[1][i][j];
      CHECK_NEAR(m.list[0][i][j], p - p * decay * 0.1 - 0.1 * g, m.tolerance(i));
    });
  }
}

NABLA_TEST(sgd_with_momentum) {
  for (bool nesterov : {false, true}) {
    for (double decay : {0.0, 0.01}) {
      Model m(3);
      m.step(isa::sgdStep, {m.count(), 0.1, 0.9, nesterov ? 1.0 : 0.0, decay},
             [&](size_t i, int64_t j, const auto& before) {
               const double p = before[0][i][j], g = before[1][i][j];
               const double v = 0.9 * before[2][i][j] - 0.1 * g;
               CHECK_NEAR(m.list[2][i][j], v, m.tolerance(i));
               CHECK_NEAR(m.list[0][i][j], p - p * decay * 0.1 + (nesterov ? 0.9 * v - 0.1 * g : v), m.tolerance(i));
             });
    }
  }
}

NABLA_TEST(adam) {
  const double rate = 0.01, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7;
  for (double decay : {0.0, 0.004}) {
    for (double t : {1.0, 2.0, 1000.0}) {
      Model m(4);
      const double alpha = rate * std::sqrt(1 - std::pow(beta2, t)) / (1 - std::pow(beta1, t));
      m.step(isa::adamStep, {m.count(), rate, beta1, beta2, epsilon, t, decay},
             [&](size_t i, int64_t j, const auto& before) {
               const double p = before[0][i][j], g = before[1][i][j];
               const double mean = before[2][i][j] + (g - before[2][i][j]) * (1 - beta1);
               const double square = before[3][i][j] + (g * g - before[3][i][j]) * (1 - beta2);
               const double step = mean * alpha / (std::sqrt(square) + epsilon);
               CHECK_NEAR(m.list[2][i][j], mean, m.tolerance(i));
               CHECK_NEAR(m.list[3][i][j], square, m.tolerance(i));
               CHECK_NEAR(m.list[0][i][j], p - p * decay * rate - step, m.tolerance(i) * (1 + std::fabs(step) * 4));
             });
    }
  }
}

// The first step of Adam from zero slots is learningRate * sign(g), whatever the size of g.
NABLA_TEST(adam_starts_with_the_learning_rate) {
  Array p(DType::float32, {4}, [](int64_t) { return 1; }), g(DType::float32, {4}, [](int64_t i) {
    const double gradients[] = {1e-3, -50, 2, 0};
    return gradients[i];
  });
  Array m(DType::float32, {4}, [](int64_t) { return 0; }), v = m;
  run_op(isa::adamStep, {p.view(), g.view(), m.view(), v.view()}, {}, {1, 0.01, 0.9, 0.999, 1e-7, 1, 0}, {&p, &m, &v});
  const double want[] = {0.99, 1.01, 0.99, 1};
  // epsilon / sqrt(v) is 3e-3 of the step for the smallest gradient.
  for (int64_t i = 0; i < 4; ++i) CHECK_NEAR(p[i], want[i], 1e-6 + (i == 0 ? 0.01 * 4e-3 : 0));
}

NABLA_TEST(errors) {
  Array p(DType::float32, {4}, [](int64_t) { return 1; }), shorter(DType::float32, {3}, [](int64_t) { return 1; });
  Array other(DType::float64, {4}, [](int64_t) { return 1; }), integers(DType::int32, {4}, [](int64_t) { return 1; });
  const char* unlike = "gradients and slots must be contiguous and like their parameter";
  const std::vector<double> attr{1, 0.1, 0, 0, 0};
  CHECK(error_of(isa::sgdStep, {p.view(), shorter.view()}, {}, attr, nabla::ErrorKind::native) == unlike);
  CHECK(error_of(isa::sgdStep, {p.view(), other.view()}, {}, attr, nabla::ErrorKind::native) == unlike);
  CHECK(error_of(isa::sgdStep, {integers.view(), integers.view()}, {}, attr, nabla::ErrorKind::native) ==
        "parameters must be float32 or float64");
  CHECK(error_of(isa::sgdStep, {p.view(), p.view(), p.view()}, {}, attr, nabla::ErrorKind::native) ==
        "the number of tensors is wrong");
}

NABLA_TEST_MAIN
