// What the poolings have in common. Images are NHWC: a window takes all channels of its pixels, whole vectors of them.
#pragma once
#include "core/conv_checks.h"
#include "cpu/simd/vec.h"

namespace nabla::NABLA_ISA {

struct PoolShape {
  ConvGeometry g;
  int64_t images, h, w, channels, out_h, out_w;

  PoolShape(const ConvGeometry& geometry, const TensorView& image, const TensorView& pooled)
      : g(geometry),
        images(image.shape[0]),
        h(image.shape[1]),
        w(image.shape[2]),
        channels(image.shape[3]),
        out_h(pooled.shape[1]),
        out_w(pooled.shape[2]) {}

  int64_t row() const { return w * channels; }
  int64_t out_row() const { return out_w * channels; }
  // The rows and columns of window (oy, ox) that lie in the image.
  NABLA_INLINE TapRange rows(int64_t oy) const {
    return TapRange::of(oy * g.stride_h - g.pad_top, g.kernel_h, g.dilation_h, h);
  }
  NABLA_INLINE TapRange cols(int64_t ox) const {
    return TapRange::of(ox * g.stride_w - g.pad_left, g.kernel_w, g.dilation_w, w);
  }
  // Where pixel (i, j) of a window lies in its image.
  NABLA_INLINE int64_t tap(const TapRange& rows, const TapRange& cols, int64_t i, int64_t j) const {
    return ((rows.first + i * g.dilation_h) * w + cols.first + j * g.dilation_w) * channels;
  }
  // Whether the windows lie side by side in the image.
  bool tiled() const {
    return g.stride_h == g.kernel_h && g.stride_w == g.kernel_w && g.dilation_h == 1 && g.dilation_w == 1 &&
           g.pad_top == 0 && g.pad_left == 0 && g.kernel_h * out_h <= h && g.kernel_w * out_w <= w;
  }
  bool two_by_two() const { return g.kernel_h == 2 && g.kernel_w == 2 && tiled(); }
};

constexpr int64_t kPoolElementsPerTask = 1 << 14;

NABLA_INLINE int64_t rows_per_task(int64_t row) { return row >= kPoolElementsPerTask ? 1 : kPoolElementsPerTask / row; }

// body(first channel, channels) for whole vectors, then for the rest.
template <typename T, typename F>
NABLA_INLINE void by_vectors(int64_t channels, F&& body) {
  constexpr int64_t width = Vec<T>::width;
  int64_t c = 0;
  for (; c + width <= channels; c += width) body(c, width);
  if (c < channels) body(c, channels - c);
}

template <typename T>
NABLA_INLINE Vec<T> load(const T* p, int64_t n) {
  return n == Vec<T>::width ? Vec<T>::load(p) : Vec<T>::load_part(p, n);
}
template <typename T>
NABLA_INLINE void store(Vec<T> x, T* p, int64_t n) {
  n == Vec<T>::width ? x.store(p) : x.store_part(p, n);
}

// A sum in memory that is added to again at once waits long for a store of part of a vector: fewer channels than this
// are added one by one.
constexpr int64_t kFewChannels = 5;

}  // namespace nabla::NABLA_ISA
