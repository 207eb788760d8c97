// Depthwise convolutions: one input channel a group and one or more output channels. Nothing is shared between
// channels, so threads go along them and read the taps of a few pixels of a line straight from the caches.
#pragma once
#include "cuda/kernels/conv_correlation.h"
#include "cuda/kernels/conv_tile.h"
#include "cuda/launch.h"

namespace nabla::cuda {

inline bool depthwise(int64_t group_channels, int64_t groups) { return groups > 1 && group_channels == 1; }

struct DepthwiseShape {
  int images, h, w, channels, out_h, out_w, outputs;
  int multiplier;  // outputs of a channel
  int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  // Of the input gradient: from one tap that meets a pixel to the next, and how far apart are what they belong to.
  int tap_step_h, tap_step_w, pixel_step_h, pixel_step_w;

  // `c` is the forward pass.
  static DepthwiseShape of(const Correlation& c) {
    return {c.images,
            c.in_h,
            c.in_w,
            c.in_pitch,
            c.out_h,
            c.out_w,
            c.out_pitch,
            c.outputs,
            c.kernel_h,
            c.kernel_w,
            c.stride_h,
            c.stride_w,
            c.dilation_h,
            c.dilation_w,
            c.pad_top,
            c.pad_left,
            c.tap_step_h,
            c.tap_step_w,
            c.tap_step_h * c.dilation_h / c.stride_h,
            c.tap_step_w * c.dilation_w / c.stride_w};
  }
};

namespace {

// Neighbours in memory: a pack, or one element.
template <typename T, int lanes>
__device__ __forceinline__ void load_lanes(const T* from, T (&values)[lanes]) {
  if constexpr (lanes == 1) {
    values[0] = *from;
  } else {
    const Pack<T> pack = load_pack(from);
#pragma unroll
    for (int l = 0; l < lanes; ++l) values[l] = pack.value[l];
  }
}
template <typename T, int lanes>
__device__ __forceinline__ void store_lanes(T* to, const T (&values)[lanes]) {
  if constexpr (lanes == 1) {
    *to = values[0];
  } else {
    Pack<T> pack;
#pragma unroll
    for (int l = 0; l < lanes; ++l) pack.value[l] = values[l];
    store_pack(to, pack);
  }
}

constexpr int kDepthwisePixels = 4;

// y[pixel, o] is the sum over the taps of x * w, plus bias. A thread makes `lanes` channels of some pixels of a line.
template <typename T, int lanes>
__global__ void __launch_bounds__(256)
    depthwise_kernel(const DepthwiseShape s, unsigned n, const T* x, const T* w, const T* bias, bool relu, T* y) {
  constexpr int kPixels = kDepthwisePixels;
  const unsigned thread = blockIdx.x * 256 + threadIdx.x;
  if (thread >= n) return;
  const unsigned packs = s.outputs / lanes, chunks = (s.out_w + kPixels - 1) / kPixels;
  const int output = static_cast<int>(thread % packs) * lanes, channel = output / s.multiplier;
  const int ox = static_cast<int>(thread / packs % chunks) * kPixels;
  const int line = static_cast<int>(thread / packs / chunks), image = line / s.out_h, oy = line % s.out_h;
  T sum[kPixels][lanes];
#pragma unroll
  for (int p = 0; p < kPixels; ++p) {
#pragma unroll
    for (int l = 0; l < lanes; ++l) sum[p][l] = 0;
  }
  for (int kh = 0; kh < s.kernel_h; ++kh) {
    const int at_y = oy * s.stride_h - s.pad_top + kh * s.dilation_h;
    if (static_cast<unsigned>(at_y) >= static_cast<unsigned>(s.h)) continue;
    const T* x_line = x + (static_cast<int64_t>(image * s.h + at_y) * s.w * s.channels + channel);
    for (int kw = 0; kw < s.kernel_w; ++kw) {
      T weight[lanes];
      load_lanes(w + (kh * s.kernel_w + kw) * s.outputs + output, weight);
#pragma unroll
      for (int p = 0; p < kPixels; ++p) {
        const int at_x = (ox + p) * s.stride_w - s.pad_left + kw * s.dilation_w;
        if (static_cast<unsigned>(at_x) >= static_cast<unsigned>(s.w)) continue;
        T value[lanes];
        load_lanes(x_line + at_x * s.channels, value);
#pragma unroll
        for (int l = 0; l < lanes; ++l) sum[p][l] += value[l] * weight[l];
      }
    }
  }
  T* to = y + (static_cast<int64_t>(line) * s.out_w + ox) * s.outputs + output;
#pragma unroll
  for (int p = 0; p < kPixels; ++p) {
    if (ox + p >= s.out_w) continue;
#pragma unroll
    for (int l = 0; l < lanes; ++l) {
      if (bias != nullptr) sum[p][l] += bias[output + l];
      if (relu) sum[p][l] = relu_of(sum[p][l]);
    }
    store_lanes(to + p * s.outputs, sum[p]);
  }
}

// The taps that meet a pixel along one axis: the first one, and the output pixel that it belongs to.
struct MeetingTaps {
  int first, pixel;
};
__device__ __forceinline__ MeetingTaps meeting_taps(int pixel, int kernel, int stride, int dilation, int pad) {
  int k = 0;
  while (k < kernel && (pixel + pad - k * dilation) % stride != 0) ++k;
  return {k, (pixel + pad - k * dilation) / stride};
}

// dx[pixel, c] is the sum of dy * w over the taps that meet the pixel and over the outputs of the channel. A thread
// makes `lanes` channels of a pixel.
template <typename T, int lanes>
__global__ void __launch_bounds__(256, 4)
    depthwise_grad_kernel(const DepthwiseShape s, unsigned n, const T* dy, const T* w, T* dx) {
  const unsigned thread = blockIdx.x * 256 + threadIdx.x;
  if (thread >= n) return;
  const unsigned packs = s.channels / lanes, pixel = thread / packs;
  const int channel = static_cast<int>(thread % packs) * lanes, output = channel * s.multiplier;
  const unsigned line = pixel / s.w, image = line / s.h;
  const MeetingTaps rows = meeting_taps(static_cast<int>(line % s.h), s.kernel_h, s.stride_h, s.dilation_h, s.pad_top);
  const MeetingTaps cols =
      meeting_taps(static_cast<int>(pixel % s.w), s.kernel_w, s.stride_w, s.dilation_w, s.pad_left);
  T sum[lanes];
#pragma unroll
  for (int l = 0; l < lanes; ++l) sum[l] = 0;
  const int terms = lanes == 1 ? s.multiplier : 1;
  int oy = rows.pixel;
  for (int kh = rows.first; kh < s.kernel_h; kh += s.tap_step_h, oy -= s.pixel_step_h) {
    if (static_cast<unsigned>(oy) >= static_cast<unsigned>(s.out_h)) continue;
    const T* dy_line = dy + (static_cast<int64_t>(image * s.out_h + oy) * s.out_w * s.outputs + output);
    int ox = cols.pixel;
#pragma unroll 1  // registers are scarce
    for (int kw = cols.first; kw < s.kernel_w; kw += s.tap_step_w, ox -= s.pixel_step_w) {
      if (static_cast<unsigned>(ox) >= static_cast<unsigned>(s.out_w)) continue;
      const T *from = dy_line + ox * s.outputs, *weights = w + (kh * s.kernel_w + kw) * s.outputs + output;
      for (int term = 0; term < terms; ++term) {
        T value[lanes], weight[lanes];
        load_lanes(from + term, value);
        load_lanes(weights + term, weight);
#pragma unroll
        for (int l = 0; l < lanes; ++l) sum[l] += value[l] * weight[l];
      }
    }
  }
  store_lanes(dx + static_cast<int64_t>(pixel) * s.channels + channel, sum);
}

// Whether a channel has one output, and channels can be loaded and stored by packs.
template <typename T>
bool depthwise_packs(const DepthwiseShape& s, const T* a, const T* b, const T* c) {
  return s.multiplier == 1 && s.channels % Pack<T>::size == 0 && packable(a) && packable(b) && packable(c);
}

template <typename T>
void depthwise_forward(Queue& q, const DepthwiseShape& s, const T* x, const T* w, const T* bias, Activation activation,
                       T* y) {
  constexpr int V = Pack<T>::size;
  const bool packs = depthwise_packs(s, x, w, y), relu = activation == Activation::relu;
  const int64_t lines = int64_t{s.images} * s.out_h, chunks = (s.out_w + kDepthwisePixels - 1) / kDepthwisePixels;
  const int64_t n = lines * chunks * s.outputs / (packs ? V : 1);
  packs ? launch(depthwise_kernel<T, V>, blocks_for(n, 256), 256, 0, q.stream(), s, n, x, w, bias, relu, y)
        : launch(depthwise_kernel<T, 1>, blocks_for(n, 256), 256, 0, q.stream(), s, n, x, w, bias, relu, y);
  if (activation <= Activation::relu) return;
  const int64_t size = lines * s.out_w * s.outputs;
  finish(q, y, 0, 1, static_cast<const T*>(nullptr), s.outputs, activation, size, y);
}

template <typename T>
void depthwise_input_grad(Queue& q, const DepthwiseShape& s, const T* dy, const T* w, T* dx) {
  constexpr int V = Pack<T>::size;
  const bool packs = depthwise_packs(s, dy, w, dx);
  const int64_t n = int64_t{s.images} * s.h * s.w * s.channels / (packs ? V : 1);
  packs ? launch(depthwise_grad_kernel<T, V>, blocks_for(n, 256), 256, 0, q.stream(), s, n, dy, w, dx)
        : launch(depthwise_grad_kernel<T, 1>, blocks_for(n, 256), 256, 0, q.stream(), s, n, dy, w, dx);
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
