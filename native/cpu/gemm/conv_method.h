// By which method a convolution and its gradients are computed: the one place that chooses, by shape and dtype alone.
#pragma once
#include <cstdint>
#include <type_traits>

#include "core/checks.h"
#include "core/conv_geometry.h"
#include "core/kernel.h"
#include "cpu/gemm/conv_window.h"
#include "cpu/gemm/tile.h"
#include "cpu/simd/vec.h"

namespace nabla::NABLA_ISA {

template <typename T>
struct Correlation;

// What NABLA_CONV asks for. The numbers are attributes of commands; src/ts/options.ts has the same list.
enum class Algorithm : int {
  automatic = 0,
  im2col = 1,    // never Winograd's
  winograd = 2,  // Winograd's wherever it is possible
};

NABLA_INLINE Algorithm algorithm_of(const KernelArgs& args, int place) {
  NABLA_CHECK(args.n_attr > place && args.attr[place] >= 0 && args.attr[place] <= 2, "the algorithm is missing");
  return static_cast<Algorithm>(static_cast<int>(args.attr[place]));
}

// Of a correlation: the forward pass, and each stride phase of the input gradient.
enum class Method {
  pointwise,  // 1x1 with stride 1, to pixels evenly apart: a matrix product of all pixels and the kernel
  depthwise,  // conv_depthwise.h: one input and one output channel a group
  winograd,   // conv_winograd.h: 3x3 with stride 1
  // The others are products of patches and kernels (conv_correlate.h), and differ in how patches are read.
  gathered,   // copied, when rows are much shorter than a tile: tiles then go on from row to row
  by_column,  // in place, one product for each column of the kernel; its kernels are [kernel_w, kernel_h, channels]
  direct,     // in place, short patches with few outputs (conv_direct.h)
  whole,      // in place, one product for the whole kernel
};

// Of a weight gradient.
enum class WeightGradMethod {
  depthwise,  // conv_depthwise.h
  winograd,   // conv_winograd_weight_grad.h
  // The others are products of transposed patches and dy (conv2d_weight_grad.cc).
  gathered,  // patches are copied, when images are so small that several make a block
  rows,      // patches are read in place, along output rows
};

template <typename T>
bool winograd_possible(const Correlation<T>& c) {
  return std::is_same<T, float>::value && c.kernel_h == 3 && c.kernel_w == 3 && c.stride_h == 1 && c.stride_w == 1 &&
         c.dilation_h == 1 && c.dilation_w == 1 && c.groups == 1;
}

// Estimated cycles of vector instructions with and without the transforms of Winograd's algorithm.
template <typename T>
bool winograd_pays(const Correlation<T>& c) {
  constexpr double width = TileVec<T>::width, rows = TileShape<T>::MR;
  const double channels = static_cast<double>(c.in.channels), outputs = static_cast<double>(c.outputs);
  const double pixels = static_cast<double>(c.images * c.out_h * c.out_w);
  const double tiles = static_cast<double>(c.images * ((c.out_h + 3) / 4) * ((c.out_w + 3) / 4));
  const double direct = pixels * 9 * channels * outputs / width;
  const double products = tiles * 36 * (channels + 80 / rows) * outputs / width;
  // The transformed kernels are too large for the fast caches.
  const double transforms = (250 * tiles * (channels + outputs) + 1000 * channels * outputs) / Vec<T>::width;
  return products + transforms < 0.9 * direct;
}

template <typename T>
bool by_winograd(const Correlation<T>& c) {
  if (c.algorithm == Algorithm::im2col || !winograd_possible(c)) return false;
  return c.algorithm == Algorithm::winograd || winograd_pays(c);
}

template <typename T>
bool is_depthwise(const Correlation<T>& c) {
  return c.groups > 1 && c.in.channels == 1 && c.outputs == 1;
}

template <typename T>
Method correlation_method(const Correlation<T>& c) {
  constexpr int64_t kLeastDepth = 96;  // of a product by column, to earn the additions to the stored tile
  // Kernels that stay in the first-level cache, and few steps in a product.
  constexpr int64_t kDirectBytes = 16 << 10, kLongestDirect = 64;
  if (is_depthwise(c)) return Method::depthwise;
  if (by_winograd(c)) return Method::winograd;
  const bool dense = c.out_row == c.out_w * c.out_pixel && c.out_image == c.out_h * c.out_row;
  const bool same_pixels = c.out_h == c.in.h && c.out_w == c.in.w && c.pad_top == 0 && c.pad_left == 0;
  if (c.kernel_h * c.kernel_w == 1 && c.stride_h == 1 && c.stride_w == 1 && c.groups == 1 && dense && same_pixels) {
    return Method::pointwise;
  }
  if (dense && 2 * c.out_w < TileShape<T>::MR) return Method::gathered;
  // Dilation breaks a patch's rows into single pixels. Padding costs nothing by column, since a tile leaves out the
  // pixels whose column lies in it.
  const ColumnRange cols = c.columns();
  const bool padded = cols.first < 0 || cols.first + cols.count > c.in.w;
  const bool by_column = c.dilation_w > 1 || (padded && c.kernel_h * c.in.channels >= kLeastDepth);
  if (c.kernel_w > 1 && by_column) return Method::by_column;
  const bool short_patch = c.patch() <= kLongestDirect && c.patch() * c.outputs * int64_t{sizeof(T)} <= kDirectBytes;
  return short_patch && c.groups == 1 && c.out_w >= TileShape<T>::MR ? Method::direct : Method::whole;
}

// Whether the input gradient is made by ScatteredGrad (conv_scatter.h), not by correlations. Both are products with
// `outputs` in the inner dimension: one vector or more for each of its taps and pixel of dx, or those of all taps
// together for each pixel of dy. Adding up what was scattered costs about as much as the product with some outputs
// more.
template <typename T>
bool scatters(const ConvGeometry& g, int64_t channels, int64_t outputs, Algorithm algorithm) {
  constexpr int64_t kScattering = 8, NR = TileShape<T>::NR, width = TileVec<T>::width;
  const bool same_step = g.stride_h == 1 && g.stride_w == 1, dense = g.dilation_h == 1 && g.dilation_w == 1;
  if (!dense || g.groups != 1) return false;
  if (algorithm == Algorithm::winograd && same_step && g.kernel_h == 3 && g.kernel_w == 3) return false;
  const int64_t taps = g.kernel_h * g.kernel_w;
  const int64_t together = ceil_div(taps * channels, NR) * (NR / width) * outputs + taps * kScattering;
  return together < taps * ceil_div(channels, width) * outputs;
}

// `c` is the forward pass.
template <typename T>
WeightGradMethod weight_grad_method(const Correlation<T>& c) {
  constexpr int64_t kLeastPixels = 64;  // of an image, to fill blocks of its own
  if (is_depthwise(c)) return WeightGradMethod::depthwise;
  if (by_winograd(c)) return WeightGradMethod::winograd;
  return c.out_h * c.out_w < kLeastPixels && c.images > 1 ? WeightGradMethod::gathered : WeightGradMethod::rows;
}

}  // namespace nabla::NABLA_ISA
