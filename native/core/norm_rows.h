// What commands say of layerNorm and rmsNorm: rows that are normalised each by itself.
#pragma once
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"

namespace nabla {

struct NormRows {
  int64_t rows, columns;
  double epsilon;
  bool gamma;
};

NABLA_HOST_INLINE void check_norm_input(const TensorView& view, int64_t numel, DType dtype) {
  NABLA_CHECK(view.contiguous() && view.numel() == numel && view.dtype == dtype,
              "inputs and outputs must be contiguous, of one dtype and of fitting sizes");
}

// Checks what all kernels of this kind have in common: x is the first input; attr: epsilon, size, gamma.
NABLA_HOST_INLINE NormRows norm_rows(const KernelArgs& args) {
  const TensorView& x = args.in[0];
  NABLA_CHECK(x.dtype == DType::float32 || x.dtype == DType::float64, "inputs must be float32 or float64");
  NABLA_CHECK(args.n_attr >= 3 && args.attr[1] >= 0 && args.attr[1] <= 2147483647, "epsilon, size, gamma are needed");
  const int64_t columns = static_cast<int64_t>(args.attr[1]), numel = x.numel();
  NABLA_CHECK(columns > 0 ? numel % columns == 0 : numel == 0, "the size must divide the input");
  check_norm_input(x, numel, x.dtype);
  check_norm_input(args.out[0], numel, x.dtype);
  return {columns > 0 ? numel / columns : 0, columns, args.attr[0], args.attr[2] != 0};
}

NABLA_HOST_INLINE NormRows layer_norm_rows(const KernelArgs& args) {
  const NormRows p = norm_rows(args);
  const DType dtype = args.in[0].dtype;
  NABLA_CHECK(!p.gamma || args.n_in >= 2, "gamma is missing");
  for (int i = 1; i < args.n_in; ++i) check_norm_input(args.in[i], p.columns, dtype);
  for (int i = 1; i < 3; ++i) check_norm_input(args.out[i], p.rows, dtype);
  return p;
}

NABLA_HOST_INLINE NormRows layer_norm_grad_rows(const KernelArgs& args) {
  const NormRows p = norm_rows(args);
  const DType dtype = args.in[0].dtype;
  NABLA_CHECK(args.n_in == 4 + p.gamma && args.n_out != 2, "gamma or an output is missing");
  check_norm_input(args.in[1], args.in[0].numel(), dtype);
  for (int i = 2; i < 4; ++i) check_norm_input(args.in[i], p.rows, dtype);
  if (p.gamma) check_norm_input(args.in[4], p.columns, dtype);
  for (int i = 1; i < args.n_out; ++i) check_norm_input(args.out[i], p.columns, dtype);
  return p;
}

NABLA_HOST_INLINE NormRows rms_norm_rows(const KernelArgs& args) {
  const NormRows p = norm_rows(args);
  const DType dtype = args.in[0].dtype;
  NABLA_CHECK(args.n_in == 1 + p.gamma, "gamma is missing");
  if (p.gamma) check_norm_input(args.in[1], p.columns, dtype);
  check_norm_input(args.out[1], p.rows, dtype);
  return p;
}

NABLA_HOST_INLINE NormRows rms_norm_grad_rows(const KernelArgs& args) {
  const NormRows p = norm_rows(args);
  const DType dtype = args.in[0].dtype;
  NABLA_CHECK(args.n_in == 3 + p.gamma, "gamma is missing");
  check_norm_input(args.in[1], args.in[0].numel(), dtype);
  check_norm_input(args.in[2], p.rows, dtype);
  if (p.gamma) check_norm_input(args.in[3], p.columns, dtype);
  if (args.n_out == 2) check_norm_input(args.out[1], p.columns, dtype);
  return p;
}

}  // namespace nabla
