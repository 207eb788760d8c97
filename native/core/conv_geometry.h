// The geometry of a 2-D convolution or pooling, as it travels in a command's attributes.
#pragma once
#include <cstdint>

#include "core/checks.h"
#include "core/inline.h"

namespace nabla {

// Attributes in this order, from attr[first] on. Images are NHWC; padding is counted in input pixels and
// may differ per side (Keras "same" puts the odd pixel at the bottom and right).
struct ConvGeometry {
  int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left, pad_bottom, pad_right,
      groups;
  static constexpr int kAttrs = 11;

  NABLA_HOST_INLINE static ConvGeometry from(const double* attr, int n_attr) {
    NABLA_CHECK(n_attr >= kAttrs, "the geometry is incomplete");
    int64_t v[kAttrs];
    for (int i = 0; i < kAttrs; ++i) {
      // Bounded so that no product of two of them can overflow.
      NABLA_CHECK(attr[i] >= 0 && attr[i] <= 1e6, "the geometry is out of range");
      v[i] = static_cast<int64_t>(attr[i]);
    }
    ConvGeometry g{v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10]};
    NABLA_CHECK(g.kernel_h > 0 && g.kernel_w > 0 && g.stride_h > 0 && g.stride_w > 0 && g.dilation_h > 0 &&
                    g.dilation_w > 0 && g.groups > 0,
                "kernel, stride, dilation and groups must be positive");
    return g;
  }
  NABLA_INLINE int64_t out_h(int64_t h) const { return out(h + pad_top + pad_bottom, kernel_h, stride_h, dilation_h); }
  NABLA_INLINE int64_t out_w(int64_t w) const { return out(w + pad_left + pad_right, kernel_w, stride_w, dilation_w); }

 private:
  NABLA_INLINE static int64_t out(int64_t padded, int64_t kernel, int64_t stride, int64_t dilation) {
    const int64_t span = (kernel - 1) * dilation + 1;
    return padded < span ? 0 : (padded - span) / stride + 1;
  }
};

// The part of one axis of a window that lies in the image: kernel taps [begin, end), tap k at first + k*dilation.
struct TapRange {
  int64_t first, begin, end;

  NABLA_INLINE static TapRange of(int64_t first, int64_t kernel, int64_t dilation, int64_t size) {
    const int64_t begin = first < 0 ? (-first + dilation - 1) / dilation : 0;
    int64_t end = first < size ? (size - first + dilation - 1) / dilation : 0;
    if (end > kernel) end = kernel;
    return {first, begin < end ? begin : end, end};
  }
};

}  // namespace nabla
