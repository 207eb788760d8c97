// The optimizer steps and the norms for clipping against Keras's formulas in float64.
#include <cmath>
#include <functional>
#include <limits>

#include "op_call.h"

using namespace nabla_test;
using nabla::TensorView;

namespace {

const int64_t kSizes[] = {0, 1, 2, 3, 15, 16, 17, 31, 33, 100, 1009, 70001, 16384, 16385};
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// What a step takes off the parameter, and the new values of the slots.
using Rule = std::function<double(double g, std::vector<double>& slot)>;

// The attributes that all steps share, but for the number of tensors.
struct Common {
  double rate = 0.01, decay = 0, clip_value = kInfinity;
  bool scaled = false;
};

// Lists of one tensor for each size: parameters, gradients, slots from 0 to 1. Every third is float64.
struct Model {
  std::vector<std::vector<Array>> list;
  explicit Model(size_t slots) {
    for (size_t l = 0; l < 2 + slots; ++l) {
      list.emplace_back();
      for (size_t i = 0; i < std::size(kSizes); ++i) {
        list.back().emplace_back(i % 3 == 2 ? DType::float64 : DType::float32, Shape{kSizes[i]}, [&](int64_t j) {
          const double u = fraction(l * 100 + i, static_cast<uint64_t>(j));
          return l < 2 ? u - 0.5 : u;
        });
      }
    }
  }
};

void check_step(nabla::Kernel kernel, size_t slots, const Common& common, const std::vector<double>& own,
                const Rule& rule) {
  Model model(slots);
  std::vector<std::vector<Array>>& list = model.list;
  const std::vector<std::vector<Array>> before = list;
  std::vector<TensorView> in;
  std::vector<Array*> inout;
  for (size_t l = 0; l < list.size(); ++l) {
    for (Array& a : list[l]) {
      in.push_back(a.view());
      if (l != 1) inout.push_back(&a);
    }
  }
  const size_t n = list[0].size();
  Array scales(DType::float64, {static_cast<int64_t>(n)}, [](int64_t i) { return 1.0 / static_cast<double>(i + 1); });
  if (common.scaled) in.push_back(scales.view());
  std::vector<double> attr{static_cast<double>(n), common.rate, common.decay, common.clip_value,
                           common.scaled ? 1.0 : 0.0};
  attr.insert(attr.end(), own.begin(), own.end());
  run_op(kernel, in, {}, attr, inout);

  for (size_t i = 0; i < n; ++i) {
    // A dozen roundings of numbers of about 1, and the steps' divisors are not below 0.1.
    const double tolerance = list[0][i].dtype() == DType::float32 ? 2e-6 : 4e-15;
    CHECK(list[1][i].same_bits(before[1][i]));
    for (int64_t j = 0; j < list[0][i].size(); ++j) {
      std::vector<double> slot(slots);
      for (size_t s = 0; s < slots; ++s) slot[s] = before[2 + s][i][j];
      double g = before[1][i][j];
      if (common.scaled) g *= scales[static_cast<int64_t>(i)];
      g = std::fmax(-common.clip_value, std::fmin(common.clip_value, g));
      const double p = before[0][i][j], step = rule(g, slot);
      CHECK_NEAR(list[0][i][j], p - p * common.decay * common.rate - step, tolerance);
      for (size_t s = 0; s < slots; ++s) CHECK_NEAR(list[2 + s][i][j], slot[s], tolerance);
    }
  }
}

// With and without what all rules share.
void check_rule(nabla::Kernel kernel, size_t slots, double rate, const std::vector<double>& own, const Rule& rule) {
  check_step(kernel, slots, {rate, 0, kInfinity, false}, own, rule);
  check_step(kernel, slots, {rate, 0.04, kInfinity, true}, own, rule);
  check_step(kernel, slots, {rate, 0.04, 0.2, false}, own, rule);
}

double mean(double before, double value, double keep) { return keep * before + (1 - keep) * value; }

}  // namespace

