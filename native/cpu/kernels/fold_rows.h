// Reductions of rows of neighbours that need more than one accumulator. A row is cut into segments that stay in the
// first caches, so that a segment may be read twice; the segments' states are merged in order, in double.
#pragma once
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/kernels/reduce_rows.h"
#include "cpu/simd/lanes.h"

namespace nabla::NABLA_ISA {

// 64 rounds of 8 registers: so few additions in a row keep float32 sums accurate.
template <typename T>
constexpr int64_t kSegment = 64 * 8 * Vec<T>::width;

// The sum of term(x) over at most a segment; term(fill) must be 0.
template <typename T, typename Term>
NABLA_INLINE T sum_terms(const T* x, int64_t n, Vec<T> fill, Term&& term) {
  using V = Vec<T>;
  constexpr int64_t kWidth = V::width, kSums = 8;
  V total = V::zero();
  int64_t i = 0;
  if (n >= kSums * kWidth) {
    V sum[kSums];
    for (int64_t k = 0; k < kSums; ++k) sum[k] = term(V::load(x + k * kWidth));
    for (i = kSums * kWidth; i + kSums * kWidth <= n; i += kSums * kWidth) {
      for (int64_t k = 0; k < kSums; ++k) sum[k] = sum[k] + term(V::load(x + i + k * kWidth));
    }
    for (int64_t k = kSums / 2; k > 0; k /= 2) {
      for (int64_t j = 0; j < k; ++j) sum[j] = sum[j] + sum[j + k];
    }
    total = sum[0];
  }
  for (; i + kWidth <= n; i += kWidth) total = total + term(V::load(x + i));
  if (i < n) total = total + term(load_part(x + i, n - i, fill));
  return sum_lanes(total);
}

// An Op has a State, empty(), segment(x, n) of at most kSegment elements, merge() of two states, the first coming
// first, and finish(state, n), which makes the output of a row's.
template <typename T, typename Op>
void fold_rows_of(KernelArgs& args, const Op& op) {
  using State = typename Op::State;
  const T* x = args.in[0].as<const T>();
  T* out = args.out[0].as<T>();
  const int64_t rows = args.out[0].numel(), n = static_cast<int64_t>(args.attr[0]);
  if (rows == 0) return;
  const auto fold = [&](const T* p, int64_t count) {
    State state = op.empty();
    for (; count > 0; count -= kSegment<T>, p += kSegment<T>) {
      state = op.merge(state, op.segment(p, least(count, kSegment<T>)));
    }
    return state;
  };
  if (rows >= kEnoughTasks || n < kSplitFrom) {
    parallel_ranges(args.pool, rows, n < kGrain ? kGrain / (n + 1) + 1 : 1, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) out[r] = op.finish(fold(x + r * n, n), n);
    });
    return;
  }
  const int64_t part = round_up(n / kMaxSegments < kGrain ? kGrain : n / kMaxSegments, kSegment<T>);
  const int64_t parts = (n + part - 1) / part;
  State* partial = args.workspace.array<State>(rows * parts);
  parallel_for(args.pool, rows * parts, [&](int64_t task) {
    const int64_t r = task / parts, begin = (task - r * parts) * part;
    partial[task] = fold(x + r * n + begin, least(part, n - begin));
  });
  for (int64_t r = 0; r < rows; ++r) {
    State state = op.empty();
    for (int64_t p = 0; p < parts; ++p) state = op.merge(state, partial[r * parts + p]);
    out[r] = op.finish(state, n);
  }
}

// attr[0] is the number of elements that make an output. make(T{}) gives the Op.
template <typename Make>
NABLA_INLINE void fold_rows(KernelArgs& args, int attributes, Make&& make) {
  const TensorView &x = args.in[0], &out = args.out[0];
  NABLA_CHECK(args.n_attr >= attributes && x.contiguous(), "x must be contiguous");
  NABLA_CHECK(args.attr[0] >= 0 && args.attr[0] <= INT32_MAX &&
                  static_cast<int64_t>(args.attr[0]) * out.numel() == x.numel() && out.dtype == x.dtype,
              "the output's size or dtype is wrong");
  switch (x.dtype) {
    case DType::float32: return fold_rows_of<float>(args, make(0.0f));
    case DType::float64: return fold_rows_of<double>(args, make(0.0));
    default: kernel_error(ErrorKind::native, "x must be float32 or float64");
  }
}

}  // namespace nabla::NABLA_ISA
