// What commands say of optimizer steps, and the numbers that each rule (Keras 3's formulas) makes of its attributes.
#pragma once
#include <cmath>
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"

namespace nabla {

// The attributes that all steps begin with: n, learningRate, weightDecay, clipValue (may be infinite), scaled (0/1).
// The inputs are lists of n tensors: parameters, gradients, the slots; then, if scaled, n factors for the gradients.
constexpr int kStepAttributes = 5;

// The attributes of a rule, after those of every step.
NABLA_HOST_INLINE const double* rule_attributes(const KernelArgs& args, int count) {
  NABLA_CHECK(args.n_attr == kStepAttributes + count, "the number of attributes is wrong");
  return args.attr + kStepAttributes;
}

NABLA_HOST_INLINE int64_t check_step(const KernelArgs& args, int64_t lists) {
  const int64_t n = static_cast<int64_t>(args.attr[0]), scales = args.attr[4] != 0 ? 1 : 0;
  NABLA_CHECK(n > 0 && n * lists + scales == args.n_in, "the number of tensors is wrong");
  for (int64_t i = 0; i < n; ++i) {
    const TensorView& parameter = args.in[i];
    NABLA_CHECK(parameter.dtype == DType::float32 || parameter.dtype == DType::float64,
                "parameters must be float32 or float64");
    for (int64_t list = 0; list < lists; ++list) {
      const TensorView& t = args.in[list * n + i];
      NABLA_CHECK(t.dtype == parameter.dtype && t.numel() == parameter.numel() && t.contiguous(),
                  "gradients and slots must be contiguous and like their parameter");
    }
  }
  if (scales != 0) {
    const TensorView& t = args.in[args.n_in - 1];
    NABLA_CHECK(t.dtype == DType::float64 && t.numel() == n && t.contiguous(), "there must be n float64 factors");
  }
  return n;
}

// Running means move towards the new value by `rest`, which is 1 - beta or 1 - rho.
struct SgdNumbers {
  double rate, momentum;
  bool nesterov;
};
NABLA_HOST_INLINE SgdNumbers sgd_numbers(const KernelArgs& args) {
  const double* own = rule_attributes(args, 2);
  return {args.attr[1], own[0], own[1] != 0};
}

struct RmspropNumbers {
  double rate, rest, momentum, epsilon;
  bool centered;
};
NABLA_HOST_INLINE RmspropNumbers rmsprop_numbers(const KernelArgs& args) {
  const double* own = rule_attributes(args, 4);
  return {args.attr[1], 1 - own[0], own[1], own[2], own[3] != 0};
}

struct AdagradNumbers {
  double rate, epsilon;
};
NABLA_HOST_INLINE AdagradNumbers adagrad_numbers(const KernelArgs& args) {
  return {args.attr[1], rule_attributes(args, 1)[0]};
}

struct AdadeltaNumbers {
  double rate, rest, epsilon;
};
NABLA_HOST_INLINE AdadeltaNumbers adadelta_numbers(const KernelArgs& args) {
  const double* own = rule_attributes(args, 2);
  return {args.attr[1], 1 - own[0], own[1]};
}

struct AdamNumbers {
  double rate, rest1, rest2, epsilon;
  bool amsgrad;
};
// The corrections for the zero start of both means are folded into the learning rate.
NABLA_HOST_INLINE AdamNumbers adam_numbers(const KernelArgs& args) {
  const double *own = rule_attributes(args, 5), beta1 = own[0], beta2 = own[1], step = own[3];
  const double rate = args.attr[1] * std::sqrt(1 - std::pow(beta2, step)) / (1 - std::pow(beta1, step));
  return {rate, 1 - beta1, 1 - beta2, own[2], own[4] != 0};
}

struct AdamaxNumbers {
  double rate, rest1, beta2, epsilon;
};
NABLA_HOST_INLINE AdamaxNumbers adamax_numbers(const KernelArgs& args) {
  const double *own = rule_attributes(args, 4), beta1 = own[0];
  return {args.attr[1] / (1 - std::pow(beta1, own[3])), 1 - beta1, own[1], own[2]};
}

struct NadamNumbers {
  double mean_rate, gradient_rate, rest1, rest2, correction, epsilon;
};
NABLA_HOST_INLINE NadamNumbers nadam_numbers(const KernelArgs& args) {
  const double *own = rule_attributes(args, 6), rate = args.attr[1], beta2 = own[1];
  return {rate * own[4], rate * own[5], 1 - own[0], 1 - beta2, 1 / (1 - std::pow(beta2, own[3])), own[2]};
}

struct LionNumbers {
  double rate, rest1, rest2;
};
NABLA_HOST_INLINE LionNumbers lion_numbers(const KernelArgs& args) {
  const double* own = rule_attributes(args, 2);
  return {args.attr[1], 1 - own[0], 1 - own[1]};
}

}  // namespace nabla
