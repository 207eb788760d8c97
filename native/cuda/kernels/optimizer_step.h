// What all optimizer steps share: every parameter of a model, with its gradient and what is kept for it, in one launch
// that reads and writes each of them once (or a few launches, for models of many tensors).
#pragma once
#include <cstdint>

#include "core/optimizer_step.h"
#include "cuda/kernels/tensor_table.h"
#include "cuda/launch.h"
#include "cuda/queue.h"

namespace nabla::cuda {

__device__ inline float fused(float a, float b, float c) { return fmaf(a, b, c); }
__device__ inline double fused(double a, double b, double c) { return fma(a, b, c); }
__device__ inline float root(float x) { return sqrtf(x); }
__device__ inline double root(double x) { return sqrt(x); }
template <typename T>
T set(double x) {
  return static_cast<T>(x);
}
// b where either is NaN.
template <typename T>
__device__ T greater(T a, T b) {
  return a > b ? a : b;
}
template <typename T>
__device__ T lesser(T a, T b) {
  return a < b ? a : b;
}

constexpr int kStepThreads = 256;
constexpr int kStepElements = 4096;  // of one block

// The part of a step that is alike for all rules. The weight decay and the rule's step are taken off the parameter in
// one rounding: 1 - weightDecay * learningRate as a float would lose most of a small decay.
struct StepOptions {
  double decay, clip_value;
  const double* scales;  // or null
};

// `value` is a parameter, its gradient and its slots.
template <typename T, typename Rule>
__device__ void step_element(T* value, T decay, T clip_value, T scale, const Rule& rule) {
  // NaN passes.
  const T gradient = greater(-clip_value, lesser(clip_value, value[1] * scale));
  const T step = rule(gradient, value + 2);
  value[0] -= fused(value[0], decay, step);
}

template <typename T, int kSlots, typename Rule>
__device__ void step_block(const TensorTable<2 + kSlots>& table, int tensor, const StepOptions& options,
                           const Rule& rule) {
  constexpr int kLists = 2 + kSlots, kWidth = Pack<T>::size;
  const T decay = static_cast<T>(options.decay), clip_value = static_cast<T>(options.clip_value);
  const T scale = options.scales != nullptr ? static_cast<T>(options.scales[table.first_tensor + tensor]) : T(1);
  const int64_t begin = static_cast<int64_t>(blockIdx.x - table.first_block[tensor]) * kStepElements;
  const int64_t left = table.size[tensor] - begin;
  const int size = static_cast<int>(left < kStepElements ? left : kStepElements);
  T* data[kLists];
#pragma unroll
  for (int l = 0; l < kLists; ++l) data[l] = static_cast<T*>(table.data[l][tensor]) + begin;

  const int packs = table.packed[tensor] ? size / kWidth : 0;
#pragma unroll 1
  for (int k = threadIdx.x; k < packs; k += kStepThreads) {
    Pack<T> x[kLists];
#pragma unroll
    for (int l = 0; l < kLists; ++l) x[l] = reinterpret_cast<const Pack<T>*>(data[l])[k];
#pragma unroll
    for (int w = 0; w < kWidth; ++w) {
      T value[kLists];
#pragma unroll
      for (int l = 0; l < kLists; ++l) value[l] = x[l].value[w];
      step_element(value, decay, clip_value, scale, rule);
#pragma unroll
      for (int l = 0; l < kLists; ++l) x[l].value[w] = value[l];
    }
#pragma unroll
    for (int l = 0; l < kLists; ++l) {
      if (l != 1) reinterpret_cast<Pack<T>*>(data[l])[k] = x[l];
    }
  }
#pragma unroll 1
  for (int i = packs * kWidth + threadIdx.x; i < size; i += kStepThreads) {
    T value[kLists];
#pragma unroll
    for (int l = 0; l < kLists; ++l) value[l] = data[l][i];
    step_element(value, decay, clip_value, scale, rule);
#pragma unroll
    for (int l = 0; l < kLists; ++l) {
      if (l != 1) data[l][i] = value[l];
    }
  }
}

template <int kSlots, typename SingleRule, typename DoubleRule>
__global__ void __launch_bounds__(kStepThreads, 4)
    step_kernel(TensorTable<2 + kSlots> table, StepOptions options, SingleRule single_rule, DoubleRule double_rule) {
  const int tensor = table.tensor_of(static_cast<int>(blockIdx.x));
  if (table.wide[tensor]) {
    step_block<double, kSlots>(table, tensor, options, double_rule);
  } else {
    step_block<float, kSlots>(table, tensor, options, single_rule);
  }
}

// A rule takes a gradient and the slots, changes the slots and gives the step to take off the parameter. make(T{})
// gives the rule for T.
template <int kSlots, typename Make>
void step_parameters(KernelArgs& args, Make&& make) {
  const int64_t n = check_step(args, 2 + kSlots);
  const double* scales = args.attr[4] != 0 ? args.in[args.n_in - 1].as<const double>() : nullptr;
  const StepOptions options{args.attr[1] * args.attr[2], args.attr[3], scales};
  const auto single_rule = make(0.0f);
  const auto double_rule = make(0.0);
  static_assert(
      sizeof(TensorTable<2 + kSlots>) + sizeof(StepOptions) + sizeof(single_rule) + sizeof(double_rule) <= 4096,
      "a kernel's parameters are at most 4 KB");
  for_tables<2 + kSlots>(args, n, kStepElements, [&](const TensorTable<2 + kSlots>& table, unsigned blocks) {
    launch(step_kernel<kSlots, decltype(make(0.0f)), decltype(make(0.0))>, blocks, kStepThreads, 0,
           queue_of(args).stream(), table, options, single_rule, double_rule);
  });
}

}  // namespace nabla::cuda
