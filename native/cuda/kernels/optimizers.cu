// Optimizer steps, by Keras 3's formulas. What they share is in optimizer_step.h; here is what each of them does with
// a gradient g and the slots that it keeps. Running means move towards the new value: mean + (value - mean) * rest.
#include <cmath>
#include <type_traits>

#include "cuda/kernels/optimizer_step.h"

namespace nabla::cuda {
namespace {

template <typename T>
__device__ T mean_towards(T mean, T value, T rest) {
  return fused(value - mean, rest, mean);
}

template <typename T>
struct Sgd {
  T rate;
  __device__ T operator()(T g, T*) const { return rate * g; }
};

// Slot: the velocity.
template <typename T, bool kNesterov>
struct Momentum {
  T rate, momentum;
  __device__ T operator()(T g, T* slot) const {
    const T step = rate * g;
    slot[0] = fused(momentum, slot[0], -step);
    return kNesterov ? fused(-momentum, slot[0], step) : -slot[0];
  }
};

// Slots: the running mean of squares; that of gradients if centered; the velocity if there is momentum.
template <typename T, bool kCentered, bool kMomentum>
struct Rmsprop {
  T rate, rest, momentum, epsilon;
  __device__ T operator()(T g, T* slot) const {
    T square = slot[0] = mean_towards(slot[0], g * g, rest);
    if constexpr (kCentered) {
      slot[1] = mean_towards(slot[1], g, rest);
      // A variance: below 0 by rounding only.
      square = greater(T(0), fused(-slot[1], slot[1], square));
    }
    const T step = rate * g / root(square + epsilon);
    if constexpr (kMomentum) {
      constexpr int kVelocity = kCentered ? 2 : 1;
      return slot[kVelocity] = fused(momentum, slot[kVelocity], step);
    } else {
      return step;
    }
  }
};

// Slot: the sum of squares.
template <typename T>
struct Adagrad {
  T rate, epsilon;
  __device__ T operator()(T g, T* slot) const {
    slot[0] = fused(g, g, slot[0]);
    return rate * g / root(slot[0] + epsilon);
  }
};

// Slots: the running means of squares of the gradients and of the steps.
template <typename T>
struct Adadelta {
  T rate, rest, epsilon;
  __device__ T operator()(T g, T* slot) const {
    slot[0] = mean_towards(slot[0], g * g, rest);
    const T step = root(slot[1] + epsilon) * g / root(slot[0] + epsilon);
    slot[1] = mean_towards(slot[1], step * step, rest);
    return rate * step;
  }
};

// Slots: the running means of gradients and of their squares; the greatest of the latter for AMSGrad.
template <typename T, bool kAmsgrad>
struct Adam {
  T rate, rest1, rest2, epsilon;
  __device__ T operator()(T g, T* slot) const {
    slot[0] = mean_towards(slot[0], g, rest1);
    T square = slot[1] = mean_towards(slot[1], g * g, rest2);
    if constexpr (kAmsgrad) square = slot[2] = greater(slot[2], square);
    return slot[0] * rate / (root(square) + epsilon);
  }
};

// Slots: the running mean of gradients, and their greatest size, which fades.
template <typename T>
struct Adamax {
  T rate, rest1, beta2, epsilon;
  __device__ T operator()(T g, T* slot) const {
    slot[0] = mean_towards(slot[0], g, rest1);
    slot[1] = greater(beta2 * slot[1], g < T(0) ? -g : g);
    return slot[0] * rate / (slot[1] + epsilon);
  }
};

// Slots: the running means of gradients and of their squares.
template <typename T>
struct Nadam {
  T mean_rate, gradient_rate, rest1, rest2, correction, epsilon;
  __device__ T operator()(T g, T* slot) const {
    slot[0] = mean_towards(slot[0], g, rest1);
    slot[1] = mean_towards(slot[1], g * g, rest2);
    return fused(mean_rate, slot[0], gradient_rate * g) / (root(slot[1] * correction) + epsilon);
  }
};

// Slot: the running mean of gradients.
template <typename T>
struct Lion {
  T rate, rest1, rest2;
  __device__ T operator()(T g, T* slot) const {
    const T direction = mean_towards(slot[0], g, rest1);
    slot[0] = mean_towards(slot[0], g, rest2);
    // 0 and NaN stay as they are.
    return rate * (direction > T(0) ? T(1) : direction < T(0) ? T(-1) : direction);
  }
};

// The attributes after those of every step.
const double* rule_attributes(const KernelArgs& args) { return args.attr + kStepAttributes; }

}  // namespace

void sgdStep(KernelArgs& args) {
  NABLA_CHECK(args.n_attr == kStepAttributes + 2, "the number of attributes is wrong");
  const double rate = args.attr[1], momentum = rule_attributes(args)[0];
  const auto run = [&](auto nesterov) {
    step_parameters<1>(args, 2, [&](auto zero) {
      using T = decltype(zero);
      return Momentum<T, decltype(nesterov)::value>{static_cast<T>(rate), static_cast<T>(momentum)};
    });
  };
  if (momentum == 0) {
    step_parameters<0>(args, 2, [&](auto zero) { return Sgd<decltype(zero)>{static_cast<decltype(zero)>(rate)}; });
  } else if (rule_attributes(args)[1] != 0) {
    run(std::true_type{});
  } else {
    run(std::false_type{});
  }
}

void rmspropStep(KernelArgs& args) {
  NABLA_CHECK(args.n_attr == kStepAttributes + 4, "the number of attributes is wrong");
  const double *own = rule_attributes(args), rate = args.attr[1];
  const auto run = [&](auto centered, auto with_momentum) {
    constexpr bool kCentered = decltype(centered)::value, kMomentum = decltype(with_momentum)::value;
    step_parameters<1 + kCentered + kMomentum>(args, 4, [&](auto zero) {
      using T = decltype(zero);
      return Rmsprop<T, kCentered, kMomentum>{static_cast<T>(rate), static_cast<T>(1 - own[0]), static_cast<T>(own[1]),
                                              static_cast<T>(own[2])};
    });
  };
  const bool centered = own[3] != 0, with_momentum = own[1] != 0;
  if (centered && with_momentum) return run(std::true_type{}, std::true_type{});
  if (centered) return run(std::true_type{}, std::false_type{});
  if (with_momentum) return run(std::false_type{}, std::true_type{});
  run(std::false_type{}, std::false_type{});
}

void adagradStep(KernelArgs& args) {
  step_parameters<1>(args, 1, [&](auto zero) {
    using T = decltype(zero);
    return Adagrad<T>{static_cast<T>(args.attr[1]), static_cast<T>(rule_attributes(args)[0])};
  });
}

void adadeltaStep(KernelArgs& args) {
  step_parameters<2>(args, 2, [&](auto zero) {
    using T = decltype(zero);
    const double* own = rule_attributes(args);
    return Adadelta<T>{static_cast<T>(args.attr[1]), static_cast<T>(1 - own[0]), static_cast<T>(own[1])};
  });
}

void adamStep(KernelArgs& args) {
  NABLA_CHECK(args.n_attr == kStepAttributes + 5, "the number of attributes is wrong");
  const double *own = rule_attributes(args), beta1 = own[0], beta2 = own[1], step = own[3];
  // The corrections for the zero start of both means, folded into the learning rate.
  const double rate = args.attr[1] * std::sqrt(1 - std::pow(beta2, step)) / (1 - std::pow(beta1, step));
  const auto run = [&](auto amsgrad) {
    constexpr bool kAmsgrad = decltype(amsgrad)::value;
    step_parameters<2 + kAmsgrad>(args, 5, [&](auto zero) {
      using T = decltype(zero);
      return Adam<T, kAmsgrad>{static_cast<T>(rate), static_cast<T>(1 - beta1), static_cast<T>(1 - beta2),
                               static_cast<T>(own[2])};
    });
  };
  if (own[4] != 0) return run(std::true_type{});
  run(std::false_type{});
}

void adamaxStep(KernelArgs& args) {
  step_parameters<2>(args, 4, [&](auto zero) {
    using T = decltype(zero);
    const double *own = rule_attributes(args), beta1 = own[0];
    const double rate = args.attr[1] / (1 - std::pow(beta1, own[3]));
    return Adamax<T>{static_cast<T>(rate), static_cast<T>(1 - beta1), static_cast<T>(own[1]), static_cast<T>(own[2])};
  });
}

void nadamStep(KernelArgs& args) {
  step_parameters<2>(args, 6, [&](auto zero) {
    using T = decltype(zero);
    const double *own = rule_attributes(args), rate = args.attr[1], beta2 = own[1];
    const double correction = 1 / (1 - std::pow(beta2, own[3]));
    return Nadam<T>{static_cast<T>(rate * own[4]), static_cast<T>(rate * own[5]), static_cast<T>(1 - own[0]),
                    static_cast<T>(1 - beta2),     static_cast<T>(correction),    static_cast<T>(own[2])};
  });
}

void lionStep(KernelArgs& args) {
  step_parameters<1>(args, 2, [&](auto zero) {
    using T = decltype(zero);
    const double* own = rule_attributes(args);
    return Lion<T>{static_cast<T>(args.attr[1]), static_cast<T>(1 - own[0]), static_cast<T>(1 - own[1])};
  });
}

}  // namespace nabla::cuda
