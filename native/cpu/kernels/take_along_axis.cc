// takeAlongAxis and its gradient: every element picks its own place along one axis by an int32 index. Negative
// indices count from the end, as in NumPy.
#include <cstdint>
#include <cstring>

#include "core/indexing.h"
#include "cpu/kernels/strided.h"

namespace nabla::NABLA_ISA {
namespace {

// Before anything is read or written by them.
void check_indices(const int32_t* indices, int64_t n, int64_t size, KernelArgs& args) {
  const int64_t tasks = (n + kElementGrain - 1) / kElementGrain;
  bool* outside = args.workspace.array<bool>(tasks);
  parallel_ranges(args.pool, n, kElementGrain, [&](int64_t begin, int64_t end) {
    int32_t lowest = 0, highest = -1;
    for (int64_t i = begin; i < end; ++i) {
      lowest = indices[i] < lowest ? indices[i] : lowest;
      highest = indices[i] > highest ? indices[i] : highest;
    }
    outside[begin / kElementGrain] = lowest < -size || highest >= size;
  });
  for (int64_t task = 0; task < tasks; ++task) {
    if (!outside[task]) continue;
    for (int64_t i = task * kElementGrain;; ++i) {
      if (indices[i] >= -size && indices[i] < size) continue;
      kernel_error(ErrorKind::index, "index %d at position %lld is outside [0, %lld)", indices[i],
                   static_cast<long long>(i), static_cast<long long>(size));
    }
  }
}

NABLA_INLINE int64_t resolve(int32_t index, int64_t size) { return index < 0 ? index + size : index; }

// Elements are moved as unsigned integers of their size.
template <typename T>
void take(const Lines& s, KernelArgs& args) {
  const T* x = args.in[0].as<const T>();
  const int32_t* indices = args.in[1].as<const int32_t>();
  T* out = args.out[0].as<T>();
  parallel_ranges(args.pool, s.outer * s.count * s.inner, kElementGrain, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t row = begin / s.inner, column = begin - row * s.inner;
      if (s.inner == 1) {
        // The axis is the last one: the rest of a line reads from one row of x.
        const int64_t o = row / s.count, left = (o + 1) * s.count - row;
        const int64_t n = end - begin < left ? end - begin : left;
        const T* from = x + o * s.size;
        for (int64_t i = 0; i < n; ++i) out[begin + i] = from[resolve(indices[begin + i], s.size)];
        begin += n;
      } else {
        const int64_t n = end - begin < s.inner - column ? end - begin : s.inner - column;
        const T* from = x + row / s.count * s.size * s.inner + column;
        for (int64_t j = 0; j < n; ++j) out[begin + j] = from[resolve(indices[begin + j], s.size) * s.inner + j];
        begin += n;
      }
    }
  });
}

// Lines are cut into runs of neighbours; a run is zeroed and summed by one task, in the order of the indices.
template <typename T>
void scatter_add(const Lines& s, KernelArgs& args) {
  const int32_t* indices = args.in[0].as<const int32_t>();
  const T* updates = args.in[1].as<const T>();
  T* out = args.out[0].as<T>();
  constexpr int64_t kMostNeighbours = 1024;
  const int64_t run = s.inner < kMostNeighbours ? s.inner : kMostNeighbours;
  const int64_t runs = (s.inner + run - 1) / run;
  const int64_t work = (s.size + s.count) * run;
  parallel_ranges(args.pool, s.outer * runs, work < kElementGrain ? kElementGrain / work : 1,
                  [&](int64_t begin, int64_t end) {
                    for (int64_t task = begin; task < end; ++task) {
                      const int64_t o = task / runs, first = task % runs * run;
                      const int64_t n = s.inner - first < run ? s.inner - first : run;
                      T* to = out + o * s.size * s.inner + first;
                      for (int64_t i = 0; i < s.size; ++i) {
                        std::memset(to + i * s.inner, 0, static_cast<size_t>(n) * sizeof(T));
                      }
                      for (int64_t i = 0; i < s.count; ++i) {
                        const int64_t at = (o * s.count + i) * s.inner + first;
                        for (int64_t j = 0; j < n; ++j) {
                          T& sum = to[resolve(indices[at + j], s.size) * s.inner + j];
                          sum = static_cast<T>(sum + updates[at + j]);
                        }
                      }
                    }
                  });
}

}  // namespace

void takeAlongAxis(KernelArgs& args) {
  const TensorView &x = args.in[0], &indices = args.in[1], &out = args.out[0];
  const Lines s = lines_of(x, indices, args);
  NABLA_CHECK(x.contiguous(), "x must be contiguous");
  NABLA_CHECK(out.dtype == x.dtype && same_shape(out, indices), "the output does not fit");
  if (out.numel() == 0) return;
  check_indices(indices.as<const int32_t>(), out.numel(), s.size, args);
  switch (dtype_size(x.dtype)) {
    case 1: return take<uint8_t>(s, args);
    case 2: return take<uint16_t>(s, args);
    case 4: return take<uint32_t>(s, args);
    default: return take<uint64_t>(s, args);
  }
}

void scatterAddAlongAxis(KernelArgs& args) {
  const TensorView &indices = args.in[0], &updates = args.in[1], &out = args.out[0];
  const Lines s = lines_of(out, indices, args);
  NABLA_CHECK(updates.contiguous() && same_shape(updates, indices), "the updates do not fit the indices");
  NABLA_CHECK(updates.dtype == out.dtype, "the dtypes of updates and output differ");
  if (out.numel() == 0 && updates.numel() == 0) return;
  check_indices(indices.as<const int32_t>(), updates.numel(), s.size, args);
  switch (out.dtype) {
    case DType::float32: return scatter_add<float>(s, args);
    case DType::float64: return scatter_add<double>(s, args);
    default: kernel_error(ErrorKind::native, "only floating-point numbers are added");
  }
}

}  // namespace nabla::NABLA_ISA
