// What the poolings have in common. Images are NHWC; a kernel has one thread for each element of its result, neighbours
// of which are channels of one pixel.
#pragma once
#include <cstdint>

#include "core/conv_checks.h"
#include "core/kernel.h"
#include "cuda/kernels/image_place.h"
#include "cuda/launch.h"
#include "cuda/queue.h"

namespace nabla::cuda {

constexpr int kPoolThreads = 256;

// The part of one axis of a window that lies in the image: taps [begin, end), tap k at first + k * dilation.
struct PoolTaps {
  int first, begin, end;
  __device__ int count() const { return end - begin; }
};

// The windows that a pixel may lie in, along one axis.
struct PoolWindows {
  int begin, end;
};

// One axis of the geometry. check_pooling_size() has made sure that 32 bits are enough.
struct PoolAxis {
  int kernel, stride, dilation, padding, size, out_size;

  __device__ PoolTaps taps(int window) const {
    const int first = window * stride - padding;
    const int begin = first < 0 ? (-first + dilation - 1) / dilation : 0;
    int end = first < size ? (size - first + dilation - 1) / dilation : 0;
    if (end > kernel) end = kernel;
    return {first, begin < end ? begin : end, end};
  }
  __device__ PoolWindows windows(int pixel) const {
    const int last = (pixel + padding) / stride + 1, below = pixel + padding - (kernel - 1) * dilation;
    return {below > 0 ? (below + stride - 1) / stride : 0, last < out_size ? last : out_size};
  }
  // Which tap of a window the pixel is; negative where it lies in a gap.
  __device__ int tap_of(int window, int pixel) const {
    const int distance = pixel + padding - window * stride;
    return distance % dilation == 0 ? distance / dilation : -1;
  }
};

struct PoolShape {
  PoolAxis rows, cols;
  uint32_t channels, pooled, pixels;  // elements of the pooled images and of the images

  PoolShape(const ConvGeometry& g, const TensorView& image, const TensorView& result)
      : rows(axis(g.kernel_h, g.stride_h, g.dilation_h, g.pad_top, image.shape[1], result.shape[1])),
        cols(axis(g.kernel_w, g.stride_w, g.dilation_w, g.pad_left, image.shape[2], result.shape[2])),
        channels(static_cast<uint32_t>(image.shape[3])),
        pooled(static_cast<uint32_t>(result.numel())),
        pixels(static_cast<uint32_t>(image.numel())) {}

  __device__ ImagePlace window(uint32_t at) const { return ImagePlace::of(at, rows.out_size, cols.out_size, channels); }
  __device__ ImagePlace pixel(uint32_t at) const { return ImagePlace::of(at, rows.size, cols.size, channels); }
  // Where the same channel of another pixel or window lies.
  __device__ int64_t image_at(const ImagePlace& p, int row, int column) const {
    return p.at(row, column, rows.size, cols.size, channels);
  }
  __device__ int64_t pooled_at(const ImagePlace& p, int row, int column) const {
    return p.at(row, column, rows.out_size, cols.out_size, channels);
  }

 private:
  static PoolAxis axis(int64_t kernel, int64_t stride, int64_t dilation, int64_t padding, int64_t size,
                       int64_t out_size) {
    const auto number = [](int64_t x) { return static_cast<int>(x); };
    return {number(kernel), number(stride), number(dilation), number(padding), number(size), number(out_size)};
  }
};

// With padding: windows that lie in it have no greater numbers.
inline void check_pooling_size(const ConvGeometry& g, const TensorView& x) {
  constexpr int64_t kMostPixels = 1 << 30;
  NABLA_CHECK(
      x.shape[1] + g.pad_top + g.pad_bottom <= kMostPixels && x.shape[2] + g.pad_left + g.pad_right <= kMostPixels,
      "the geometry is out of range");
}

inline void fill_zeros(KernelArgs& args, const TensorView& out) {
  check(
      cudaMemsetAsync(out.data, 0, static_cast<size_t>(out.numel() * dtype_size(out.dtype)), queue_of(args).stream()));
}

}  // namespace nabla::cuda
