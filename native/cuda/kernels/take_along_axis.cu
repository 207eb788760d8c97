// takeAlongAxis and its gradient: every element picks its own place along one axis by an int32 index. Negative
// indices count from the end, as in NumPy. For the gradient the indices of each line are sorted, unless they are few,
// so that each element of the result finds its updates side by side and adds them in order.
#include <cstdint>

#include "core/indexing.h"
#include "cuda/kernels/indices.h"
#include "cuda/kernels/sort_items.h"

namespace nabla::cuda {
namespace {

constexpr int kThreads = 256;

// One thread for each of n elements, which are moved as unsigned integers of their size.
template <typename T>
__global__ void __launch_bounds__(kThreads) take(const T* x, const int32_t* indices, T* out, uint32_t n, uint32_t inner,
                                                 uint32_t count, int32_t size, FaultWord* fault) {
  const uint32_t at = blockIdx.x * kThreads + threadIdx.x;
  if (at >= n) return;
  const uint32_t row = at / inner, column = at - row * inner, outer = row / count;
  const int32_t index = indices[at];
  T value = 0;
  if (inside(index, size)) {
    value = x[(int64_t{outer} * size + resolve(index, size)) * inner + column];
  } else {
    report_fault(fault, at, index);
  }
  out[at] = value;
}

template <typename T>
void take_as(KernelArgs& args, const Lines& s) {
  const int64_t n = args.out[0].numel();
  launch(take<T>, blocks_for(n, kThreads), kThreads, 0, queue_of(args).stream(), args.in[0].as<const T>(),
         args.in[1].as<const int32_t>(), args.out[0].as<T>(), n, s.inner, s.count, s.size, index_fault(args, s.size));
}

struct LinePlan {
  uint32_t n, inner, size, count;
};

// The indices of line outer * inner + column, each with its place in the line; those that are outside come last.
struct LoadLines {
  const int32_t* indices;
  LinePlan plan;
  FaultWord* fault;

  __device__ Item32 operator()(int64_t line, int i) const {
    const int64_t outer = static_cast<uint32_t>(line) / plan.inner, column = line - outer * plan.inner;
    const int64_t at = (outer * plan.count + i) * plan.inner + column;
    const int32_t index = indices[at], size = static_cast<int32_t>(plan.size);
    int32_t place = size;
    if (inside(index, size)) {
      place = resolve(index, size);
    } else {
      report_fault(fault, at, index);
    }
    return make_item<Item32>(static_cast<uint32_t>(place), static_cast<uint32_t>(i));
  }
};

// One thread for each element of the result. Without the sorted lines it looks at all indices of its own.
template <bool kSorted, typename T>
__global__ void __launch_bounds__(kThreads)
    add_updates(LinePlan plan, const Item32* sorted, const int32_t* indices, const T* updates, T* out) {
  const uint32_t at = blockIdx.x * kThreads + threadIdx.x;
  if (at >= plan.n) return;
  const uint32_t row = at / plan.inner, column = at - row * plan.inner, outer = row / plan.size;
  const uint32_t place = row - outer * plan.size;
  const int64_t first = int64_t{outer} * plan.count * plan.inner + column;
  const int count = static_cast<int>(plan.count);
  T sum = 0;
  if (kSorted) {
    const Item32* line = sorted + (int64_t{outer} * plan.inner + column) * plan.count;
    for (int k = lower_bound(line, count, place); k < count && key_of(line[k]) == place; ++k) {
      sum += updates[first + int64_t{place_of(line[k])} * plan.inner];
    }
  } else {
    for (int64_t i = 0; i < count; ++i) {
      const int32_t index = indices[first + i * plan.inner], size = static_cast<int32_t>(plan.size);
      if (static_cast<uint32_t>(resolve(index, size)) == place) sum += updates[first + i * plan.inner];
    }
  }
  out[at] = sum;
}

template <typename T>
void scatter_add(KernelArgs& args, const Lines& s, FaultWord* fault) {
  constexpr int64_t kFew = 16;
  const int32_t* indices = args.in[0].as<const int32_t>();
  const T* updates = args.in[1].as<const T>();
  const TensorView& out = args.out[0];
  const auto number = [](int64_t size) { return static_cast<uint32_t>(size); };
  const LinePlan plan{number(out.numel()), number(s.inner), number(s.size), number(s.count)};
  const unsigned blocks = blocks_for(out.numel(), kThreads);
  const cudaStream_t stream = queue_of(args).stream();
  if (s.count <= kFew || out.numel() == 0) {
    check_indices(args, indices, s.outer * s.count * s.inner, s.size, fault);
    launch(add_updates<false, T>, blocks, kThreads, 0, stream, plan, nullptr, indices, updates, out.as<T>());
    return;
  }
  const LoadLines load{indices, plan, fault};
  const Item32* sorted = sort_rows<Item32>(args, load, s.outer * s.inner, s.count, s.count, nullptr);
  launch(add_updates<true, T>, blocks, kThreads, 0, stream, plan, sorted, indices, updates, out.as<T>());
}

}  // namespace

void takeAlongAxis(KernelArgs& args) {
  const TensorView &x = args.in[0], &indices = args.in[1], &out = args.out[0];
  const Lines s = lines_of(x, indices, args);
  NABLA_CHECK(x.contiguous(), "x must be contiguous");
  NABLA_CHECK(out.dtype == x.dtype && same_shape(out, indices), "the output does not fit");
  if (out.numel() == 0) return;
  switch (dtype_size(x.dtype)) {
    case 1: return take_as<uint8_t>(args, s);
    case 2: return take_as<uint16_t>(args, s);
    case 4: return take_as<uint32_t>(args, s);
    default: return take_as<uint64_t>(args, s);
  }
}

void scatterAddAlongAxis(KernelArgs& args) {
  const TensorView &indices = args.in[0], &updates = args.in[1], &out = args.out[0];
  const Lines s = lines_of(out, indices, args);
  NABLA_CHECK(updates.contiguous() && same_shape(updates, indices), "the updates do not fit the indices");
  NABLA_CHECK(updates.dtype == out.dtype, "the dtypes of updates and output differ");
  NABLA_CHECK(out.dtype == DType::float32 || out.dtype == DType::float64, "only floating-point numbers are added");
  if (out.numel() == 0 && updates.numel() == 0) return;
  FaultWord* const fault = index_fault(args, s.size);
  out.dtype == DType::float32 ? scatter_add<float>(args, s, fault) : scatter_add<double>(args, s, fault);
}

}  // namespace nabla::cuda
