// What the memory safety of convolutions and poolings depends on.
#pragma once
#include "core/checks.h"
#include "core/conv_geometry.h"
#include "core/tensor_view.h"

namespace nabla {

// image [N, H, W, C], map [N, OH, OW, O], kernels [KH, KW, C/groups, O].
NABLA_HOST_INLINE void check_convolution(const ConvGeometry& g, const TensorView& image, const TensorView& map,
                                         const TensorView& kernels) {
  NABLA_CHECK(image.rank == 4 && map.rank == 4 && kernels.rank == 4, "a convolution needs tensors of rank 4");
  NABLA_CHECK(image.dtype == DType::float32 || image.dtype == DType::float64, "a convolution needs floats");
  NABLA_CHECK(map.dtype == image.dtype && kernels.dtype == image.dtype, "a convolution needs equal dtypes");
  NABLA_CHECK(image.contiguous() && map.contiguous() && kernels.contiguous(), "a convolution needs contiguous tensors");
  NABLA_CHECK(kernels.shape[0] == g.kernel_h && kernels.shape[1] == g.kernel_w &&
                  kernels.shape[2] * g.groups == image.shape[3] && kernels.shape[3] == map.shape[3] &&
                  map.shape[3] % g.groups == 0 && map.shape[0] == image.shape[0] &&
                  map.shape[1] == g.out_h(image.shape[1]) && map.shape[2] == g.out_w(image.shape[2]),
              "the shapes do not fit the geometry");
}

NABLA_HOST_INLINE void check_bias(const TensorView& bias, const TensorView& kernels) {
  NABLA_CHECK(bias.dtype == kernels.dtype && bias.contiguous() && bias.numel() == kernels.shape[3],
              "the bias does not fit the kernels");
}

NABLA_HOST_INLINE void check_pooling(const ConvGeometry& g, const TensorView& x, const TensorView& y) {
  NABLA_CHECK(x.rank == 4 && y.rank == 4, "pooling needs tensors of rank 4");
  NABLA_CHECK(x.dtype == DType::float32 || x.dtype == DType::float64, "pooling needs floats");
  NABLA_CHECK(y.dtype == x.dtype && x.contiguous() && y.contiguous(), "pooling needs contiguous tensors of one dtype");
  NABLA_CHECK(y.shape[0] == x.shape[0] && y.shape[1] == g.out_h(x.shape[1]) && y.shape[2] == g.out_w(x.shape[2]) &&
                  y.shape[3] == x.shape[3],
              "the shapes do not fit the geometry");
}

}  // namespace nabla
