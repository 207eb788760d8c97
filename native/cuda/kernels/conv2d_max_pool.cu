// A convolution with bias and activation, then max pooling, of which only the maxima and their places are kept. Windows
// of 2x2 pixels side by side are pooled where the convolution is computed; otherwise the two kernels run one after
// another, with the convolution's result in scratch memory.
#include "core/conv_geometry.h"
#include "core/kernel.h"
#include "cuda/kernels/conv_correlation.h"
#include "cuda/kernels/conv_pooled.h"
#include "cuda/kernels/pool.h"

namespace nabla::cuda {

void conv2d(KernelArgs& args);
void maxPool2d(KernelArgs& args);

namespace {

bool two_by_two(const ConvGeometry& g) {
  return g.kernel_h == 2 && g.kernel_w == 2 && g.stride_h == 2 && g.stride_w == 2 && g.dilation_h == 1 &&
         g.dilation_w == 1 && g.pad_top == 0 && g.pad_left == 0 && g.pad_bottom == 0 && g.pad_right == 0;
}

bool small_places(const TensorView& places, const TensorView& y) {
  bool fits = places.dtype == DType::uint8 && places.rank == 4 && places.contiguous();
  for (int i = 0; i < 4; ++i) fits = fits && places.shape[i] == y.shape[i];
  return fits;
}

}  // namespace

void conv2dMaxPool(KernelArgs& args) {
  constexpr int kConvolutionAttrs = ConvGeometry::kAttrs + 2;  // those of conv2d
  NABLA_CHECK(args.n_attr == kConvolutionAttrs + ConvGeometry::kAttrs, "the geometries are incomplete");
  const ConvGeometry conv = ConvGeometry::from(args.attr, ConvGeometry::kAttrs);
  const ConvGeometry pool = ConvGeometry::from(args.attr + kConvolutionAttrs, ConvGeometry::kAttrs);
  const TensorView &x = args.in[0], &w = args.in[1], &y = args.out[0];
  NABLA_CHECK(x.rank == 4 && w.rank == 4 && y.rank == 4, "a convolution needs tensors of rank 4");
  const int64_t h = conv.out_h(x.shape[1]), width = conv.out_w(x.shape[2]), outputs = w.shape[3];
  TensorView map = {
      nullptr, x.dtype, 4, {x.shape[0], h, width, outputs}, {h * width * outputs, width * outputs, outputs, 1}};
  check_convolution(conv, x, map, w);
  check_convolution_size(x, map, w);
  if (args.n_in > 2) check_bias(args.in[2], w);
  check_algorithm(args, ConvGeometry::kAttrs + 1);
  check_pooling(pool, map, y);
  check_pooling_size(pool, map);
  if (y.numel() == 0) return;
  const bool has_places = args.n_out > 1;
  if (two_by_two(pool) && (!has_places || small_places(args.out[1], y)) &&
      convolve_and_pool(args, conv, map, {y, has_places ? args.out[1].as<uint8_t>() : nullptr})) {
    return;
  }
  map.data = args.workspace.get(static_cast<size_t>(map.numel() * dtype_size(map.dtype)));
  KernelArgs convolution{args.in,           args.n_in, &map,           1,         args.attr,
                         kConvolutionAttrs, args.pool, args.workspace, args.queue};
  conv2d(convolution);
  KernelArgs pooling{
      &map,           1,         args.out, args.n_out, args.attr + kConvolutionAttrs, ConvGeometry::kAttrs, args.pool,
      args.workspace, args.queue};
  maxPool2d(pooling);
}

}  // namespace nabla::cuda
