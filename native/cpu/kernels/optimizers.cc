// Optimizer steps (Keras 3's formulas), all parameters of a model in one parallel pass. Weight decay is decoupled:
// p -= p * weightDecay * learningRate before the step.
#include <cmath>
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/isa_namespace.h"

namespace nabla::NABLA_ISA {
namespace {

// A run of elements of one parameter: one task.
struct Chunk {
  int32_t parameter;
  int32_t size;
  int64_t begin;
};

constexpr int64_t kChunk = 16384;

// The lists in args.in follow one another, n tensors each; list 0 are the parameters.
const TensorView& tensor(const KernelArgs& args, int64_t n, int64_t list, int64_t i) { return args.in[list * n + i]; }

int64_t check_lists(const KernelArgs& args, int64_t lists) {
  const int64_t n = static_cast<int64_t>(args.attr[0]);
  NABLA_CHECK(n > 0 && n * lists == args.n_in, "the number of tensors is wrong");
  for (int64_t i = 0; i < n; ++i) {
    const TensorView& parameter = args.in[i];
    NABLA_CHECK(parameter.dtype == DType::float32 || parameter.dtype == DType::float64,
                "parameters must be float32 or float64");
    for (int64_t list = 0; list < lists; ++list) {
      const TensorView& t = tensor(args, n, list, i);
      NABLA_CHECK(t.dtype == parameter.dtype && t.numel() == parameter.numel() && t.contiguous(),
                  "gradients and slots must be contiguous and like their parameter");
    }
  }
  return n;
}

// body(parameter, begin, size) for every chunk of every parameter.
template <typename Body>
void for_chunks(KernelArgs& args, int64_t n, Body&& body) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; ++i) count += (args.in[i].numel() + kChunk - 1) / kChunk;
  if (count == 0) return;
  Chunk* chunks = args.workspace.array<Chunk>(count);
  Chunk* next = chunks;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t size = args.in[i].numel();
    for (int64_t begin = 0; begin < size; begin += kChunk) {
      const int64_t left = size - begin;
      *next++ = {static_cast<int32_t>(i), static_cast<int32_t>(left < kChunk ? left : kChunk), begin};
    }
  }
  parallel_for(args.pool, count,
               [&](int64_t task) { body(chunks[task].parameter, chunks[task].begin, int64_t{chunks[task].size}); });
}

template <typename T>
NABLA_INLINE T* at(const TensorView& t, int64_t begin) {
  return t.as<T>() + begin;
}

struct SgdOptions {
  double learning_rate, momentum;
  bool nesterov;
  double weight_decay;
};

// Compilers vectorise these loops; on every ISA they run at the speed of the memory.
template <typename T>
void sgd(T* __restrict p, const T* __restrict g, int64_t n, const SgdOptions& o) {
  const T rate = static_cast<T>(o.learning_rate), keep = static_cast<T>(1 - o.weight_decay * o.learning_rate);
  for (int64_t i = 0; i < n; ++i) p[i] = p[i] * keep - rate * g[i];
}

template <bool kNesterov, typename T>
void sgd_momentum(T* __restrict p, const T* __restrict g, T* __restrict velocity, int64_t n, const SgdOptions& o) {
  const T rate = static_cast<T>(o.learning_rate), keep = static_cast<T>(1 - o.weight_decay * o.learning_rate);
  const T momentum = static_cast<T>(o.momentum);
  for (int64_t i = 0; i < n; ++i) {
    const T step = rate * g[i];
    const T v = momentum * velocity[i] - step;
    velocity[i] = v;
    p[i] = p[i] * keep + (kNesterov ? momentum * v - step : v);
  }
}

struct AdamOptions {
  double learning_rate, beta1, beta2, epsilon, step, weight_decay;
};

template <typename T>
void adam(T* __restrict p, const T* __restrict g, T* __restrict m, T* __restrict v, int64_t n, const AdamOptions& o,
          double alpha) {
  const T keep = static_cast<T>(1 - o.weight_decay * o.learning_rate), rate = static_cast<T>(alpha);
  const T rest1 = static_cast<T>(1 - o.beta1), rest2 = static_cast<T>(1 - o.beta2), epsilon = static_cast<T>(o.epsilon);
  for (int64_t i = 0; i < n; ++i) {
    const T mean = m[i] + (g[i] - m[i]) * rest1;
    const T square = v[i] + (g[i] * g[i] - v[i]) * rest2;
    m[i] = mean;
    v[i] = square;
    p[i] = p[i] * keep - mean * rate / (std::sqrt(square) + epsilon);
  }
}

}  // namespace

void sgdStep(KernelArgs& args) {
  NABLA_CHECK(args.n_attr >= 5, "n, learningRate, momentum, nesterov and weightDecay are needed");
  const SgdOptions options{args.attr[1], args.attr[2], args.attr[3] != 0, args.attr[4]};
  const bool has_velocity = options.momentum != 0;
  const int64_t n = check_lists(args, has_velocity ? 3 : 2);
  const auto step = [&](auto zero, int64_t i, int64_t begin, int64_t size) {
    using T = decltype(zero);
    T* p = at<T>(tensor(args, n, 0, i), begin);
    const T* g = at<const T>(tensor(args, n, 1, i), begin);
    if (!has_velocity) return sgd<T>(p, g, size, options);
    T* velocity = at<T>(tensor(args, n, 2, i), begin);
    if (options.nesterov) return sgd_momentum<true, T>(p, g, velocity, size, options);
    sgd_momentum<false, T>(p, g, velocity, size, options);
  };
  for_chunks(args, n, [&](int64_t i, int64_t begin, int64_t size) {
    args.in[i].dtype == DType::float32 ? step(0.0f, i, begin, size) : step(0.0, i, begin, size);
  });
}

void adamStep(KernelArgs& args) {
  NABLA_CHECK(args.n_attr >= 7, "n, learningRate, beta1, beta2, epsilon, step and weightDecay are needed");
  const AdamOptions options{args.attr[1], args.attr[2], args.attr[3], args.attr[4], args.attr[5], args.attr[6]};
  const int64_t n = check_lists(args, 4);
  // The corrections for the zero start of both averages, folded into the learning rate.
  const double alpha = options.learning_rate * std::sqrt(1 - std::pow(options.beta2, options.step)) /
                       (1 - std::pow(options.beta1, options.step));
  const auto step = [&](auto zero, int64_t i, int64_t begin, int64_t size) {
    using T = decltype(zero);
    adam<T>(at<T>(tensor(args, n, 0, i), begin), at<const T>(tensor(args, n, 1, i), begin),
            at<T>(tensor(args, n, 2, i), begin), at<T>(tensor(args, n, 3, i), begin), size, options, alpha);
  };
  for_chunks(args, n, [&](int64_t i, int64_t begin, int64_t size) {
    args.in[i].dtype == DType::float32 ? step(0.0f, i, begin, size) : step(0.0, i, begin, size);
  });
}

}  // namespace nabla::NABLA_ISA
