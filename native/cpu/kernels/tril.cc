// tril and triu: the lower or upper triangle of each matrix, zeros elsewhere.
#include <cstring>

#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/kernels/strided.h"

namespace nabla::NABLA_ISA {
namespace {

NABLA_INLINE int64_t within(int64_t x, int64_t high) { return x < 0 ? 0 : x > high ? high : x; }

// Row i keeps the columns up to i + k (lower) or from i + k on. Elements are moved as unsigned integers of their size.
template <typename T, bool lower>
void triangle_rows(KernelArgs& args) {
  const TensorView &x = args.in[0], &out = args.out[0];
  const T* source = x.as<const T>();
  T* target = out.as<T>();
  const int64_t k = static_cast<int64_t>(args.attr[0]);
  const int last = x.rank - 1;
  const int64_t columns = x.shape[last], stride = x.stride[last];
  parallel_ranges(args.pool, x.numel() / columns, columns < kElementGrain ? kElementGrain / columns : 1,
                  [&](int64_t begin, int64_t end) {
                    for (int64_t r = begin; r < end; ++r) {
                      int64_t rest = r, offset = 0;
                      for (int d = last - 1; d >= 0; --d) {
                        offset += rest % x.shape[d] * x.stride[d];
                        rest /= x.shape[d];
                      }
                      const int64_t diagonal = r % x.shape[last - 1] + k;
                      const int64_t first = lower ? 0 : within(diagonal, columns);
                      const int64_t end_kept = lower ? within(diagonal + 1, columns) : columns;
                      T* row = target + r * columns;
                      std::memset(row, 0, static_cast<size_t>(first) * sizeof(T));
                      if (stride == 1) {
                        std::memcpy(row + first, source + offset + first,
                                    static_cast<size_t>(end_kept - first) * sizeof(T));
                      } else {
                        for (int64_t j = first; j < end_kept; ++j) row[j] = source[offset + j * stride];
                      }
                      std::memset(row + end_kept, 0, static_cast<size_t>(columns - end_kept) * sizeof(T));
                    }
                  });
}

template <bool lower>
void triangle(KernelArgs& args) {
  const TensorView &x = args.in[0], &out = args.out[0];
  NABLA_CHECK(args.n_attr == 1, "a triangle takes the number of its diagonal");
  NABLA_CHECK(x.rank >= 2 && x.dtype == out.dtype && same_shape(x, out), "the output does not fit the input");
  if (x.numel() == 0) return;
  switch (dtype_size(x.dtype)) {
    case 1: return triangle_rows<uint8_t, lower>(args);
    case 2: return triangle_rows<uint16_t, lower>(args);
    case 4: return triangle_rows<uint32_t, lower>(args);
    default: return triangle_rows<uint64_t, lower>(args);
  }
}

}  // namespace

void tril(KernelArgs& args) { triangle<true>(args); }
void triu(KernelArgs& args) { triangle<false>(args); }

}  // namespace nabla::NABLA_ISA
