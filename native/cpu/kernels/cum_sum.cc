// Running sums along one axis. float32 is summed in double. Where one axis is long and there is little beside it, it
// is cut into segments: first the sums of all segments, then each segment from the sum of those before it.
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/isa_namespace.h"

namespace nabla::NABLA_ISA {
namespace {

constexpr int64_t kTile = 128;        // columns that are scanned side by side
constexpr int64_t kGrain = 32768;     // elements of a task, about
constexpr int64_t kEnoughTasks = 32;  // with as many tasks no axis is cut

// `n` rows of `columns` neighbours, `stride` apart (negative to go backwards). sum[c] is what came before, and after.
template <bool kExclusive, typename In, typename Acc, typename Out>
NABLA_INLINE void scan(const In* x, Out* out, int64_t n, int64_t stride, int64_t columns, Acc* sum) {
  const auto step = [](Acc& total, In value, Out& result) {
    const Acc before = total;
    total += static_cast<Acc>(value);
    result = static_cast<Out>(kExclusive ? before : total);
  };
  if (columns == 1) {
    Acc total = *sum;
    for (int64_t i = 0; i < n; ++i) step(total, x[i * stride], out[i * stride]);
    *sum = total;
    return;
  }
  for (int64_t i = 0; i < n; ++i, x += stride, out += stride) {
    for (int64_t c = 0; c < columns; ++c) step(sum[c], x[c], out[c]);
  }
}

// kRows rows of `n` elements that lie `row` apart, side by side: no sum waits for another's addition.
constexpr int64_t kRows = 8;
template <bool kExclusive, typename In, typename Acc, typename Out>
NABLA_INLINE void scan_rows(const In* x, Out* out, int64_t n, int64_t step, int64_t row) {
  Acc total[kRows] = {};
  for (int64_t i = 0; i < n; ++i, x += step, out += step) {
    for (int64_t r = 0; r < kRows; ++r) {
      const Acc before = total[r];
      total[r] += static_cast<Acc>(x[r * row]);
      out[r * row] = static_cast<Out>(kExclusive ? before : total[r]);
    }
  }
}

template <typename In, typename Acc>
NABLA_INLINE void add_up(const In* x, int64_t n, int64_t stride, int64_t columns, Acc* sum) {
  for (int64_t c = 0; c < columns; ++c) sum[c] = 0;
  for (int64_t i = 0; i < n; ++i, x += stride) {
    for (int64_t c = 0; c < columns; ++c) sum[c] += static_cast<Acc>(x[c]);
  }
}

template <typename In, typename Acc, typename Out>
void cumulate(KernelArgs& args) {
  const TensorView &x = args.in[0], &out = args.out[0];
  const int axis = static_cast<int>(args.attr[0]);
  const bool exclusive = args.attr[1] != 0, reverse = args.attr[2] != 0;
  const int64_t n = x.shape[axis];
  int64_t outer = 1, inner = 1;
  for (int i = 0; i < axis; ++i) outer *= x.shape[i];
  for (int i = axis + 1; i < x.rank; ++i) inner *= x.shape[i];
  if (outer * inner * n == 0) return;

  const int64_t tiles = (inner + kTile - 1) / kTile, units = outer * tiles;
  const int64_t width = inner < kTile ? inner : kTile, stride = reverse ? -inner : inner;
  int64_t segment = n;
  if (units < kEnoughTasks && n * width >= 2 * kGrain) segment = kGrain / width;
  const int64_t segments = (n + segment - 1) / segment;

  struct Part {
    int64_t offset, columns, n;
  };
  const auto part_at = [&](int64_t unit, int64_t s) {
    const int64_t o = unit / tiles, c = (unit - o * tiles) * kTile, first = s * segment;
    return Part{(o * n + (reverse ? n - 1 - first : first)) * inner + c, inner - c < kTile ? inner - c : kTile,
                n - first < segment ? n - first : segment};
  };

  Acc* sums = segments > 1 ? args.workspace.array<Acc>(units * segments * width) : nullptr;
  if (segments > 1) {
    parallel_for(args.pool, units * segments, [&](int64_t task) {
      const Part p = part_at(task / segments, task % segments);
      add_up(x.as<const In>() + p.offset, p.n, stride, p.columns, sums + task * width);
    });
  }
  if (inner == 1 && segments == 1) {
    parallel_ranges(
        args.pool, outer, n < kGrain / kRows ? kGrain / n / kRows * kRows : kRows, [&](int64_t begin, int64_t end) {
          const int64_t first = reverse ? n - 1 : 0;
          for (int64_t o = begin; o < end;) {
            const In* from = x.as<const In>() + o * n + first;
            Out* to = out.as<Out>() + o * n + first;
            if (o + kRows <= end) {
              exclusive ? scan_rows<true, In, Acc>(from, to, n, stride, n)
                        : scan_rows<false, In, Acc>(from, to, n, stride, n);
              o += kRows;
            } else {
              Acc sum = 0;
              exclusive ? scan<true>(from, to, n, stride, 1, &sum) : scan<false>(from, to, n, stride, 1, &sum);
              ++o;
            }
          }
        });
    return;
  }
  const int64_t work = segment * width;
  parallel_ranges(args.pool, units * segments, work < kGrain ? kGrain / work : 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t unit = task / segments, s = task - unit * segments;
      const Part p = part_at(unit, s);
      Acc sum[kTile] = {};
      for (int64_t before = unit * segments; before < task; ++before) {
        for (int64_t c = 0; c < p.columns; ++c) sum[c] += sums[before * width + c];
      }
      const In* from = x.as<const In>() + p.offset;
      Out* to = out.as<Out>() + p.offset;
      exclusive ? scan<true>(from, to, p.n, stride, p.columns, sum)
                : scan<false>(from, to, p.n, stride, p.columns, sum);
    }
  });
}

}  // namespace

void cumSum(KernelArgs& args) {
  const TensorView &x = args.in[0], &out = args.out[0];
  NABLA_CHECK(args.n_attr >= 3 && args.attr[0] >= 0 && args.attr[0] < x.rank, "the axis is out of range");
  const bool floating = x.dtype == DType::float32 || x.dtype == DType::float64;
  NABLA_CHECK(x.contiguous() && out.numel() == x.numel() && out.dtype == (floating ? x.dtype : DType::int32),
              "x must be contiguous and like the output");
  switch (x.dtype) {
    case DType::float32: return cumulate<float, double, float>(args);
    case DType::float64: return cumulate<double, double, double>(args);
    case DType::int32: return cumulate<int32_t, uint32_t, int32_t>(args);
    case DType::uint8:
    case DType::boolean: return cumulate<uint8_t, uint32_t, int32_t>(args);
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

}  // namespace nabla::NABLA_ISA
