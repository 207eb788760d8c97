// argMax and argMin along one axis: the first of equals, and the first NaN if there is one (NumPy).
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/isa_namespace.h"

namespace nabla::NABLA_ISA {
namespace {

// Whether b takes the place of a, which comes earlier. Nothing takes the place of a NaN.
template <bool kGreatest, typename T>
NABLA_INLINE bool beats(T b, T a) {
  return (kGreatest ? b > a : b < a) || (b != b && a == a);
}

// A row of neighbours. Several candidates, each from every kCandidates-th element, so that comparisons overlap.
template <bool kGreatest, typename T>
NABLA_INLINE int32_t arg_row(const T* x, int64_t n) {
  constexpr int64_t kCandidates = 64;
  T best[kCandidates];
  int32_t index[kCandidates];
  const int64_t used = n < kCandidates ? n : kCandidates;
  for (int64_t k = 0; k < used; ++k) {
    best[k] = x[k];
    index[k] = static_cast<int32_t>(k);
  }
  int64_t i = used;
  for (; i + kCandidates <= n; i += kCandidates) {
    for (int64_t k = 0; k < kCandidates; ++k) {
      const T value = x[i + k];
      const bool better = beats<kGreatest>(value, best[k]);
      best[k] = better ? value : best[k];
      index[k] = better ? static_cast<int32_t>(i + k) : index[k];
    }
  }
  for (int64_t k = 0; i < n; ++i, ++k) {
    if (beats<kGreatest>(x[i], best[k])) {
      best[k] = x[i];
      index[k] = static_cast<int32_t>(i);
    }
  }
  int64_t winner = 0;
  for (int64_t k = 1; k < used; ++k) {
    const bool tie = !beats<kGreatest>(best[k], best[winner]) && !beats<kGreatest>(best[winner], best[k]);
    if (beats<kGreatest>(best[k], best[winner]) || (tie && index[k] < index[winner])) winner = k;
  }
  return index[winner];
}

// The axis is not the innermost: `columns` neighbours, each with an output of its own.
template <bool kGreatest, typename T>
NABLA_INLINE void arg_columns(const T* x, int32_t* out, int64_t n, int64_t stride, int64_t columns) {
  constexpr int64_t kTile = 256;
  for (int64_t begin = 0; begin < columns; begin += kTile) {
    const int64_t width = columns - begin < kTile ? columns - begin : kTile;
    T best[kTile];
    int32_t index[kTile];
    for (int64_t c = 0; c < width; ++c) {
      best[c] = x[begin + c];
      index[c] = 0;
    }
    for (int64_t i = 1; i < n; ++i) {
      const T* row = x + i * stride + begin;
      for (int64_t c = 0; c < width; ++c) {
        const bool better = beats<kGreatest>(row[c], best[c]);
        best[c] = better ? row[c] : best[c];
        index[c] = better ? static_cast<int32_t>(i) : index[c];
      }
    }
    for (int64_t c = 0; c < width; ++c) out[begin + c] = index[c];
  }
}

template <bool kGreatest, typename T>
void arg_extreme(KernelArgs& args) {
  constexpr int64_t kGrain = 32768;
  const TensorView& x = args.in[0];
  const int axis = static_cast<int>(args.attr[0]);
  const int64_t n = x.shape[axis];
  int64_t outer = 1, inner = 1;
  for (int i = 0; i < axis; ++i) outer *= x.shape[i];
  for (int i = axis + 1; i < x.rank; ++i) inner *= x.shape[i];
  NABLA_CHECK(args.out[0].dtype == DType::int32 && args.out[0].numel() == outer * inner, "the output must be int32");
  if (outer * inner == 0) return;
  NABLA_CHECK(n > 0, "the axis is empty");
  const T* data = x.as<const T>();
  int32_t* out = args.out[0].as<int32_t>();
  if (inner == 1) {
    parallel_ranges(args.pool, outer, n < kGrain ? kGrain / n : 1, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) out[o] = arg_row<kGreatest>(data + o * n, n);
    });
    return;
  }
  // Tasks are slices of the columns of one outer index, or several outer indices.
  const int64_t slice = n * inner <= kGrain ? inner : kGrain / n + 256, slices = (inner + slice - 1) / slice;
  const int64_t work = n * slice;
  parallel_ranges(args.pool, outer * slices, work < kGrain ? kGrain / work : 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t o = task / slices, c = (task - o * slices) * slice;
      arg_columns<kGreatest>(data + o * n * inner + c, out + o * inner + c, n, inner,
                             inner - c < slice ? inner - c : slice);
    }
  });
}

template <bool kGreatest>
void dispatch(KernelArgs& args) {
  const TensorView& x = args.in[0];
  NABLA_CHECK(args.n_attr >= 1 && args.attr[0] >= 0 && args.attr[0] < x.rank, "the axis is out of range");
  NABLA_CHECK(x.contiguous(), "the input must be contiguous");
  switch (x.dtype) {
    case DType::float32: return arg_extreme<kGreatest, float>(args);
    case DType::float64: return arg_extreme<kGreatest, double>(args);
    case DType::int32: return arg_extreme<kGreatest, int32_t>(args);
    case DType::uint8:
    case DType::boolean: return arg_extreme<kGreatest, uint8_t>(args);
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

}  // namespace

void argMax(KernelArgs& args) { dispatch<true>(args); }
void argMin(KernelArgs& args) { dispatch<false>(args); }

}  // namespace nabla::NABLA_ISA
