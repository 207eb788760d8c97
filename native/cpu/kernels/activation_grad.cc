// dz = dy * activation'(z) from y = activation(z), and in the same pass the sums of dz over all axes but the last.
#include <cstring>

#include "core/activation.h"
#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/simd/vec.h"

namespace nabla::NABLA_ISA {

namespace {

template <typename T, Activation activation>
NABLA_INLINE Vec<T> gradient(Vec<T> dy, Vec<T> y) {
  const Vec<T> one = Vec<T>::set(1);
  if constexpr (activation == Activation::relu) {
    // NaN in y passes dy on, as the gradient of relu at NaN does.
    return select(y <= Vec<T>::zero(), Vec<T>::zero(), dy);
  } else if constexpr (activation == Activation::sigmoid) {
    return dy * (y * (one - y));
  } else if constexpr (activation == Activation::tanh) {
    return dy * (one - y * y);
  } else {
    return dy;
  }
}

// sums[0 to n) += dz, if sums is not null.
template <typename T, Activation activation>
NABLA_INLINE void gradient_row(const T* dy, const T* y, T* dz, T* sums, int64_t n) {
  using V = Vec<T>;
  int64_t i = 0;
  for (; i + V::width <= n; i += V::width) {
    const V g = gradient<T, activation>(V::load(dy + i), V::load(y + i));
    g.store(dz + i);
    if (sums) (V::load(sums + i) + g).store(sums + i);
  }
  if (i < n) {
    const V g = gradient<T, activation>(V::load_part(dy + i, n - i), V::load_part(y + i, n - i));
    g.store_part(dz + i, n - i);
    if (sums) (V::load_part(sums + i, n - i) + g).store_part(sums + i, n - i);
  }
}

constexpr int64_t kElementsPerTask = 1 << 14;
// Short rows are taken several at a time, and their sums folded at the end.
constexpr int64_t kLeastWidth = 128;

template <typename T, Activation activation>
void activation_grad(KernelArgs& args) {
  const TensorView& view = args.out[0];
  const T *dy = args.in[0].as<T>(), *y = args.in[1].as<T>();
  T* dz = view.as<T>();
  const int64_t n = view.numel();
  if (args.n_out == 1) {
    parallel_ranges(args.pool, n, kElementsPerTask, [&](int64_t begin, int64_t end) {
      gradient_row<T, activation>(dy + begin, y + begin, dz + begin, static_cast<T*>(nullptr), end - begin);
    });
    return;
  }
  T* sums = args.out[1].as<T>();
  const int64_t columns = view.rank == 0 ? 1 : view.shape[view.rank - 1];
  if (n == 0) {
    if (columns > 0) std::memset(sums, 0, columns * sizeof(T));
    return;
  }
  const int64_t rows = n / columns;
  const int64_t together = columns < kLeastWidth ? kLeastWidth / columns : 1;
  const int64_t width = together * columns;
  // Rows of a task: enough to earn a row of partial sums.
  int64_t grain = kElementsPerTask / width > 32 ? kElementsPerTask / width : 32;
  grain *= together;
  const int64_t tasks = (rows + grain - 1) / grain;
  T* partial = args.workspace.array<T>(tasks * width);
  parallel_for(args.pool, tasks, [&](int64_t task) {
    T* own = partial + task * width;
    std::memset(own, 0, width * sizeof(T));
    const int64_t end = (task + 1) * grain < rows ? (task + 1) * grain : rows;
    for (int64_t row = task * grain; row < end; row += together) {
      const int64_t at = row * columns, count = end - row < together ? (end - row) * columns : width;
      gradient_row<T, activation>(dy + at, y + at, dz + at, own, count);
    }
  });
  parallel_ranges(args.pool, columns, kElementsPerTask / (tasks < kElementsPerTask ? tasks : kElementsPerTask),
                  [&](int64_t begin, int64_t end) {
                    for (int64_t j = begin; j < end; ++j) {
                      T sum = 0;
                      for (int64_t i = 0; i < tasks * together; ++i) sum += partial[i * columns + j];
                      sums[j] = sum;
                    }
                  });
}

template <typename T>
void by_activation(KernelArgs& args, Activation activation) {
  switch (activation) {
    case Activation::none: return activation_grad<T, Activation::none>(args);
    case Activation::relu: return activation_grad<T, Activation::relu>(args);
    case Activation::sigmoid: return activation_grad<T, Activation::sigmoid>(args);
    case Activation::tanh: return activation_grad<T, Activation::tanh>(args);
    case Activation::gelu: return;  // not a function of the result: refused
  }
}

}  // namespace

void activationGrad(KernelArgs& args) {
  const TensorView &dy = args.in[0], &y = args.in[1], &dz = args.out[0];
  NABLA_CHECK(dz.dtype == DType::float32 || dz.dtype == DType::float64, "activationGrad needs floats");
  NABLA_CHECK(dy.dtype == dz.dtype && y.dtype == dz.dtype, "activationGrad needs equal dtypes");
  NABLA_CHECK(dy.contiguous() && y.contiguous() && dy.numel() == dz.numel() && y.numel() == dz.numel(),
              "activationGrad needs contiguous inputs of the output's shape");
  NABLA_CHECK(args.n_attr >= 1 && args.attr[0] >= 0 && args.attr[0] < kActivationCount, "unknown activation");
  if (args.n_out > 1) {
    NABLA_CHECK(args.out[1].dtype == dz.dtype && args.out[1].numel() == (dz.rank == 0 ? 1 : dz.shape[dz.rank - 1]),
                "the sums need the shape of the last axis");
  }
  const auto activation = static_cast<Activation>(static_cast<int>(args.attr[0]));
  dz.dtype == DType::float32 ? by_activation<float>(args, activation) : by_activation<double>(args, activation);
}

}  // namespace nabla::NABLA_ISA
