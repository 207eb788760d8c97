// Optimizer steps, by Keras 3's formulas. What they share is in optimizer_step.h; here is what each of them does with
// a gradient g and the slots that it keeps. Running means move towards the new value: mean + (value - mean) * rest.
#include <type_traits>

#include "cpu/kernels/optimizer_step.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T>
NABLA_INLINE Vec<T> set(double x) {
  return Vec<T>::set(static_cast<T>(x));
}

template <typename T>
NABLA_INLINE Vec<T> mean_towards(Vec<T> mean, Vec<T> value, Vec<T> rest) {
  return fma(value - mean, rest, mean);
}

template <typename T>
struct Sgd {
  Vec<T> rate;
  NABLA_INLINE Vec<T> operator()(Vec<T> g, Vec<T>*) const { return rate * g; }
};

// Slot: the velocity.
template <typename T, bool kNesterov>
struct Momentum {
  Vec<T> rate, momentum;
  NABLA_INLINE Vec<T> operator()(Vec<T> g, Vec<T>* slot) const {
    const Vec<T> step = rate * g;
    slot[0] = fma(momentum, slot[0], -step);
    return kNesterov ? fma(-momentum, slot[0], step) : -slot[0];
  }
};

// Slots: the running mean of squares; that of gradients if centered; the velocity if there is momentum.
template <typename T, bool kCentered, bool kMomentum>
struct Rmsprop {
  Vec<T> rate, rest, momentum, epsilon;
  NABLA_INLINE Vec<T> operator()(Vec<T> g, Vec<T>* slot) const {
    Vec<T> square = slot[0] = mean_towards(slot[0], g * g, rest);
    if constexpr (kCentered) {
      slot[1] = mean_towards(slot[1], g, rest);
      // A variance: below 0 by rounding only.
      square = max(Vec<T>::zero(), fma(-slot[1], slot[1], square));
    }
    const Vec<T> step = rate * g / sqrt(square + epsilon);
    if constexpr (!kMomentum) return step;
    constexpr int kVelocity = kCentered ? 2 : 1;
    return slot[kVelocity] = fma(momentum, slot[kVelocity], step);
  }
};

// Slot: the sum of squares.
template <typename T>
struct Adagrad {
  Vec<T> rate, epsilon;
  NABLA_INLINE Vec<T> operator()(Vec<T> g, Vec<T>* slot) const {
    slot[0] = fma(g, g, slot[0]);
    return rate * g / sqrt(slot[0] + epsilon);
  }
};

// Slots: the running means of squares of the gradients and of the steps.
template <typename T>
struct Adadelta {
  Vec<T> rate, rest, epsilon;
  NABLA_INLINE Vec<T> operator()(Vec<T> g, Vec<T>* slot) const {
    slot[0] = mean_towards(slot[0], g * g, rest);
    const Vec<T> step = sqrt(slot[1] + epsilon) * g / sqrt(slot[0] + epsilon);
    slot[1] = mean_towards(slot[1], step * step, rest);
    return rate * step;
  }
};

// Slots: the running means of gradients and of their squares; the greatest of the latter for AMSGrad.
template <typename T, bool kAmsgrad>
struct Adam {
  Vec<T> rate, rest1, rest2, epsilon;
  NABLA_INLINE Vec<T> operator()(Vec<T> g, Vec<T>* slot) const {
    slot[0] = mean_towards(slot[0], g, rest1);
    Vec<T> square = slot[1] = mean_towards(slot[1], g * g, rest2);
    if constexpr (kAmsgrad) square = slot[2] = max(slot[2], square);
    return slot[0] * rate / (sqrt(square) + epsilon);
  }
};

// Slots: the running mean of gradients, and their greatest size, which fades.
template <typename T>
struct Adamax {
  Vec<T> rate, rest1, beta2, epsilon;
  NABLA_INLINE Vec<T> operator()(Vec<T> g, Vec<T>* slot) const {
    slot[0] = mean_towards(slot[0], g, rest1);
    slot[1] = max(beta2 * slot[1], abs(g));
    return slot[0] * rate / (slot[1] + epsilon);
  }
};

// Slots: the running means of gradients and of their squares.
template <typename T>
struct Nadam {
  Vec<T> mean_rate, gradient_rate, rest1, rest2, correction, epsilon;
  NABLA_INLINE Vec<T> operator()(Vec<T> g, Vec<T>* slot) const {
    slot[0] = mean_towards(slot[0], g, rest1);
    slot[1] = mean_towards(slot[1], g * g, rest2);
    return fma(mean_rate, slot[0], gradient_rate * g) / (sqrt(slot[1] * correction) + epsilon);
  }
};