NABLA_TEST(sgd) {
  const double rate = 0.1;
  check_rule(isa::sgdStep, 0, rate, {0, 0}, [&](double g, std::vector<double>&) { return rate * g; });
  for (bool nesterov : {false, true}) {
    check_rule(isa::sgdStep, 1, rate, {0.9, nesterov ? 1.0 : 0.0}, [&](double g, std::vector<double>& slot) {
      slot[0] = 0.9 * slot[0] - rate * g;
      return nesterov ? rate * g - 0.9 * slot[0] : -slot[0];
    });
  }
}

NABLA_TEST(rmsprop) {
  const double rate = 0.01, rho = 0.9, epsilon = 0.5;
  for (bool centered : {false, true}) {
    for (double momentum : {0.0, 0.8}) {
      const size_t slots = 1 + (centered ? 1 : 0) + (momentum != 0 ? 1 : 0);
      const std::vector<double> own{rho, momentum, epsilon, centered ? 1.0 : 0.0};
      check_rule(isa::rmspropStep, slots, rate, own, [&](double g, std::vector<double>& slot) {
        slot[0] = mean(slot[0], g * g, rho);
        double square = slot[0];
        if (centered) {
          slot[1] = mean(slot[1], g, rho);
          square = std::fmax(0, square - slot[1] * slot[1]);
        }
        const double step = rate * g / std::sqrt(square + epsilon);
        return momentum == 0 ? step : slot.back() = momentum * slot.back() + step;
      });
    }
  }
}

NABLA_TEST(adagrad) {
  const double rate = 0.05, epsilon = 0.1;
  check_rule(isa::adagradStep, 1, rate, {epsilon}, [&](double g, std::vector<double>& slot) {
    slot[0] += g * g;
    return rate * g / std::sqrt(slot[0] + epsilon);
  });
}

NABLA_TEST(adadelta) {
  const double rate = 0.5, rho = 0.8, epsilon = 0.1;
  check_rule(isa::adadeltaStep, 2, rate, {rho, epsilon}, [&](double g, std::vector<double>& slot) {
    slot[0] = mean(slot[0], g * g, rho);
    const double step = std::sqrt(slot[1] + epsilon) / std::sqrt(slot[0] + epsilon) * g;
    slot[1] = mean(slot[1], step * step, rho);
    return rate * step;
  });
}

NABLA_TEST(adam) {
  const double rate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 0.1;
  for (bool amsgrad : {false, true}) {
    for (double t : {1.0, 2.0, 1000.0}) {
      const double alpha = rate * std::sqrt(1 - std::pow(beta2, t)) / (1 - std::pow(beta1, t));
      check_rule(isa::adamStep, amsgrad ? 3 : 2, rate, {beta1, beta2, epsilon, t, amsgrad ? 1.0 : 0.0},
                 [&](double g, std::vector<double>& slot) {
                   slot[0] = mean(slot[0], g, beta1);
                   slot[1] = mean(slot[1], g * g, beta2);
                   if (amsgrad) slot[2] = std::fmax(slot[2], slot[1]);
                   return slot[0] * alpha / (std::sqrt(slot.back()) + epsilon);
                 });
    }
  }
}

NABLA_TEST(adamax) {
  const double rate = 0.01, beta1 = 0.9, beta2 = 0.9, epsilon = 0.1, t = 3;
  check_rule(isa::adamaxStep, 2, rate, {beta1, beta2, epsilon, t}, [&](double g, std::vector<double>& slot) {
    slot[0] = mean(slot[0], g, beta1);
    slot[1] = std::fmax(beta2 * slot[1], std::fabs(g));
    return rate * slot[0] / ((1 - std::pow(beta1, t)) * (slot[1] + epsilon));
  });
}

NABLA_TEST(nadam) {
  const double rate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1, t = 3, of_mean = 1.5, of_gradient = 0.7;
  check_rule(isa::nadamStep, 2, rate, {beta1, beta2, epsilon, t, of_mean, of_gradient},
             [&](double g, std::vector<double>& slot) {
               slot[0] = mean(slot[0], g, beta1);
               slot[1] = mean(slot[1], g * g, beta2);
               const double v = slot[1] / (1 - std::pow(beta2, t));
               return rate * (of_mean * slot[0] + of_gradient * g) / (std::sqrt(v) + epsilon);
             });
}

