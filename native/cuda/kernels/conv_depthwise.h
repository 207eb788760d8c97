// Depthwise convolutions: one input channel a group and one or more output channels. Nothing is shared between
// channels, so threads go along them and read the taps of a few pixels of a line straight from the caches.
#pragma once
#include "core/activation.h"
#include "core/conv_geometry.h"
#include "cuda/kernels/conv_tile.h"
#include "cuda/launch.h"

namespace nabla::cuda {

inline bool depthwise(int64_t group_channels, int64_t groups) { return groups > 1 && group_channels == 1; }

struct DepthwiseShape {
  int images, h, w, channels, out_h, out_w, outputs;
  int multiplier;  // outputs of a channel
  int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;

  static DepthwiseShape of(const ConvGeometry& g, const TensorView& image, const TensorView& map) {
    const auto narrow = [](int64_t x) { return static_cast<int>(x); };
    return {
        narrow(image.shape[0]), narrow(image.shape[1]), narrow(image.shape[2]), narrow(image.shape[3]),
        narrow(map.shape[1]),   narrow(map.shape[2]),   narrow(map.shape[3]),   narrow(map.shape[3] / image.shape[3]),
        narrow(g.kernel_h),     narrow(g.kernel_w),     narrow(g.stride_h),     narrow(g.stride_w),
        narrow(g.dilation_h),   narrow(g.dilation_w),   narrow(g.pad_top),      narrow(g.pad_left)};
  }
};

namespace {

// The pixel along one axis that tap k of output pixel `at` reads; of the gradient, the one whose tap k reads `at`.
// Outside [0, size) if there is none.
template <bool kGrad>
__device__ __forceinline__ unsigned source_pixel(int at, int k, int stride, int dilation, int pad) {
  if (!kGrad) return static_cast<unsigned>(at * stride - pad + k * dilation);
  const int reach = at + pad - k * dilation;
  if (stride == 1 || reach < 0) return static_cast<unsigned>(reach);
  const int pixel = reach / stride;
  return pixel * stride == reach ? pixel : 0xffffffffu;
}

// Of a thread.
template <bool kGrad>
constexpr int kDepthwisePixels = kGrad ? 2 : 4;

// out[pixel, o] is the sum over the taps of in * w. A thread makes `lanes` channels of a few pixels of a line. Of
// the gradient, in is dy, out is dx, and more than one output of a channel are summed.
template <typename T, int lanes, bool kGrad>
__global__ void __launch_bounds__(256)
    depthwise_kernel(const DepthwiseShape s, unsigned n, const T* in, const T* w, const T* bias, bool relu, T* out) {
  constexpr int kPixels = kDepthwisePixels<kGrad>;
  const unsigned thread = blockIdx.x * 256 + threadIdx.x;
  if (thread >= n) return;
  const int in_h = kGrad ? s.out_h : s.h, in_w = kGrad ? s.out_w : s.w;
  const int out_h = kGrad ? s.h : s.out_h, out_w = kGrad ? s.w : s.out_w;
  const int in_channels = kGrad ? s.outputs : s.channels, out_channels = kGrad ? s.channels : s.outputs;
  const unsigned packs = out_channels / lanes, chunks = (out_w + kPixels - 1) / kPixels;
  const int channel = static_cast<int>(thread % packs) * lanes,
            x0 = static_cast<int>(thread / packs % chunks) * kPixels;
  const int line = static_cast<int>(thread / packs / chunks), image = line / out_h, y = line % out_h;
  const int in_channel = kGrad ? channel * s.multiplier : channel / s.multiplier;
  const int terms = kGrad ? s.multiplier : 1;  // one for packs

  T sum[kPixels][lanes];
#pragma unroll
  for (int p = 0; p < kPixels; ++p) {
#pragma unroll
    for (int l = 0; l < lanes; ++l) sum[p][l] = 0;
  }
  for (int kh = 0; kh < s.kernel_h; ++kh) {
    const unsigned in_y = source_pixel<kGrad>(y, kh, s.stride_h, s.dilation_h, s.pad_top);
    if (in_y >= static_cast<unsigned>(in_h)) continue;
    const T* in_line = in + static_cast<int64_t>(image * in_h + static_cast<int>(in_y)) * in_w * in_channels;
    for (int kw = 0; kw < s.kernel_w; ++kw) {
      const T* weights = w + (kh * s.kernel_w + kw) * s.outputs + (kGrad ? in_channel : channel);
      for (int term = 0; term < terms; ++term) {
        T weight[lanes];
        if constexpr (lanes == 1) {
          weight[0] = weights[term];
        } else {
          const Pack<T> pack = load_pack(weights);
#pragma unroll
          for (int l = 0; l < lanes; ++l) weight[l] = pack.v[l];
        }
#pragma unroll
        for (int p = 0; p < kPixels; ++p) {
          const unsigned in_x = source_pixel<kGrad>(x0 + p, kw, s.stride_w, s.dilation_w, s.pad_left);
          if (in_x >= static_cast<unsigned>(in_w)) continue;
          const T* from = in_line + static_cast<int>(in_x) * in_channels + in_channel;
          if constexpr (lanes == 1) {
            sum[p][0] += from[term] * weight[0];
          } else {
            const Pack<T> pack = load_pack(from);
#pragma unroll
            for (int l = 0; l < lanes; ++l) sum[p][l] += pack.v[l] * weight[l];
          }
        }
      }
    }
  }
  T* to = out + (static_cast<int64_t>(line) * out_w + x0) * out_channels + channel;
#pragma unroll
  for (int p = 0; p < kPixels; ++p) {
    if (x0 + p >= out_w) continue;
    Pack<T> pack;
#pragma unroll
    for (int l = 0; l < lanes; ++l) {
      T x = sum[p][l];
      if (bias != nullptr) x += bias[channel + l];
      pack.v[l] = relu ? activate(x, Activation::relu) : x;
    }
    if constexpr (lanes == 1)
      to[p * out_channels] = pack.v[0];
    else
      store_pack(to + p * out_channels, pack);
  }
}

template <typename T, bool kGrad>
void depthwise_correlate(Queue& q, const DepthwiseShape& s, const T* in, const T* w, const T* bias, bool relu, T* out) {
  constexpr int V = Pack<T>::size;
  const bool packs = s.multiplier == 1 && s.channels % V == 0 && aligned16(in) && aligned16(w) && aligned16(out);
  const int64_t lines = s.images * int64_t{kGrad ? s.h : s.out_h}, width = kGrad ? s.w : s.out_w;
  constexpr int64_t kPixels = kDepthwisePixels<kGrad>;
  const int64_t n = lines * ((width + kPixels - 1) / kPixels) * ((kGrad ? s.channels : s.outputs) / (packs ? V : 1));
  const dim3 grid(blocks_for(n, 256)), block(256);
  packs ? launch(depthwise_kernel<T, V, kGrad>, grid, block, 0, q.stream(), s, n, in, w, bias, relu, out)
        : launch(depthwise_kernel<T, 1, kGrad>, grid, block, 0, q.stream(), s, n, in, w, bias, relu, out);
}

template <typename T>
void depthwise_forward(Queue& q, const DepthwiseShape& s, const T* x, const T* w, const T* bias, Activation activation,
                       T* y) {
  depthwise_correlate<T, false>(q, s, x, w, bias, activation == Activation::relu, y);
  if (activation <= Activation::relu) return;
  const int64_t n = int64_t{s.images} * s.out_h * s.out_w * s.outputs;
  finish(q, y, 0, 1, static_cast<const T*>(nullptr), s.outputs, activation, n, y);
}

template <typename T>
void depthwise_input_grad(Queue& q, const DepthwiseShape& s, const T* dy, const T* w, T* dx) {
  depthwise_correlate<T, true>(q, s, dy, w, nullptr, false, dx);
}

// dw[tap, o], and dbias, of the pixels of one part. A block takes 32 output channels, up to four taps and a part of the
// pixels, which its eight warps share.
constexpr int kDepthwiseTaps = 4, kDepthwiseWarps = 8;

template <typename T>
__global__ void __launch_bounds__(kWarp* kDepthwiseWarps)
    depthwise_weight_kernel(const DepthwiseShape s, const T* x, const T* dy, int pixels_per_part, int64_t part_size,
                            T* dw, T* dbias) {
  SHARED(T, partial, [kDepthwiseWarps][kDepthwiseTaps + 1][kWarp]);
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  const int output = blockIdx.x * kWarp + lane, first_tap = blockIdx.y * kDepthwiseTaps;
  const int taps = s.kernel_h * s.kernel_w;
  const bool sums_dy = dbias != nullptr && first_tap == 0;
  T sum[kDepthwiseTaps], dy_sum = 0;
#pragma unroll
  for (int t = 0; t < kDepthwiseTaps; ++t) sum[t] = 0;
  if (output < s.outputs) {
    int tap_y[kDepthwiseTaps], tap_x[kDepthwiseTaps];
#pragma unroll
    for (int t = 0; t < kDepthwiseTaps; ++t) {
      // Taps behind the last one repeat it, and are not stored.
      const int tap = min(first_tap + t, taps - 1);
      tap_y[t] = tap / s.kernel_w * s.dilation_h - s.pad_top;
      tap_x[t] = tap % s.kernel_w * s.dilation_w - s.pad_left;
    }
    const int pixels = s.images * s.out_h * s.out_w, channel = output / s.multiplier;
    const int64_t end = min(static_cast<int64_t>(blockIdx.z + 1) * pixels_per_part, static_cast<int64_t>(pixels));
    for (int64_t pixel = static_cast<int64_t>(blockIdx.z) * pixels_per_part + warp; pixel < end;
         pixel += kDepthwiseWarps) {
      const unsigned p = static_cast<unsigned>(pixel), line = p / s.out_w;
      const int ox = static_cast<int>(p % s.out_w), oy = static_cast<int>(line % s.out_h);
      const int64_t image = line / s.out_h;
      const T g = dy[pixel * s.outputs + output];
      dy_sum += g;
#pragma unroll
      for (int t = 0; t < kDepthwiseTaps; ++t) {
        const int at_y = oy * s.stride_h + tap_y[t], at_x = ox * s.stride_w + tap_x[t];
        if (static_cast<unsigned>(at_y) < static_cast<unsigned>(s.h) &&
            static_cast<unsigned>(at_x) < static_cast<unsigned>(s.w)) {
          sum[t] += g * x[((image * s.h + at_y) * s.w + at_x) * s.channels + channel];
        }
      }
    }
  }
#pragma unroll
  for (int t = 0; t < kDepthwiseTaps; ++t) partial[warp][t][lane] = sum[t];
  partial[warp][kDepthwiseTaps][lane] = dy_sum;
  __syncthreads();
  // Warp t adds up tap t, the one after them dy.
  if (output >= s.outputs || warp > kDepthwiseTaps) return;
  T total = partial[0][warp][lane];
  for (int i = 1; i < kDepthwiseWarps; ++i) total += partial[i][warp][lane];
  const int64_t part = blockIdx.z * part_size;
  if (warp == kDepthwiseTaps) {
    if (sums_dy) dbias[part + output] = total;
  } else if (first_tap + warp < taps) {
    dw[part + static_cast<int64_t>(first_tap + warp) * s.outputs + output] = total;
  }
}

}  // namespace

}  // namespace nabla::cuda
