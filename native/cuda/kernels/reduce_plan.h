// How a reduction walks its input: the axes that stay and the axes that go, each as few merged dimensions, with the
// smallest strides innermost.
#pragma once
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"

namespace nabla::cuda {

// From the outermost dimension to the innermost; at least one.
struct ReduceDims {
  int rank = 0;
  uint32_t size[kMaxRank] = {};
  int64_t in_stride[kMaxRank] = {}, out_stride[kMaxRank] = {};

  // Adds a dimension inside the others, merging it with the last where the strides allow.
  void append(uint32_t dim_size, int64_t in, int64_t out) {
    const bool merge = rank > 0 && in_stride[rank - 1] == in * dim_size && out_stride[rank - 1] == out * dim_size;
    if (!merge) size[rank++] = 1;
    size[rank - 1] *= dim_size;
    in_stride[rank - 1] = in;
    out_stride[rank - 1] = out;
  }
  // Calls add(in, out) for the offsets of the i-th element along each dimension.
  template <typename Add>
  __device__ void for_offsets(uint32_t i, Add&& add) const {
    for (int d = rank - 1; d > 0; --d) {
      const uint32_t outer = i / size[d], index = i - outer * size[d];
      add(index * in_stride[d], index * out_stride[d]);
      i = outer;
    }
    add(i * in_stride[0], i * out_stride[0]);
  }
  __device__ int64_t in_offset(uint32_t i) const {
    int64_t offset = 0;
    for_offsets(i, [&](int64_t in, int64_t) { offset += in; });
    return offset;
  }
  __device__ int64_t out_offset(uint32_t i) const {
    int64_t offset = 0;
    for_offsets(i, [&](int64_t, int64_t out) { offset += out; });
    return offset;
  }
  // Whether `width` neighbours may be read at once, from any multiple of the width on.
  bool in_packs(int width) const {
    for (int d = 0; d < rank - 1; ++d) {
      if (in_stride[d] % width != 0) return false;
    }
    return in_stride[rank - 1] == 1 && size[rank - 1] % static_cast<uint32_t>(width) == 0;
  }
  // Whether all offsets are multiples of the width.
  bool at_packs(int width) const {
    for (int d = 0; d < rank; ++d) {
      if (in_stride[d] % width != 0) return false;
    }
    return true;
  }
};

struct ReducePlan {
  ReduceDims kept, reduced;
  int64_t outputs = 1, count = 1;  // elements of the output, and input elements of each
  int64_t in_begin = 0, out_begin = 0;
  bool inner_reduced = false;  // neighbours in memory go into one output
};

// attr[0] is the bitmask of the axes that are reduced.
inline ReducePlan plan_reduction(const KernelArgs& args) {
  struct Dim {
    int64_t size, in_stride, out_stride;
    bool reduced;
  };
  const TensorView& x = args.in[0];
  NABLA_CHECK(args.n_attr >= 1 && args.attr[0] >= 0 && args.attr[0] < (1 << x.rank), "the axes are out of range");
  const int mask = static_cast<int>(args.attr[0]);
  ReducePlan plan;
  Dim dims[kMaxRank];
  int rank = 0;
  for (int i = x.rank - 1; i >= 0; --i) {
    Dim dim{x.shape[i], x.stride[i], plan.outputs, (mask >> i & 1) != 0};
    (dim.reduced ? plan.count : plan.outputs) *= dim.size;
    if (dim.size <= 1) continue;
    if (dim.in_stride < 0) {  // from the other end
      plan.in_begin += (dim.size - 1) * dim.in_stride;
      dim.in_stride = -dim.in_stride;
      if (!dim.reduced) {
        plan.out_begin += (dim.size - 1) * dim.out_stride;
        dim.out_stride = -dim.out_stride;
      }
    }
    // Insertion by decreasing stride; broadcast axes, which cost no memory, come outermost.
    int place = rank++;
    const auto key = [](const Dim& d) { return d.in_stride == 0 ? INT64_MAX : d.in_stride; };
    for (; place > 0 && key(dims[place - 1]) <= key(dim); --place) dims[place] = dims[place - 1];
    dims[place] = dim;
  }
  NABLA_CHECK(args.out[0].numel() == plan.outputs, "the output's size is wrong");
  NABLA_CHECK(plan.outputs <= INT32_MAX && plan.count <= INT32_MAX, "the input is too large");
  for (int i = 0; i < rank; ++i) {
    const uint32_t size = static_cast<uint32_t>(dims[i].size);
    if (dims[i].reduced) {
      plan.reduced.append(size, dims[i].in_stride, 0);
    } else {
      plan.kept.append(size, dims[i].in_stride, dims[i].out_stride);
    }
  }
  plan.inner_reduced = rank > 0 && dims[rank - 1].reduced;
  if (plan.kept.rank == 0) plan.kept.append(1, 0, 0);
  if (plan.reduced.rank == 0) plan.reduced.append(1, 0, 0);
  return plan;
}

}  // namespace nabla::cuda
