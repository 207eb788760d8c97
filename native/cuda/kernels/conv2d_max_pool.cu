// A convolution with bias and activation, then max pooling, of which only the maxima and their places are kept: the two
// kernels one after another, with the convolution's result in scratch memory.
#include "core/conv_geometry.h"
#include "core/kernel.h"
#include "cuda/kernels/conv_correlation.h"
#include "cuda/launch.h"

namespace nabla::cuda {

void conv2d(KernelArgs& args);
void maxPool2d(KernelArgs& args);

void conv2dMaxPool(KernelArgs& args) {
  constexpr int kConvolutionAttrs = ConvGeometry::kAttrs + 2;  // those of conv2d
  NABLA_CHECK(args.n_attr == kConvolutionAttrs + ConvGeometry::kAttrs, "the geometries are incomplete");
  const ConvGeometry conv = ConvGeometry::from(args.attr, ConvGeometry::kAttrs);
  const TensorView &x = args.in[0], &w = args.in[1], &y = args.out[0];
  NABLA_CHECK(x.rank == 4 && w.rank == 4 && y.rank == 4, "a convolution needs tensors of rank 4");
  const int64_t h = conv.out_h(x.shape[1]), width = conv.out_w(x.shape[2]), outputs = w.shape[3];
  TensorView map = {
      nullptr, x.dtype, 4, {x.shape[0], h, width, outputs}, {h * width * outputs, width * outputs, outputs, 1}};
  check_convolution(conv, x, map, w);
  // Nothing is read or written before both have checked the rest.
  if (map.numel() > 0) map.data = args.workspace.get(static_cast<size_t>(map.numel() * dtype_size(map.dtype)));
  KernelArgs convolution{args.in,           args.n_in, &map,           1,         args.attr,
                         kConvolutionAttrs, args.pool, args.workspace, args.queue};
  conv2d(convolution);
  KernelArgs pooling{
      &map,           1,         args.out, args.n_out, args.attr + kConvolutionAttrs, ConvGeometry::kAttrs, args.pool,
      args.workspace, args.queue};
  maxPool2d(pooling);
}

}  // namespace nabla::cuda
