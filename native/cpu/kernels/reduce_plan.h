// How a reduction walks its input: the axes that stay and the axes that go, each as few merged dimensions, with the
// smallest strides innermost.
#pragma once
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/kernels/strided.h"

namespace nabla::NABLA_ISA {

struct ReducePlan {
  StridedLoop<2> kept;  // strides of the input and of the output
  StridedLoop<1> reduced;
  int64_t outputs = 1, count = 1;  // elements of the output, and input elements of each
  int64_t in_begin = 0, out_begin = 0;
  bool inner_reduced = false;  // neighbours in memory go into one output
};

struct ReduceDim {
  int64_t size, in_stride, out_stride;
  bool reduced;
};

// Adds a dimension inside the others, merging it with the last where the strides allow.
template <int N>
NABLA_INLINE void append_dim(StridedLoop<N>& loop, int64_t size, const int64_t (&stride)[N]) {
  bool merge = loop.rank > 0;
  for (int k = 0; k < N; ++k) merge = merge && loop.stride[k][loop.rank - 1] == stride[k] * size;
  if (!merge) loop.shape[loop.rank++] = 1;
  loop.shape[loop.rank - 1] *= size;
  for (int k = 0; k < N; ++k) loop.stride[k][loop.rank - 1] = stride[k];
}

// attr[0] is the bitmask of the axes that are reduced.
inline ReducePlan plan_reduction(const KernelArgs& args) {
  const TensorView& x = args.in[0];
  NABLA_CHECK(args.n_attr >= 1 && args.attr[0] >= 0 && args.attr[0] < (1 << x.rank), "the axes are out of range");
  const int mask = static_cast<int>(args.attr[0]);
  ReducePlan plan;
  ReduceDim dims[kMaxRank];
  int rank = 0;
  for (int i = x.rank - 1; i >= 0; --i) {
    ReduceDim dim{x.shape[i], x.stride[i], plan.outputs, (mask >> i & 1) != 0};
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
    const auto key = [](const ReduceDim& d) { return d.in_stride == 0 ? INT64_MAX : d.in_stride; };
    for (; place > 0 && key(dims[place - 1]) <= key(dim); --place) dims[place] = dims[place - 1];
    dims[place] = dim;
  }
  NABLA_CHECK(args.out[0].numel() == plan.outputs, "the output's size is wrong");

  // `dims` runs from the largest stride to the smallest: append in that order.
  plan.kept.rank = plan.reduced.rank = 0;
  for (int i = 0; i < rank; ++i) {
    if (dims[i].reduced) {
      append_dim<1>(plan.reduced, dims[i].size, {dims[i].in_stride});
    } else {
      append_dim<2>(plan.kept, dims[i].size, {dims[i].in_stride, dims[i].out_stride});
    }
  }
  plan.inner_reduced = rank > 0 && dims[rank - 1].reduced;
  if (plan.kept.rank == 0) append_dim<2>(plan.kept, 1, {1, 1});
  if (plan.reduced.rank == 0) append_dim<1>(plan.reduced, 1, {1});
  return plan;
}

}  // namespace nabla::NABLA_ISA
