// Depthwise convolution, one input and one output channel a group: no matrix product, but vectors of channels.
#pragma once
#include "core/kernel.h"
#include "cpu/gemm/conv_correlation.h"
#include "cpu/gemm/conv_epilogue.h"

namespace nabla::NABLA_ISA {

namespace depthwise_detail {

constexpr int64_t kElementsPerTask = 1 << 14;

// Output pixels [x, x + count) of one row, for the taps that all of them have in the image. `source` is the image.
template <typename T, int count>
void pixels(const Correlation<T>& c, const T* weights, const T* source, const TapRange& rows, const TapRange& cols,
            T* out) {
  using V = Vec<T>;
  const int64_t channels = c.in.pixel, step = c.stride_w * channels;
  for (int64_t ch = 0; ch < channels; ch += V::width) {
    const int64_t lanes = min_of(V::width, channels - ch);
    V sum[count];
    for (int i = 0; i < count; ++i) sum[i] = V::zero();
    for (int64_t kh = rows.begin; kh < rows.end; ++kh) {
      const T* row = source + (rows.first + kh * c.dilation_h) * c.in.w * channels + ch;
      for (int64_t kw = cols.begin; kw < cols.end; ++kw) {
        const T* x = row + (cols.first + kw * c.dilation_w) * channels;
        const V w = load_lanes(weights + (kh * c.kernel_w + kw) * channels + ch, lanes);
        for (int i = 0; i < count; ++i) sum[i] = fma(load_lanes(x + i * step, lanes), w, sum[i]);
      }
    }
    const V bias = c.bias ? load_lanes(c.bias + ch, lanes) : V::zero();
    for (int i = 0; i < count; ++i) {
      store_lanes(activate(sum[i] + bias, c.activation), out + i * c.out_pixel + ch, lanes);
    }
  }
}

// The same for kernels 3 taps wide with stride and dilation 1: each column of x is loaded once for all three.
template <typename T, int count>
void adjacent_pixels(const Correlation<T>& c, const T* weights, const T* source, const TapRange& rows,
                     const TapRange& cols, T* out) {
  using V = Vec<T>;
  constexpr int64_t kLine = 64 / sizeof(T);
  const int64_t channels = c.in.pixel;
  // Slices of channels leap through memory: what the next row of the result reads first, and its place, are asked for.
  const T* next_x = source + ((rows.first + rows.end * c.dilation_h) * c.in.w + cols.first) * channels;
  for (int64_t ch = 0; ch < channels; ch += V::width) {
    const int64_t lanes = min_of(V::width, channels - ch);
    for (int64_t e = ch * count; e < (ch + lanes) * count; e += kLine) {
      __builtin_prefetch(next_x + e, 0, 2);
      __builtin_prefetch(out + c.out_row + e, 1, 2);
    }
    V sum[count];
#pragma GCC unroll 8
    for (int i = 0; i < count; ++i) sum[i] = V::zero();
    for (int64_t kh = rows.begin; kh < rows.end; ++kh) {
      const T* x = source + ((rows.first + kh * c.dilation_h) * c.in.w + cols.first) * channels + ch;
      const T* w = weights + kh * 3 * channels + ch;
      const V w0 = load_lanes(w, lanes), w1 = load_lanes(w + channels, lanes), w2 = load_lanes(w + 2 * channels, lanes);
#pragma GCC unroll 10
      for (int j = 0; j < count + 2; ++j, x += channels) {
        const V column = load_lanes(x, lanes);
        if (j < count) sum[j] = fma(column, w0, sum[j]);
        if (j >= 1 && j <= count) sum[j - 1] = fma(column, w1, sum[j - 1]);
        if (j >= 2) sum[j - 2] = fma(column, w2, sum[j - 2]);
      }
    }
    const V bias = c.bias ? load_lanes(c.bias + ch, lanes) : V::zero();
#pragma GCC unroll 8
    for (int i = 0; i < count; ++i) {
      store_lanes(activate(sum[i] + bias, c.activation), out + i * c.out_pixel + ch, lanes);
    }
  }
}

// The part of one row of the output that a tap of the weight gradient adds up: x[at + place*step] * dy[place] for the
// places [begin, end).
struct TapSum {
  int64_t tap, at, begin, end;
};

// Sums of `count` taps together, which read dy once.
template <typename T, int count>
void add_taps(const TapSum* taps, const T* x, int64_t step, const T* dy, int64_t channels, int64_t lanes, T* sums) {
  using V = Vec<T>;
  V sum[count];
  int64_t begin = 0, end = taps[0].end;
  for (int i = 0; i < count; ++i) {
    begin = max_of(begin, taps[i].begin);
    end = min_of(end, taps[i].end);
  }
  end = max_of(begin, end);
#pragma GCC unroll 9
  for (int i = 0; i < count; ++i) {
    V own = load_lanes(sums + taps[i].tap * channels, lanes);
    // The places that some of the others lack.
    const auto rest = [&](int64_t from, int64_t to) {
      for (int64_t p = from; p < to; ++p) {
        own = fma(load_lanes(x + taps[i].at + p * step, lanes), load_lanes(dy + p * channels, lanes), own);
      }
    };
    rest(taps[i].begin, min_of(begin, taps[i].end));
    rest(max_of(end, taps[i].begin), taps[i].end);
    sum[i] = own;
  }
  const T* from[count];
#pragma GCC unroll 9
  for (int i = 0; i < count; ++i) from[i] = x + taps[i].at;
  for (int64_t p = begin; p < end; ++p) {
    const V d = load_lanes(dy + p * channels, lanes);
#pragma GCC unroll 9
    for (int i = 0; i < count; ++i) sum[i] = fma(load_lanes(from[i] + p * step, lanes), d, sum[i]);
  }
#pragma GCC unroll 9
  for (int i = 0; i < count; ++i) store_lanes(sum[i], sums + taps[i].tap * channels, lanes);
}

}  // namespace depthwise_detail

// `weights` is [kernel_h * kernel_w, channels] in the order of the correlation.
template <typename T>
void correlate_depthwise(KernelArgs& args, const Correlation<T>& c, const T* weights) {
  using namespace depthwise_detail;
  constexpr int kTogether = 4, kAdjacent = 8;
  const bool adjacent = c.kernel_w == 3 && c.stride_w == 1 && c.dilation_w == 1;
  const int64_t row_work = c.out_w * c.groups * c.kernel_h * c.kernel_w;
  parallel_ranges(args.pool, c.images * c.out_h, max_of(4 * kElementsPerTask / max_of(row_work, 1), 1),
                  [&](int64_t begin, int64_t end) {
                    for (int64_t r = begin; r < end; ++r) {
                      const int64_t image = r / c.out_h, y = r % c.out_h;
                      const T* source = c.in.image(image, 0);
                      T* out = c.out + image * c.out_image + y * c.out_row;
                      const TapRange rows = TapRange::of(y * c.stride_h - c.pad_top, c.kernel_h, c.dilation_h, c.in.h);
                      const auto cols = [&](int64_t x) {
                        return TapRange::of(x * c.stride_w - c.pad_left, c.kernel_w, c.dilation_w, c.in.w);
                      };
                      for (int64_t x = 0; x < c.out_w;) {
                        if (adjacent && x >= c.pad_left && x + kAdjacent <= min_of(c.out_w, c.in.w + c.pad_left - 2)) {
                          adjacent_pixels<T, kAdjacent>(c, weights, source, rows, cols(x), out + x * c.out_pixel);
                          x += kAdjacent;
                          continue;
                        }
                        const TapRange first = cols(x), last = cols(min_of(x + kTogether, c.out_w) - 1);
                        const bool same =
                            first.begin == last.begin && first.end == last.end && x + kTogether <= c.out_w;
                        T* to = out + x * c.out_pixel;
                        if (same) {
                          pixels<T, kTogether>(c, weights, source, rows, first, to);
                        } else {
                          pixels<T, 1>(c, weights, source, rows, first, to);
                        }
                        x += same ? kTogether : 1;
                      }
                    }
                  });
}

// dw [kernel_h * kernel_w, channels] and, unless null, dbias [channels]. `c` is the forward pass, `dy` its gradient
// with dense pixels. Rows are cut into chunks with a partial result each, which are added in order.
template <typename T>
void depthwise_weight_grad(KernelArgs& args, const Correlation<T>& c, const T* dy, T* dw, T* dbias) {
  using namespace depthwise_detail;
  using V = Vec<T>;
  constexpr int64_t kChunks = 16;
  constexpr int kTaps = 9;  // a kernel of 3x3
  constexpr int64_t kLine = 64 / sizeof(T);
  const int64_t channels = c.in.pixel, step = c.stride_w * channels, rows = c.images * c.out_h,
                taps = c.kernel_h * c.kernel_w;
  const int64_t chunks = min_of(rows, kChunks), size = (taps + 1) * channels;
  T* partials = args.workspace.array<T>(chunks * size);
  parallel_for(args.pool, chunks, [&](int64_t chunk) {
    T* own = partials + chunk * size;
    std::memset(own, 0, size * sizeof(T));
    for (int64_t r = rows * chunk / chunks; r < rows * (chunk + 1) / chunks; ++r) {
      const int64_t y = r % c.out_h;
      const T* source = c.in.image(r / c.out_h, 0);
      const T* dy_row = dy + r * c.out_w * channels;
      const TapRange valid = TapRange::of(y * c.stride_h - c.pad_top, c.kernel_h, c.dilation_h, c.in.h);
      for (int64_t ch = 0; ch < channels; ch += V::width) {
        const int64_t lanes = min_of(V::width, channels - ch);
        // Slices of channels leap through memory: the next row's part is asked for in order.
        const T* next_x = source + (valid.first + c.kernel_h * c.dilation_h + c.stride_h - 1) * c.in.w * channels;
        for (int64_t e = ch * c.in.w * c.stride_h; e < (ch + lanes) * c.in.w * c.stride_h; e += kLine)
          __builtin_prefetch(next_x + e, 0, 2);
        for (int64_t e = ch * c.out_w; e < (ch + lanes) * c.out_w; e += kLine)
          __builtin_prefetch(dy_row + c.out_w * channels + e, 0, 2);
        if (dbias) {
          V sum[2] = {load_lanes(own + taps * channels + ch, lanes), V::zero()};
          for (int64_t x = 0; x < c.out_w; ++x) sum[x & 1] = sum[x & 1] + load_lanes(dy_row + x * channels + ch, lanes);
          store_lanes(sum[0] + sum[1], own + taps * channels + ch, lanes);
        }
        TapSum group[kTaps];
        int64_t count = 0;
        const auto add = [&] {
          const T *x = source + ch, *d = dy_row + ch;
          if (count == kTaps) return add_taps<T, kTaps>(group, x, step, d, channels, lanes, own + ch);
          int64_t t = 0;
          for (; t + 3 <= count; t += 3) add_taps<T, 3>(group + t, x, step, d, channels, lanes, own + ch);
          for (; t < count; ++t) add_taps<T, 1>(group + t, x, step, d, channels, lanes, own + ch);
        };
        for (int64_t kh = valid.begin; kh < valid.end; ++kh) {
          for (int64_t kw = 0; kw < c.kernel_w; ++kw) {
            // Output pixels whose column of x lies in the image.
            const int64_t first = kw * c.dilation_w - c.pad_left;
            const TapRange places = TapRange::of(first, c.out_w, c.stride_w, c.in.w);
            if (places.begin >= places.end) continue;
            const int64_t at = ((valid.first + kh * c.dilation_h) * c.in.w + first) * channels;
            group[count++] = {kh * c.kernel_w + kw, at, places.begin, places.end};
            if (count < kTaps) continue;
            add();
            count = 0;
          }
        }
        add();
      }
    }
  });
  add_partials(args.pool, dw, taps * channels, partials, size, chunks, false);
  if (dbias) add_partials(args.pool, dbias, channels, partials + taps * channels, size, chunks, false);
}

}  // namespace nabla::NABLA_ISA
