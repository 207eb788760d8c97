// concat: tensors one after another along an axis, each copied once into its part of the output.
#include "core/checks.h"
#include "cuda/queue.h"
#include "cuda/strided.h"

namespace nabla::cuda {
namespace {

// Whether `in` has the output's shape but for the axis.
bool fits(const TensorView& in, const TensorView& out, int axis) {
  if (in.rank != out.rank || in.dtype != out.dtype) return false;
  for (int d = 0; d < out.rank; ++d) {
    if (d != axis && in.shape[d] != out.shape[d]) return false;
  }
  return true;
}

}  // namespace

void concat(KernelArgs& args) {
  const TensorView& out = args.out[0];
  NABLA_CHECK(args.n_attr == 1 && args.attr[0] >= 0 && args.attr[0] < out.rank, "the axis is out of range");
  const int axis = static_cast<int>(args.attr[0]);
  int64_t total = 0;
  for (int i = 0; i < args.n_in; ++i) {
    NABLA_CHECK(fits(args.in[i], out, axis), "an input does not fit the output");
    total += args.in[i].shape[axis];
  }
  NABLA_CHECK(total == out.shape[axis], "the output's size along the axis is wrong");
  const int64_t step = out.stride[axis] * dtype_size(out.dtype);
  TensorView part = out;
  for (int i = 0; i < args.n_in; ++i) {
    part.shape[axis] = args.in[i].shape[axis];
    copy_strided(part, args.in[i], queue_of(args).stream());
    part.data = static_cast<char*>(part.data) + part.shape[axis] * step;
  }
}

}  // namespace nabla::cuda
