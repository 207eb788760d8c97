// A convolution and its input gradient as products of matrices that are never stored: a row is an output pixel, a
// column an output channel of one group, and the inner dimension goes through the kernel's taps and the input channels.
// The input gradient is a correlation of dy with the kernels turned around, one for each residue (phase) of the pixel
// modulo the stride.
#pragma once
#include "core/conv_checks.h"
#include "cuda/queue.h"

namespace nabla::cuda {

// Indices of 32 bits are rounded up to whole tiles. Offsets and coordinates may wrap around on their way into the
// image; padding is at most a million pixels.
inline void check_convolution_size(const TensorView& image, const TensorView& map, const TensorView& kernels) {
  for (const TensorView* t : {&image, &map, &kernels}) {
    NABLA_CHECK(t->numel() <= INT32_MAX - 1024 && t->shape[1] <= 1 << 30 && t->shape[2] <= 1 << 30,
                "the tensors are too large for a convolution on this device");
  }
}

// CUDA's kernels have no choice of algorithms.
inline void check_algorithm(const KernelArgs& args, int place) {
  NABLA_CHECK(args.n_attr > place && args.attr[place] >= 0 && args.attr[place] <= 2, "the algorithm is missing");
}

struct Correlation {
  // The image that is read, [images, in_h, in_w, in_pitch], and the one that is written. `channels` and `outputs` are
  // those of a group.
  int images, in_h, in_w, in_pitch, channels;
  int out_h, out_w, out_pitch, outputs;
  int groups;
  // Of the convolution, also for its input gradient.
  int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  // Of the input gradient: how many taps lie between those that meet the pixels of one phase.
  int tap_step_h, tap_step_w;
  // The grid: tiles along the columns, parts of the inner dimension, and the phases along x and of the first block.
  int tiles_n, splits, phases_w, first_phase;
  // Whether the result, of the convolution, is pooled: four rows are the pixels of a window of 2x2, and out_h and out_w
  // count windows.
  bool pooled;
};

inline int greatest_divisor(int a, int b) { return b == 0 ? a : greatest_divisor(b, a % b); }

// The convolution's numbers, which fit 32 bits when its result has any pixels.
inline Correlation correlation_of(const ConvGeometry& g, const TensorView& in, const TensorView& out) {
  Correlation c = {};
  c.images = static_cast<int>(in.shape[0]), c.groups = static_cast<int>(g.groups);
  c.in_h = static_cast<int>(in.shape[1]), c.in_w = static_cast<int>(in.shape[2]);
  c.in_pitch = static_cast<int>(in.shape[3]), c.channels = c.in_pitch / c.groups;
  c.out_h = static_cast<int>(out.shape[1]), c.out_w = static_cast<int>(out.shape[2]);
  c.out_pitch = static_cast<int>(out.shape[3]), c.outputs = c.out_pitch / c.groups;
  c.kernel_h = static_cast<int>(g.kernel_h), c.kernel_w = static_cast<int>(g.kernel_w);
  c.stride_h = static_cast<int>(g.stride_h), c.stride_w = static_cast<int>(g.stride_w);
  c.dilation_h = static_cast<int>(g.dilation_h), c.dilation_w = static_cast<int>(g.dilation_w);
  c.pad_top = static_cast<int>(g.pad_top), c.pad_left = static_cast<int>(g.pad_left);
  c.tap_step_h = c.stride_h / greatest_divisor(c.stride_h, c.dilation_h);
  c.tap_step_w = c.stride_w / greatest_divisor(c.stride_w, c.dilation_w);
  c.phases_w = 1;
  return c;
}

// One axis: output pixel `out_first + p * out_step`, p < pixels, reads the input pixels p * stride - pad + i * dilation
// for i < taps, which meet the kernel's taps first_tap + i * tap_step.
struct Axis {
  int pixels, out_first, out_step, stride, pad, taps, dilation, first_tap, tap_step;
};

__device__ inline Axis forward_axis(int pixels, int kernel, int stride, int dilation, int pad) {
  return {pixels, 0, 1, stride, pad, kernel, dilation, 0, 1};
}

// dx[p] is the sum over k of dy[(p + pad - k * dilation) / stride] * w[k], where the division leaves no rest. Those are
// k = first + j * step, and dy's index falls from one to the next, so in reverse order they are a correlation with
// stride 1.
__device__ inline Axis phase_axis(int phase, int size, int kernel, int stride, int dilation, int pad, int step) {
  int first = 0;
  while (first < kernel && (phase + pad - first * dilation) % stride != 0) ++first;
  const int taps = first < kernel ? (kernel - first + step - 1) / step : 0;
  const int phase_dilation = step * dilation / stride;
  const int phase_pad = (taps - 1) * phase_dilation - (phase + pad - first * dilation) / stride;
  const int pixels = size > phase ? (size - phase + stride - 1) / stride : 0;
  return {pixels, phase, stride, 1, phase_pad, taps, phase_dilation, first + (taps - 1) * step, -step};
}

// A block's part of the product.
struct Place {
  Axis h, w;
  int group, rows;  // of the whole product
  int row, column;  // where the tile begins
  int depth;        // of the whole product
  int begin, end;   // the part of the inner dimension
};

template <bool kGrad>
__device__ __forceinline__ Place place_of(const Correlation& c, int tile_rows, int tile_columns, int step) {
  Place p;
  if (kGrad) {
    const int phase = c.first_phase + blockIdx.y;
    p.h = phase_axis(phase / c.phases_w, c.out_h, c.kernel_h, c.stride_h, c.dilation_h, c.pad_top, c.tap_step_h);
    p.w = phase_axis(phase % c.phases_w, c.out_w, c.kernel_w, c.stride_w, c.dilation_w, c.pad_left, c.tap_step_w);
  } else {
    p.h = forward_axis(c.out_h, c.kernel_h, c.stride_h, c.dilation_h, c.pad_top);
    p.w = forward_axis(c.out_w, c.kernel_w, c.stride_w, c.dilation_w, c.pad_left);
  }
  // Tiles that read the same patches lie side by side in the grid.
  unsigned block = blockIdx.x;
  p.column = static_cast<int>(block % c.tiles_n) * tile_columns;
  block /= c.tiles_n;
  p.group = static_cast<int>(block % c.groups);
  p.row = static_cast<int>(block / c.groups) * tile_rows;
  p.rows = c.images * p.h.pixels * p.w.pixels * (c.pooled ? 4 : 1);
  p.depth = p.h.taps * p.w.taps * c.channels;
  const int steps = (p.depth + step - 1) / step, per_split = (steps + c.splits - 1) / c.splits;
  p.begin = min(static_cast<int>(blockIdx.z) * per_split, steps) * step;
  p.end = min(p.begin + per_split * step, p.depth);
  return p;
}

// Where the patch of one row begins: its offset in the image, and its row and column, all modulo 2^32.
struct Patch {
  unsigned offset, y, x;
};

struct Pixel {
  int image, y, x;
};
// Of a row of the product, or its window; rows behind the last one are taken as the last.
__device__ __forceinline__ Pixel pixel_of(const Correlation& c, const Place& p, int row) {
  const unsigned r = static_cast<unsigned>(min(row, p.rows - 1)) / (c.pooled ? 4 : 1), line = r / p.w.pixels;
  return {static_cast<int>(line / p.h.pixels), static_cast<int>(line % p.h.pixels), static_cast<int>(r % p.w.pixels)};
}

__device__ __forceinline__ Patch patch_of(const Correlation& c, const Axis& h, const Axis& w, const Pixel& pixel,
                                          int group) {
  const unsigned y = static_cast<unsigned>(pixel.y) * h.stride - h.pad;
  const unsigned x = static_cast<unsigned>(pixel.x) * w.stride - w.pad;
  const unsigned line = static_cast<unsigned>(pixel.image) * c.in_h + y;
  return {(line * c.in_w + x) * c.in_pitch + static_cast<unsigned>(group) * c.channels, y, x};
}

// Of the pixel that a row is in its window.
__device__ __forceinline__ Pixel pixel_in_window(const Pixel& window, int row) {
  return {window.image, 2 * window.y + row % 4 / 2, 2 * window.x + row % 2};
}

__device__ __forceinline__ int out_offset(const Correlation& c, const Place& p, const Pixel& pixel) {
  const int y = p.h.out_first + pixel.y * p.h.out_step, x = p.w.out_first + pixel.x * p.w.out_step;
  return ((pixel.image * c.out_h + y) * c.out_w + x) * c.out_pitch + p.group * c.outputs;
}

// What the elements k of all patches have in common: their offset (x), row (y) and column (z) from the patch's
// beginning, and the offset of the tap's weights (w), for the input gradient; it is negative behind the block's part.
template <bool kGrad>
__device__ __forceinline__ int4 patch_element(const Correlation& c, const Place& p, int k) {
  if (k >= p.end) return make_int4(0, 0, 0, -1);
  const unsigned tap = static_cast<unsigned>(k) / c.channels, channel = static_cast<unsigned>(k) % c.channels;
  const unsigned i = tap / p.w.taps, j = tap % p.w.taps;
  const unsigned y = i * p.h.dilation, x = j * p.w.dilation;
  int weight = 0;
  if (kGrad) {
    const int kh = p.h.first_tap + static_cast<int>(i) * p.h.tap_step;
    const int kw = p.w.first_tap + static_cast<int>(j) * p.w.tap_step;
    weight = (kh * c.kernel_w + kw) * c.outputs * c.in_pitch + static_cast<int>(channel);
  }
  return make_int4(static_cast<int>((y * c.in_w + x) * c.in_pitch + channel), static_cast<int>(y), static_cast<int>(x),
                   weight);
}

__device__ __forceinline__ bool in_image(const Correlation& c, const Patch& patch, const int4& element) {
  return patch.y + element.y < static_cast<unsigned>(c.in_h) && patch.x + element.z < static_cast<unsigned>(c.in_w) &&
         element.w >= 0;
}

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace nabla::cuda
