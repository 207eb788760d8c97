// softmax and logSoftmax over the last axis, and their gradients.
#include <cmath>
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/isa_namespace.h"
#include "cpu/kernels/softmax_rows.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T>
NABLA_INLINE void softmax_row(const T* x, T* y, int64_t n) {
  const T sum = sum_of_exp(x, n, row_max(x, n), [&](int64_t j, auto lanes, Vec<T> e) { lanes.store(y + j, e); });
  const Vec<T> scale = Vec<T>::set(1 / sum);
  for_lanes<T>(0, n, [&](int64_t j, auto lanes) { lanes.store(y + j, lanes.load(y + j) * scale); });
}

template <typename T>
NABLA_INLINE void log_softmax_row(const T* x, T* y, int64_t n) {
  const T greatest = row_max(x, n);
  const T log_sum = std::log(sum_of_exp(x, n, greatest, [](int64_t, auto, Vec<T>) {}));
  const Vec<T> m = Vec<T>::set(greatest), shift = Vec<T>::set(log_sum);
  // Not x - (m + log_sum): that would round twice at the magnitude of m.
  for_lanes<T>(0, n, [&](int64_t j, auto lanes) { lanes.store(y + j, lanes.load(x + j) - m - shift); });
}

// dx = y * (dy - sum(y * dy))
template <typename T>
NABLA_INLINE void softmax_grad_row(const T* y, const T* dy, T* dx, int64_t n) {
  Vec<T> products = Vec<T>::zero();
  for_lanes<T>(0, n, [&](int64_t j, auto lanes) { products = fma(lanes.load(y + j), lanes.load(dy + j), products); });
  const Vec<T> dot = Vec<T>::set(sum_lanes(products));
  for_lanes<T>(0, n,
               [&](int64_t j, auto lanes) { lanes.store(dx + j, lanes.load(y + j) * (lanes.load(dy + j) - dot)); });
}

// dx = dy - exp(y) * sum(dy)
template <typename T>
NABLA_INLINE void log_softmax_grad_row(const T* y, const T* dy, T* dx, int64_t n) {
  Vec<T> total = Vec<T>::zero();
  for_lanes<T>(0, n, [&](int64_t j, auto lanes) { total = total + lanes.load(dy + j); });
  const Vec<T> sum = Vec<T>::set(sum_lanes(total));
  for_lanes<T>(0, n,
               [&](int64_t j, auto lanes) { lanes.store(dx + j, lanes.load(dy + j) - exp(lanes.load(y + j)) * sum); });
}

// body(T{}, row offset, columns) for every row, for float32 and float64.
template <typename Body>
NABLA_INLINE void for_rows(KernelArgs& args, Body&& body) {
  const TensorView& out = args.out[0];
  for (int i = 0; i < args.n_in; ++i) {
    NABLA_CHECK(args.in[i].contiguous() && args.in[i].dtype == out.dtype && args.in[i].numel() == out.numel(),
                "inputs must be contiguous and like the output");
  }
  NABLA_CHECK(out.dtype == DType::float32 || out.dtype == DType::float64, "inputs must be float32 or float64");
  const int64_t numel = out.numel(), columns = out.rank > 0 ? out.shape[out.rank - 1] : 1;
  if (numel == 0) return;
  parallel_ranges(args.pool, numel / columns, softmax_grain(columns), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      out.dtype == DType::float32 ? body(0.0f, r * columns, columns) : body(0.0, r * columns, columns);
    }
  });
}

}  // namespace

void softmax(KernelArgs& args) {
  for_rows(args, [&](auto zero, int64_t offset, int64_t columns) {
    using T = decltype(zero);
    softmax_row(args.in[0].as<const T>() + offset, args.out[0].as<T>() + offset, columns);
  });
}

void logSoftmax(KernelArgs& args) {
  for_rows(args, [&](auto zero, int64_t offset, int64_t columns) {
    using T = decltype(zero);
    log_softmax_row(args.in[0].as<const T>() + offset, args.out[0].as<T>() + offset, columns);
  });
}

void softmaxGrad(KernelArgs& args) {
  for_rows(args, [&](auto zero, int64_t offset, int64_t columns) {
    using T = decltype(zero);
    softmax_grad_row(args.in[0].as<const T>() + offset, args.in[1].as<const T>() + offset, args.out[0].as<T>() + offset,
                     columns);
  });
}

void logSoftmaxGrad(KernelArgs& args) {
  for_rows(args, [&](auto zero, int64_t offset, int64_t columns) {
    using T = decltype(zero);
    log_softmax_grad_row(args.in[0].as<const T>() + offset, args.in[1].as<const T>() + offset,
                         args.out[0].as<T>() + offset, columns);
  });
}

}  // namespace nabla::NABLA_ISA
