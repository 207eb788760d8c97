// Optimizer steps, by Keras 3's formulas. What they share is in optimizer_step.h; here is what each of them does with
// a gradient g and the slots that it keeps. Running means move towards the new value: mean + (value - mean) * rest.
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

}  // namespace nabla::cuda
