// What a correlation of images with kernels is made of. A convolution's forward
// pass is one, and so is its input gradient, one stride phase at a time.
#pragma once
#include <cstring>

#include "core/conv_geometry.h"
#include "core/tensor_view.h"
#include "cpu/gemm/conv_method.h"
#include "cpu/gemm/conv_window.h"
#include "cpu/gemm/pack.h"
#include "cpu/gemm/tile.h"
#include "cpu/simd/vec.h"

namespace nabla::NABLA_ISA {

template <typename T>
struct Correlation {
  Images<T> in;                     // in.channels of a group
  int64_t images, groups, outputs;  // outputs of a group
  int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
  int64_t pad_top, pad_left;  // negative crops
  // Output pixel (image, y, x) at out + image*out_image + y*out_row + x*out_pixel, the groups' outputs in turn.
  T* out;
  int64_t out_h, out_w, out_image, out_row, out_pixel;
  const T* bias;  // may be null
  Activation activation;
  Algorithm algorithm;  // asked for
  Method method;        // chosen by correlation_method()

  int64_t patch() const { return kernel_h * kernel_w * in.channels; }
  // Columns of the image that a whole output row reads.
  ColumnRange columns() const { return {-pad_left, (out_w - 1) * stride_w + (kernel_w - 1) * dilation_w + 1}; }
  // Where tap (i, j) stands in the order of the kernels.
  int64_t tap(int64_t i, int64_t j) const { return method == Method::by_column ? j * kernel_h + i : i * kernel_w + j; }
};

// The correlation of image [N, H, W, C] with kernels, whose result is a map [N, OH, OW, O].
template <typename T>
Correlation<T> forward_correlation(const ConvGeometry& g, const TensorView& image, const TensorView& map,
                                   Algorithm algorithm) {
  Correlation<T> c;
  c.in = {image.as<T>(), image.shape[1], image.shape[2], image.shape[3], image.shape[3] / g.groups};
  c.images = image.shape[0];
  c.groups = g.groups;
  c.outputs = map.shape[3] / g.groups;
  c.kernel_h = g.kernel_h, c.kernel_w = g.kernel_w;
  c.stride_h = g.stride_h, c.stride_w = g.stride_w;
  c.dilation_h = g.dilation_h, c.dilation_w = g.dilation_w;
  c.pad_top = g.pad_top, c.pad_left = g.pad_left;
  c.out = map.as<T>();
  c.out_h = map.shape[1], c.out_w = map.shape[2];
  c.out_pixel = map.shape[3];
  c.out_row = c.out_w * c.out_pixel;
  c.out_image = c.out_h * c.out_row;
  c.bias = nullptr;
  c.activation = Activation::none;
  c.algorithm = algorithm;
  c.method = correlation_method(c);
  return c;
}

// The patch of one output pixel, in the order of the kernels.
template <typename T>
void gather_patch(const Correlation<T>& c, const T* image, int64_t y, int64_t x, T* patch) {
  const int64_t channels = c.in.channels, run = c.kernel_w * channels;
  const TapRange rows = TapRange::of(y * c.stride_h - c.pad_top, c.kernel_h, c.dilation_h, c.in.h);
  const TapRange cols = TapRange::of(x * c.stride_w - c.pad_left, c.kernel_w, c.dilation_w, c.in.w);
  if (rows.end - rows.begin < c.kernel_h || cols.end - cols.begin < c.kernel_w) {
    std::memset(patch, 0, c.kernel_h * run * sizeof(T));
  }
  for (int64_t kh = rows.begin; kh < rows.end; ++kh) {
    const T* from = image + ((rows.first + kh * c.dilation_h) * c.in.w + cols.first) * c.in.pixel;
    T* to = patch + kh * run;
    if (c.dilation_w == 1 && channels == c.in.pixel) {
      copy_row(from + cols.begin * channels, to + cols.begin * channels, (cols.end - cols.begin) * channels);
    } else {
      for (int64_t kw = cols.begin; kw < cols.end; ++kw) {
        copy_row(from + kw * c.dilation_w * c.in.pixel, to + kw * channels, channels);
      }
    }
  }
}

}  // namespace nabla::NABLA_ISA
