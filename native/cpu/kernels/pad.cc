// pad: the input inside a larger output, one value everywhere else.
#include <cstring>

#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/kernels/strided.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T>
NABLA_INLINE void fill_run(T* target, int64_t n, T value) {
  for (int64_t i = 0; i < n; ++i) target[i] = value;
}

// Elements are moved as unsigned integers of their size.
template <typename T>
void pad_rows(KernelArgs& args) {
  const TensorView &x = args.in[0], &out = args.out[0];
  const double* before = args.attr;
  const T* source = x.as<const T>();
  T* target = out.as<T>();
  const T value = *args.in[1].as<const T>();
  const int last = out.rank - 1;
  const int64_t columns = out.shape[last], middle = x.shape[last], stride = x.stride[last];
  const int64_t left = static_cast<int64_t>(before[last]), right = columns - left - middle;
  const int64_t rows = out.numel() / columns;
  parallel_ranges(args.pool, rows, columns < kElementGrain ? kElementGrain / columns : 1,
                  [&](int64_t begin, int64_t end) {
                    for (int64_t r = begin; r < end; ++r) {
                      int64_t rest = r, offset = 0;
                      bool inside = true;
                      for (int d = last - 1; d >= 0; --d) {
                        const int64_t i = rest % out.shape[d] - static_cast<int64_t>(before[d]);
                        rest /= out.shape[d];
                        inside = inside && i >= 0 && i < x.shape[d];
                        offset += i * x.stride[d];
                      }
                      T* row = target + r * columns;
                      if (!inside) {
                        fill_run(row, columns, value);
                        continue;
                      }
                      fill_run(row, left, value);
                      if (stride == 1) {
                        std::memcpy(row + left, source + offset, static_cast<size_t>(middle) * sizeof(T));
                      } else {
                        for (int64_t j = 0; j < middle; ++j) row[left + j] = source[offset + j * stride];
                      }
                      fill_run(row + left + middle, right, value);
                    }
                  });
}

}  // namespace

void pad(KernelArgs& args) {
  const TensorView &x = args.in[0], &value = args.in[1], &out = args.out[0];
  NABLA_CHECK(x.dtype == out.dtype && value.dtype == out.dtype, "the dtypes of inputs and output differ");
  NABLA_CHECK(x.rank >= 1 && x.rank == out.rank && args.n_attr == x.rank, "the number of axes is wrong");
  NABLA_CHECK(value.numel() == 1, "the value must be one element");
  for (int d = 0; d < x.rank; ++d) {
    NABLA_CHECK(args.attr[d] >= 0 && args.attr[d] <= static_cast<double>(out.shape[d] - x.shape[d]),
                "the output is too small");
  }
  if (out.numel() == 0) return;
  switch (dtype_size(out.dtype)) {
    case 1: return pad_rows<uint8_t>(args);
    case 2: return pad_rows<uint16_t>(args);
    case 4: return pad_rows<uint32_t>(args);
    default: return pad_rows<uint64_t>(args);
  }
}

}  // namespace nabla::NABLA_ISA
