// What commands say of matmul: a [..., M, K] times b [..., K, N], then bias [N] and residual [..., M, N] where the
// attributes (activation, bias, residual) say so. The outputs: the product, and for gelu what it is taken of.
#pragma once
#include <cstdint>

#include "core/activation.h"
#include "core/checks.h"
#include "core/kernel.h"

namespace nabla {

NABLA_HOST_INLINE bool multiplies_to_float(DType dtype) {
  return dtype == DType::float32 || dtype == DType::bfloat16 || dtype == DType::float16;
}

enum class MatmulDtypes { floats, doubles };

NABLA_HOST_INLINE MatmulDtypes check_matmul(const KernelArgs& args) {
  const TensorView &a = args.in[0], &b = args.in[1], &out = args.out[0];
  NABLA_CHECK(args.n_attr == 3 && args.attr[0] >= 0 && args.attr[0] < kMatmulActivationCount,
              "the activation is unknown");
  NABLA_CHECK(a.rank >= 2 && a.rank <= kMaxRank && b.rank == a.rank && out.rank == a.rank, "the ranks differ");
  const bool doubles = a.dtype == DType::float64 && b.dtype == DType::float64 && out.dtype == DType::float64;
  const bool floats = multiplies_to_float(a.dtype) && multiplies_to_float(b.dtype) && out.dtype == DType::float32;
  NABLA_CHECK(doubles || floats, "the dtypes do not fit");
  const int rank = a.rank;
  for (int d = 0; d < rank - 2; ++d) {
    NABLA_CHECK(a.shape[d] == out.shape[d] && b.shape[d] == out.shape[d], "the batch dimensions differ");
  }
  const bool shapes = a.shape[rank - 1] == b.shape[rank - 2] && a.shape[rank - 2] == out.shape[rank - 2] &&
                      b.shape[rank - 1] == out.shape[rank - 1];
  NABLA_CHECK(shapes && out.contiguous(), "the shapes do not fit");
  const int with_bias = args.attr[1] != 0, with_residual = args.attr[2] != 0;
  NABLA_CHECK(args.n_in == 2 + with_bias + with_residual, "the number of inputs does not fit the attributes");
  if (with_bias) {
    const TensorView& bias = args.in[2];
    NABLA_CHECK(bias.dtype == out.dtype && bias.rank == 1 && bias.shape[0] == b.shape[rank - 1] && bias.contiguous(),
                "the bias does not fit");
  }
  if (with_residual) {
    const TensorView& residual = args.in[2 + with_bias];
    NABLA_CHECK(residual.dtype == out.dtype && same_shape(residual, out) && residual.contiguous(),
                "the residual does not fit");
  }
  if (args.n_out == 2) {
    const TensorView& z = args.out[1];
    NABLA_CHECK(z.dtype == out.dtype && same_shape(z, out) && z.contiguous(), "z does not fit");
    NABLA_CHECK(args.attr[0] == static_cast<int>(Activation::gelu), "only gelu has a z");
  }
  return doubles ? MatmulDtypes::doubles : MatmulDtypes::floats;
}

}  // namespace nabla
