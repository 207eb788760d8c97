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
        const V w = V::load_part(weights + (kh * c.kernel_w + kw) * channels + ch, lanes);
        for (int i = 0; i < count; ++i) sum[i] = fma(V::load_part(x + i * step, lanes), w, sum[i]);
      }
    }
    const V bias = c.bias ? V::load_part(c.bias + ch, lanes) : V::zero();
    for (int i = 0; i < count; ++i) {
      activate(sum[i] + bias, c.activation).store_part(out + i * c.out_pixel + ch, lanes);
    }
  }
}

}  // namespace depthwise_detail

// `weights` is [kernel_h * kernel_w, channels] in the order of the correlation.
template <typename T>
void correlate_depthwise(KernelArgs& args, const Correlation<T>& c, const T* weights) {
  using namespace depthwise_detail;
  constexpr int kTogether = 4;
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
  using V = Vec<T>;
  constexpr int64_t kChunks = 16;
  const int64_t channels = c.in.pixel, rows = c.images * c.out_h, taps = c.kernel_h * c.kernel_w;
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
        // own[to] += sum over the output pixels of a tap (or, without one, of 1) times dy.
        const auto add = [&](int64_t to, int64_t begin, int64_t end, auto&& factor) {
          V sum[2] = {V::load_part(own + to + ch, lanes), V::zero()};
          for (int64_t x = begin; x < end; ++x) {
            const V d = V::load_part(dy_row + x * channels + ch, lanes);
            sum[x & 1] = fma(factor(x), d, sum[x & 1]);
          }
          (sum[0] + sum[1]).store_part(own + to + ch, lanes);
        };
        for (int64_t kh = valid.begin; kh < valid.end; ++kh) {
          const T* row = source + (valid.first + kh * c.dilation_h) * c.in.w * channels + ch;
          for (int64_t kw = 0; kw < c.kernel_w; ++kw) {
            // Output pixels whose column of x lies in the image.
            const int64_t first = kw * c.dilation_w - c.pad_left;
            const TapRange in_image = TapRange::of(first, c.out_w, c.stride_w, c.in.w);
            add((kh * c.kernel_w + kw) * channels, in_image.begin, in_image.end,
                [&](int64_t x) { return V::load_part(row + (first + x * c.stride_w) * channels, lanes); });
          }
        }
        if (dbias) add(taps * channels, 0, c.out_w, [](int64_t) { return V::set(1); });
      }
    }
  });
  add_partials(args.pool, dw, taps * channels, partials, size, chunks, false);
  if (dbias) add_partials(args.pool, dbias, channels, partials + taps * channels, size, chunks, false);
}

}  // namespace nabla::NABLA_ISA
