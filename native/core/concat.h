// What commands say of concat: tensors one after another along an axis.
#pragma once
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"

namespace nabla {

// Whether `in` has the output's shape but for the axis.
NABLA_HOST_INLINE bool fits_concat(const TensorView& in, const TensorView& out, int axis) {
  if (in.rank != out.rank || in.dtype != out.dtype) return false;
  for (int d = 0; d < out.rank; ++d) {
    if (d != axis && in.shape[d] != out.shape[d]) return false;
  }
  return true;
}

// copy(part of the output, input) for every input.
template <typename Copy>
NABLA_HOST_INLINE void for_concat_parts(const KernelArgs& args, Copy&& copy) {
  const TensorView& out = args.out[0];
  NABLA_CHECK(args.n_attr == 1 && args.attr[0] >= 0 && args.attr[0] < out.rank, "the axis is out of range");
  const int axis = static_cast<int>(args.attr[0]);
  int64_t total = 0;
  for (int i = 0; i < args.n_in; ++i) {
    NABLA_CHECK(fits_concat(args.in[i], out, axis), "an input does not fit the output");
    total += args.in[i].shape[axis];
  }
  NABLA_CHECK(total == out.shape[axis], "the output's size along the axis is wrong");
  const int64_t step = out.stride[axis] * dtype_size(out.dtype);
  TensorView part = out;
  for (int i = 0; i < args.n_in; ++i) {
    part.shape[axis] = args.in[i].shape[axis];
    copy(part, args.in[i]);
    part.data = static_cast<char*>(part.data) + part.shape[axis] * step;
  }
}

}  // namespace nabla