NABLA_TEST(lion) {
  const double rate = 0.01, beta1 = 0.9, beta2 = 0.99;
  check_rule(isa::lionStep, 1, rate, {beta1, beta2}, [&](double g, std::vector<double>& slot) {
    const double direction = mean(slot[0], g, beta1);
    slot[0] = mean(slot[0], g, beta2);
    return direction > 0 ? rate : direction < 0 ? -rate : 0;
  });
}

// The first step of Adam from zero slots is learningRate * sign(g), whatever the size of g.
NABLA_TEST(adam_starts_with_the_learning_rate) {
  Array p(DType::float32, {4}, [](int64_t) { return 1; }), g(DType::float32, {4}, [](int64_t i) {
    const double gradients[] = {1e-3, -50, 2, 0};
    return gradients[i];
  });
  Array m(DType::float32, {4}, [](int64_t) { return 0; }), v = m;
  run_op(isa::adamStep, {p.view(), g.view(), m.view(), v.view()}, {},
         {1, 0.01, 0, kInfinity, 0, 0.9, 0.999, 1e-7, 1, 0}, {&p, &m, &v});
  const double want[] = {0.99, 1.01, 0.99, 1};
  // epsilon / sqrt(v) is 3e-3 of the step for the smallest gradient.
  for (int64_t i = 0; i < 4; ++i) CHECK_NEAR(p[i], want[i], 1e-6 + (i == 0 ? 0.01 * 4e-3 : 0));
}

// The factor 1 - weightDecay * learningRate would be rounded to 1 - 2^-24 here, and take off half as much again.
NABLA_TEST(small_weight_decay) {
  Array p(DType::float32, {1}, [](int64_t) { return 0x1.000002p0; }), g(DType::float32, {1}, [](int64_t) { return 0; });
  run_op(isa::sgdStep, {p.view(), g.view()}, {}, {1, 1e-3, 4e-5, kInfinity, 0, 0, 0}, {&p});
  CHECK(p[0] == 0x1.000002p0);
  Array q(DType::float32, {1}, [](int64_t) { return 1; });
  // Just above half the distance to the float below 1.
  run_op(isa::sgdStep, {q.view(), g.view()}, {}, {1, 1e-3, 3.1e-5, kInfinity, 0, 0, 0}, {&q});
  CHECK(q[0] == 1 - 0x1p-24);
}

NABLA_TEST(clip_scales) {
  for (bool global : {false, true}) {
    Model model(0);
    std::vector<Array>& gradients = model.list[1];
    std::vector<TensorView> in;
    for (Array& a : gradients) in.push_back(a.view());
    const double limit = 3;
    Array scales(DType::float64, {static_cast<int64_t>(in.size())});
    run_op(isa::clipScales, in, {&scales}, {limit, global ? 1.0 : 0.0});
    double all = 0;
    std::vector<double> squares;
    for (const Array& a : gradients) {
      squares.push_back(0);
      for (int64_t j = 0; j < a.size(); ++j) squares.back() += a[j] * a[j];
      all += squares.back();
    }
    for (size_t i = 0; i < squares.size(); ++i) {
      const double norm = std::sqrt(global ? all : squares[i]), want = norm > limit ? limit / norm : 1;
      // Sums of 1e5 numbers in double.
      CHECK_NEAR(scales[static_cast<int64_t>(i)], want, 1e-12);
    }
  }
}

