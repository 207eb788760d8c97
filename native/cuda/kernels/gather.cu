// gather, embedding and scatterAdd: slices of one axis picked, or added to, by int32 indices. Negative indices count
// from the end, as in NumPy. The indices of scatterAdd are sorted, so that each element of the result finds its updates
// side by side and adds them in order.
#include <cstdint>

#include "core/indexing.h"
#include "cuda/kernels/indices.h"
#include "cuda/kernels/pack.h"
#include "cuda/kernels/sort_items.h"

namespace nabla::cuda {
namespace {

constexpr int kThreads = 256;

// One thread for each of the result's n units, of which a slice has `inner`.
template <typename Unit>
__global__ void __launch_bounds__(kThreads)
    gather_units(const Unit* x, const int32_t* indices, Unit* out, uint32_t n, uint32_t inner, uint32_t count,
                 int32_t axis_size, FaultWord* fault) {
  const uint32_t at = blockIdx.x * kThreads + threadIdx.x;
  if (at >= n) return;
  const uint32_t row = at / inner, unit = at - row * inner, outer = row / count, i = row - outer * count;
  const int32_t index = indices[i];
  Unit value = {};
  if (inside(index, axis_size)) {
    value = x[(int64_t{outer} * axis_size + resolve(index, axis_size)) * inner + unit];
  } else if (outer == 0 && unit == 0) {
    report_fault(fault, i, index);
  }
  out[at] = value;
}

template <typename Unit>
void gather_as(KernelArgs& args, const Slices& s, FaultWord* fault) {
  const TensorView &x = args.in[0], &out = args.out[0];
  const int64_t inner = s.inner * dtype_size(x.dtype) / static_cast<int64_t>(sizeof(Unit)),
                n = s.outer * s.count * inner;
  launch(gather_units<Unit>, blocks_for(n, kThreads), kThreads, 0, queue_of(args).stream(), x.as<const Unit>(),
         args.in[1].as<const int32_t>(), out.as<Unit>(), n, inner, s.count, s.axis_size, fault);
}

// An index with its place; those that are outside come last.
struct LoadIndices {
  const int32_t* indices;
  int32_t axis_size;
  FaultWord* fault;

  __device__ Item32 operator()(int64_t, int i) const {
    const int32_t index = indices[i];
    int32_t row = axis_size;
    if (inside(index, axis_size)) {
      row = resolve(index, axis_size);
    } else {
      report_fault(fault, i, index);
    }
    return make_item<Item32>(static_cast<uint32_t>(row), static_cast<uint32_t>(i));
  }
};

// first[row] = the first of the sorted indices that belongs to row or comes after it, for rows in [0, rows].
__global__ void __launch_bounds__(kThreads) find_rows(const Item32* sorted, int count, int32_t rows, int32_t* first) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (row <= rows) first[row] = lower_bound(sorted, count, static_cast<uint32_t>(row));
}

struct ScatterPlan {
  const Item32* sorted;
  const int32_t* first;
  uint32_t n, inner, axis_size, count;
  bool one_value;  // x is one element
};

// One thread for each element of the result. Integers come as unsigned types, so that they wrap.
template <typename T>
__global__ void __launch_bounds__(kThreads) add_updates(ScatterPlan plan, const T* x, const T* updates, T* out) {
  const uint32_t at = blockIdx.x * kThreads + threadIdx.x;
  if (at >= plan.n) return;
  const uint32_t row = at / plan.inner, column = at - row * plan.inner, outer = row / plan.axis_size;
  const uint32_t place = row - outer * plan.axis_size;
  const T* update = updates + int64_t{outer} * plan.count * plan.inner + column;
  T sum = x[plan.one_value ? 0 : at];
  int next = plan.first[place];
  const int end = plan.first[place + 1];
  constexpr int kAhead = 8;  // loads on their way while the sum waits for its additions
  for (; next + kAhead <= end; next += kAhead) {
    T value[kAhead];
#pragma unroll
    for (int k = 0; k < kAhead; ++k) value[k] = update[int64_t{place_of(plan.sorted[next + k])} * plan.inner];
#pragma unroll
    for (int k = 0; k < kAhead; ++k) sum = static_cast<T>(sum + value[k]);
  }
  for (; next < end; ++next) sum = static_cast<T>(sum + update[int64_t{place_of(plan.sorted[next])} * plan.inner]);
  out[at] = sum;
}

// One element, repeated along all axes.
bool is_one_value(const TensorView& x) {
  for (int i = 0; i < x.rank; ++i) {
    if (x.shape[i] != 1 && x.stride[i] != 0) return false;
  }
  return true;
}

template <typename T>
void scatter_add(KernelArgs& args, const ScatterPlan& plan) {
  launch(add_updates<T>, blocks_for(plan.n, kThreads), kThreads, 0, queue_of(args).stream(), plan,
         args.in[0].as<const T>(), args.in[2].as<const T>(), args.out[0].as<T>());
}

}  // namespace

