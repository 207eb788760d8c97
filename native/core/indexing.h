// What commands say of gather and takeAlongAxis, and of their gradients: one axis, and int32 indices into it.
#pragma once
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"

namespace nabla {

// Of gather: x as [outer, axis_size, inner]; the indexed side as [outer, count, inner].
struct Slices {
  int64_t outer = 1, axis_size = 0, inner = 1, count = 0;
};

NABLA_HOST_INLINE Slices slices_of(const TensorView& x, const TensorView& indices, const KernelArgs& args) {
  NABLA_CHECK(args.n_attr >= 1 && args.attr[0] >= 0 && args.attr[0] < x.rank, "the axis is out of range");
  NABLA_CHECK(indices.dtype == DType::int32 && indices.contiguous(), "indices must be int32 and contiguous");
  const int axis = static_cast<int>(args.attr[0]);
  Slices s;
  for (int i = 0; i < axis; ++i) s.outer *= x.shape[i];
  for (int i = axis + 1; i < x.rank; ++i) s.inner *= x.shape[i];
  s.axis_size = x.shape[axis];
  s.count = indices.numel();
  return s;
}

// Of takeAlongAxis: one side as [outer, size, inner], the indices as [outer, count, inner].
struct Lines {
  int64_t outer = 1, size = 0, inner = 1, count = 0;
};

// Of a tensor and indices that have the same shape but for the axis.
NABLA_HOST_INLINE Lines lines_of(const TensorView& x, const TensorView& indices, const KernelArgs& args) {
  NABLA_CHECK(args.n_attr == 1 && args.attr[0] >= 0 && args.attr[0] < x.rank, "the axis is out of range");
  NABLA_CHECK(indices.dtype == DType::int32 && indices.contiguous(), "indices must be int32 and contiguous");
  NABLA_CHECK(indices.rank == x.rank, "the indices have another number of axes");
  const int axis = static_cast<int>(args.attr[0]);
  Lines s;
  for (int d = 0; d < x.rank; ++d) {
    NABLA_CHECK(d == axis || x.shape[d] == indices.shape[d], "the indices do not fit");
    if (d != axis) (d < axis ? s.outer : s.inner) *= x.shape[d];
  }
  s.size = x.shape[axis];
  s.count = indices.shape[axis];
  return s;
}

}  // namespace nabla