// Slot: the running mean of gradients.
template <typename T>
struct Lion {
  Vec<T> rate, rest1, rest2;
  NABLA_INLINE Vec<T> operator()(Vec<T> g, Vec<T>* slot) const {
    using V = Vec<T>;
    const V direction = mean_towards(slot[0], g, rest1);
    slot[0] = mean_towards(slot[0], g, rest2);
    // 0 and NaN stay as they are.
    const V one = V::set(1), positive = select(direction > V::zero(), one, direction);
    return rate * select(direction < V::zero(), -one, positive);
  }
};

}  // namespace

void sgdStep(KernelArgs& args) {
  const SgdNumbers n = sgd_numbers(args);
  const auto run = [&](auto nesterov) {
    step_parameters<1>(args, [&](auto zero) {
      using T = decltype(zero);
      return Momentum<T, decltype(nesterov)::value>{set<T>(n.rate), set<T>(n.momentum)};
    });
  };
  if (n.momentum == 0) {
    step_parameters<0>(args, [&](auto zero) { return Sgd<decltype(zero)>{set<decltype(zero)>(n.rate)}; });
  } else if (n.nesterov) {
    run(std::true_type{});
  } else {
    run(std::false_type{});
  }
}

void rmspropStep(KernelArgs& args) {
  const RmspropNumbers n = rmsprop_numbers(args);
  const auto run = [&](auto centered, auto with_momentum) {
    constexpr bool kCentered = decltype(centered)::value, kMomentum = decltype(with_momentum)::value;
    step_parameters<1 + kCentered + kMomentum>(args, [&](auto zero) {
      using T = decltype(zero);
      return Rmsprop<T, kCentered, kMomentum>{set<T>(n.rate), set<T>(n.rest), set<T>(n.momentum), set<T>(n.epsilon)};
    });
  };
  const bool with_momentum = n.momentum != 0;
  if (n.centered && with_momentum) return run(std::true_type{}, std::true_type{});
  if (n.centered) return run(std::true_type{}, std::false_type{});
  if (with_momentum) return run(std::false_type{}, std::true_type{});
  run(std::false_type{}, std::false_type{});
}

void adagradStep(KernelArgs& args) {
  const AdagradNumbers n = adagrad_numbers(args);
  step_parameters<1>(args, [&](auto zero) {
    using T = decltype(zero);
    return Adagrad<T>{set<T>(n.rate), set<T>(n.epsilon)};
  });
}

void adadeltaStep(KernelArgs& args) {
  const AdadeltaNumbers n = adadelta_numbers(args);
  step_parameters<2>(args, [&](auto zero) {
    using T = decltype(zero);
    return Adadelta<T>{set<T>(n.rate), set<T>(n.rest), set<T>(n.epsilon)};
  });
}

void adamStep(KernelArgs& args) {
  const AdamNumbers n = adam_numbers(args);
  const auto run = [&](auto amsgrad) {
    constexpr bool kAmsgrad = decltype(amsgrad)::value;
    step_parameters<2 + kAmsgrad>(args, [&](auto zero) {
      using T = decltype(zero);
      return Adam<T, kAmsgrad>{set<T>(n.rate), set<T>(n.rest1), set<T>(n.rest2), set<T>(n.epsilon)};
    });
  };
  n.amsgrad ? run(std::true_type{}) : run(std::false_type{});
}

void adamaxStep(KernelArgs& args) {
  const AdamaxNumbers n = adamax_numbers(args);
  step_parameters<2>(args, [&](auto zero) {
    using T = decltype(zero);
    return Adamax<T>{set<T>(n.rate), set<T>(n.rest1), set<T>(n.beta2), set<T>(n.epsilon)};
  });
}

void nadamStep(KernelArgs& args) {
  const NadamNumbers n = nadam_numbers(args);
  step_parameters<2>(args, [&](auto zero) {
    using T = decltype(zero);
    return Nadam<T>{set<T>(n.mean_rate), set<T>(n.gradient_rate), set<T>(n.rest1),
                    set<T>(n.rest2),     set<T>(n.correction),    set<T>(n.epsilon)};
  });
}

void lionStep(KernelArgs& args) {
  const LionNumbers n = lion_numbers(args);
  step_parameters<1>(args, [&](auto zero) {
    using T = decltype(zero);
    return Lion<T>{set<T>(n.rate), set<T>(n.rest1), set<T>(n.rest2)};
  });
}

}  // namespace nabla::NABLA_ISA