void gather(KernelArgs& args) {
  const TensorView &x = args.in[0], &indices = args.in[1], &out = args.out[0];
  const Slices s = slices_of(x, indices, args);
  NABLA_CHECK(x.contiguous(), "x must be contiguous");
  NABLA_CHECK(out.dtype == x.dtype && out.numel() == s.outer * s.count * s.inner, "the output's size is wrong");
  if (s.count == 0) return;
  FaultWord* const fault = index_fault(args, s.axis_size);
  if (out.numel() == 0) return check_indices(args, indices.as<const int32_t>(), s.count, s.axis_size, fault);
  // The widest units that slices consist of.
  const auto in_units_of = [&](uintptr_t bytes) {
    const auto from = reinterpret_cast<uintptr_t>(x.data), to = reinterpret_cast<uintptr_t>(out.data);
    return static_cast<uintptr_t>(s.inner * dtype_size(x.dtype)) % bytes == 0 && from % bytes == 0 && to % bytes == 0;
  };
  if (in_units_of(16)) return gather_as<Pack<uint32_t>>(args, s, fault);
  if (in_units_of(8)) return gather_as<uint64_t>(args, s, fault);
  if (in_units_of(4)) return gather_as<uint32_t>(args, s, fault);
  if (in_units_of(2)) return gather_as<uint16_t>(args, s, fault);
  gather_as<uint8_t>(args, s, fault);
}

void embedding(KernelArgs& args) { gather(args); }

void scatterAdd(KernelArgs& args) {
  const TensorView &x = args.in[0], &indices = args.in[1], &updates = args.in[2], &out = args.out[0];
  const Slices s = slices_of(x, indices, args);
  NABLA_CHECK(x.contiguous() || is_one_value(x), "x must be contiguous or one element broadcast");
  NABLA_CHECK(updates.dtype == x.dtype && out.dtype == x.dtype && updates.contiguous(),
              "updates must be contiguous and of x's dtype");
  NABLA_CHECK(updates.numel() == s.outer * s.count * s.inner && out.numel() == x.numel(), "the updates' size is wrong");
  FaultWord* const fault = s.count > 0 ? index_fault(args, s.axis_size) : nullptr;
  const int32_t* index = indices.as<const int32_t>();
  if (x.numel() == 0) return check_indices(args, index, s.count, s.axis_size, fault);

  const LoadIndices load{index, static_cast<int32_t>(s.axis_size), fault};
  const Item32* sorted = s.count > 0 ? sort_rows<Item32>(args, load, 1, s.count, s.count, nullptr) : nullptr;
  int32_t* first = args.workspace.array<int32_t>(s.axis_size + 1);
  launch(find_rows, blocks_for(s.axis_size + 1, kThreads), kThreads, 0, queue_of(args).stream(), sorted, s.count,
         s.axis_size, first);
  const auto number = [](int64_t size) { return static_cast<uint32_t>(size); };
  const ScatterPlan plan{sorted,          first,          number(x.numel()), number(s.inner), number(s.axis_size),
                         number(s.count), is_one_value(x)};
  switch (x.dtype) {
    case DType::float32: return scatter_add<float>(args, plan);
    case DType::float64: return scatter_add<double>(args, plan);
    case DType::int32: return scatter_add<uint32_t>(args, plan);
    case DType::uint8: return scatter_add<uint8_t>(args, plan);
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

}  // namespace nabla::cuda