// More than a GPU's kernel takes at once, each with a factor of its own; some are empty.
NABLA_TEST(many_tensors) {
  const int64_t n = 700;
  std::vector<Array> parameters, gradients;
  for (int64_t i = 0; i < n; ++i) {
    const DType dtype = i % 3 == 1 ? DType::float64 : DType::float32;
    parameters.emplace_back(dtype, Shape{i % 6}, [&](int64_t j) { return i + j; });
    gradients.emplace_back(dtype, Shape{i % 6}, [&](int64_t j) { return 1 + (i + j) % 5; });
  }
  Array factors(DType::float64, {n}, [](int64_t i) { return i % 8; }), scales(DType::float64, {n});
  std::vector<TensorView> in, gradient_views;
  std::vector<Array*> inout;
  for (Array& a : parameters) in.push_back(a.view()), inout.push_back(&a);
  for (Array& a : gradients) in.push_back(a.view()), gradient_views.push_back(a.view());
  in.push_back(factors.view());
  run_op(isa::sgdStep, in, {}, {static_cast<double>(n), 0.5, 0, kInfinity, 1, 0, 0}, inout);
  bool exact = true;
  double all = 0;
  std::vector<double> squares;
  for (int64_t i = 0; i < n; ++i) {
    squares.push_back(0);
    for (int64_t j = 0; j < i % 6; ++j) {
      const double g = static_cast<double>(1 + (i + j) % 5);
      exact = exact && parameters[static_cast<size_t>(i)][j] == static_cast<double>(i + j) - 0.5 * g * factors[i];
      squares.back() += g * g;
    }
    all += squares.back();
  }
  CHECK(exact);
  for (bool global : {false, true}) {
    run_op(isa::clipScales, gradient_views, {&scales}, {4, global ? 1.0 : 0.0});
    bool near = true;
    for (int64_t i = 0; i < n; ++i) {
      const double norm = std::sqrt(global ? all : squares[static_cast<size_t>(i)]);
      near = near && std::fabs(scales[i] - (norm > 4 ? 4 / norm : 1)) <= 1e-12;
    }
    CHECK(near);
  }
}

NABLA_TEST(clip_scales_of_nothing) {
  Array empty(DType::float32, {0}), scale(DType::float64, {1});
  for (double global : {0.0, 1.0}) {
    run_op(isa::clipScales, {empty.view()}, {&scale}, {1, global});
    CHECK(scale[0] == 1);
  }
}

NABLA_TEST(errors) {
  Array p(DType::float32, {4}, [](int64_t) { return 1; }), shorter(DType::float32, {3}, [](int64_t) { return 1; });
  Array other(DType::float64, {4}, [](int64_t) { return 1; }), integers(DType::int32, {4}, [](int64_t) { return 1; });
  const auto message = [](nabla::Kernel kernel, const std::vector<TensorView>& in, const std::vector<double>& attr) {
    return error_of(kernel, in, {}, attr, nabla::ErrorKind::native);
  };
  const char* unlike = "gradients and slots must be contiguous and like their parameter";
  const char* attributes = "the number of attributes is wrong";
  const std::vector<double> attr{1, 0.1, 0, kInfinity, 0, 0, 0}, scaled{1, 0.1, 0, kInfinity, 1, 0, 0};
  CHECK(message(isa::sgdStep, {p.view(), shorter.view()}, attr) == unlike);
  CHECK(message(isa::sgdStep, {p.view(), other.view()}, attr) == unlike);
  CHECK(message(isa::sgdStep, {integers.view(), integers.view()}, attr) == "parameters must be float32 or float64");
  CHECK(message(isa::sgdStep, {p.view(), p.view(), p.view()}, attr) == "the number of tensors is wrong");
  CHECK(message(isa::sgdStep, {p.view(), p.view()}, scaled) == "the number of tensors is wrong");
  CHECK(message(isa::sgdStep, {p.view(), p.view(), other.view()}, scaled) == "there must be n float64 factors");
  for (nabla::Kernel kernel : {isa::sgdStep, isa::rmspropStep, isa::adagradStep, isa::adadeltaStep, isa::adamStep,
                               isa::adamaxStep, isa::nadamStep, isa::lionStep}) {
    CHECK(message(kernel, {p.view(), p.view(), p.view(), p.view()}, {1, 0.1}) == attributes);
  }
  const auto clip_message = [](Array& gradient, Array& scales) {
    return error_of(isa::clipScales, {gradient.view()}, {&scales}, {1, 0}, nabla::ErrorKind::native);
  };
  Array one(DType::float64, {1}), two(DType::float64, {2});
  CHECK(clip_message(integers, one) == "gradients must be contiguous, float32 or float64");
  CHECK(clip_message(p, two) == "there must be n float64 factors");
}

NABLA_TEST_MAIN
