// softmax and logSoftmax over the last axis, and their gradients.
#include "core/checks.h"
#include "core/kernel.h"
#include "cuda/kernels/softmax_rows.h"
#include "cuda/queue.h"

namespace nabla::cuda {
namespace {

template <typename T, bool logarithm>
__global__ void __launch_bounds__(kMostTeamThreads, 1)
    softmax_kernel(const T* __restrict__ in, T* __restrict__ out, RowLayout rows) {
  DYN_SHARED(shared);
  const int64_t row = rows.team.row(), begin = row * rows.columns;
  const uint32_t n = row < rows.rows ? rows.columns : 0;
  const T* x = in + begin;
  T* y = out + begin;
  T* kept = rows.kept_row<T>(shared);
  const T greatest = row_max(rows, x, n, kept);
  if (rows.kept) x = kept;
  const T sum = sum_of_exp(rows, x, n, greatest, [&](uint32_t j, const auto& exponentials) {
    if (!logarithm && rows.kept) store_elements(kept + j, exponentials);
  });
  const T log_sum = logarithm ? log_of(sum) : T(0), scale = logarithm ? T(0) : 1 / sum;
  rows.for_row<T>(n, [&](uint32_t j, auto width) {
    auto v = load_elements<width.value>(x + j);
    for (int i = 0; i < width.value; ++i) {
      if (logarithm) {
        // Not x - (greatest + log_sum): that would round twice at the magnitude of the greatest.
        v[i] = v[i] - greatest - log_sum;
      } else {
        v[i] = (rows.kept ? v[i] : exp_of(v[i] - greatest)) * scale;
      }
    }
    store_elements(y + j, v);
  });
}

// dx = y * (dy - sum(y * dy)), or with the logarithm dx = dy - exp(y) * sum(dy).
template <typename T, bool logarithm>
__global__ void __launch_bounds__(kMostTeamThreads, 1)
    softmax_grad_kernel(const T* __restrict__ in_y, const T* __restrict__ in_dy, T* __restrict__ out, RowLayout rows) {
  DYN_SHARED(shared);
  const int64_t row = rows.team.row(), begin = row * rows.columns;
  const uint32_t n = row < rows.rows ? rows.columns : 0;
  const T *y = in_y + begin, *dy = in_dy + begin;
  T* dx = out + begin;
  T *kept_y = rows.kept_row<T>(shared), *kept_dy = rows.kept_row<T>(shared, 1);
  T sum = 0;
  rows.for_row<T>(n, [&](uint32_t j, auto width) {
    const auto g = load_elements<width.value>(dy + j), v = load_elements<width.value>(y + j);
    if (rows.kept) {
      store_elements(kept_y + j, v);
      store_elements(kept_dy + j, g);
    }
    for (int i = 0; i < width.value; ++i) sum = logarithm ? sum + g[i] : fma_of(v[i], g[i], sum);
  });
  sum = rows.team.fold(sum, AddOp());
  if (rows.kept) {
    y = kept_y;
    dy = kept_dy;
  }
  rows.for_row<T>(n, [&](uint32_t j, auto width) {
    const auto v = load_elements<width.value>(y + j);
    auto g = load_elements<width.value>(dy + j);
    for (int i = 0; i < width.value; ++i) g[i] = logarithm ? g[i] - exp_of(v[i]) * sum : v[i] * (g[i] - sum);
    store_elements(dx + j, g);
  });
}

// launch_rows(T{}, rows, columns), for float32 and float64.
template <typename Launch>
void launch_rows(KernelArgs& args, Launch&& launch_rows_of) {
  const TensorView& out = args.out[0];
  for (int i = 0; i < args.n_in; ++i) {
    NABLA_CHECK(args.in[i].contiguous() && args.in[i].dtype == out.dtype && args.in[i].numel() == out.numel(),
                "inputs must be contiguous and like the output");
  }
  NABLA_CHECK(out.dtype == DType::float32 || out.dtype == DType::float64, "inputs must be float32 or float64");
  const int64_t numel = out.numel(), columns = out.rank > 0 ? out.shape[out.rank - 1] : 1;
  if (numel == 0) return;
  out.dtype == DType::float32 ? launch_rows_of(0.0f, numel / columns, columns)
                              : launch_rows_of(0.0, numel / columns, columns);
}

template <bool logarithm>
void forward(KernelArgs& args) {
  launch_rows(args, [&](auto zero, int64_t rows, int64_t columns) {
    using T = decltype(zero);
    const T* x = args.in[0].as<const T>();
    T* y = args.out[0].as<T>();
    const int64_t bytes = columns * static_cast<int64_t>(sizeof(T));
    const RowLayout layout = layout_rows<T>(rows, columns, bytes, {x, y});
    launch(softmax_kernel<T, logarithm>, layout.grid(), layout.team.threads, layout.shared_bytes(bytes),
           queue_of(args).stream(), x, y, layout);
  });
}

template <bool logarithm>
void backward(KernelArgs& args) {
  launch_rows(args, [&](auto zero, int64_t rows, int64_t columns) {
    using T = decltype(zero);
    const T *y = args.in[0].as<const T>(), *dy = args.in[1].as<const T>();
    T* dx = args.out[0].as<T>();
    const int64_t bytes = 2 * columns * static_cast<int64_t>(sizeof(T));
    const RowLayout layout = layout_rows<T>(rows, columns, bytes, {y, dy, dx});
    launch(softmax_grad_kernel<T, logarithm>, layout.grid(), layout.team.threads, layout.shared_bytes(bytes),
           queue_of(args).stream(), y, dy, dx, layout);
  });
}

}  // namespace

void softmax(KernelArgs& args) { forward<false>(args); }
void logSoftmax(KernelArgs& args) { forward<true>(args); }
void softmaxGrad(KernelArgs& args) { backward<false>(args); }
void logSoftmaxGrad(KernelArgs& args) { backward<true>(args); }

}  // namespace nabla::cuda
