// 2-D average pooling and its transpose, NHWC, vectorised over the channels. Padding does not count.
#include <cstring>

#include "core/kernel.h"
#include "cpu/kernels/pool.h"
#include "cpu/simd/stream.h"

namespace nabla::NABLA_ISA {

namespace {

NABLA_INLINE int64_t taps(const TapRange& range) { return range.end - range.begin; }

// `streamed`: y goes past the caches, and begins and ends at a cache line after each pixel.
template <typename T>
void pool_row(const PoolShape& p, const T* x, int64_t oy, T* y, bool streamed) {
  const int64_t channels = p.channels;
  if (p.two_by_two() && streamed) {
    const T* top = x + 2 * oy * p.row();
    const T* bottom = top + p.row();
    for (int64_t ox = 0; ox < p.out_w; ++ox, top += 2 * channels, bottom += 2 * channels, y += channels) {
      for (int64_t c = 0; c < channels; c += Vec<T>::width) {
        const Vec<T> upper = load_halves(top + c) + load_halves(top + channels + c);
        const Vec<T> lower = load_halves(bottom + c) + load_halves(bottom + channels + c);
        stream_store(y + c, (upper + lower) * Vec<T>::set(T(0.25)));
      }
    }
    return;
  }
  if (p.two_by_two()) {
    const T* top = x + 2 * oy * p.row();
    const T* bottom = top + p.row();
    for (int64_t ox = 0; ox < p.out_w; ++ox, top += 2 * channels, bottom += 2 * channels, y += channels) {
      by_vectors<T>(
          channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
            const Vec<T> upper = load(top + c, n) + load(top + channels + c, n);
            const Vec<T> lower = load(bottom + c, n) + load(bottom + channels + c, n);
            store((upper + lower) * Vec<T>::set(T(0.25)), y + c, n);
          });
    }
    return;
  }
  const TapRange rows = p.rows(oy);
  for (int64_t ox = 0; ox < p.out_w; ++ox, y += channels) {
    const TapRange cols = p.cols(ox);
    const Vec<T> count = Vec<T>::set(static_cast<T>(taps(rows) * taps(cols)));
    by_vectors<T>(
        channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
          Vec<T> sum = Vec<T>::zero();
          for (int64_t i = rows.begin; i < rows.end; ++i) {
            for (int64_t j = cols.begin; j < cols.end; ++j) sum = sum + load(x + p.tap(rows, cols, i, j) + c, n);
          }
          store(sum / count, y + c, n);
        });
  }
}

template <typename T>
void avg_pool(KernelArgs& args, const ConvGeometry& g) {
  const PoolShape p(g, args.in[0], args.out[0]);
  const T* x = args.in[0].as<T>();
  T* y = args.out[0].as<T>();
  const int64_t size = sizeof(T), bytes = (args.in[0].numel() + args.out[0].numel()) * size;
  // What x and y do not fit into, y has left before it is read again.
  const bool streamed = bytes >= 2 * kStreamBytes && whole_cache_lines(y, p.channels * size);
  parallel_ranges(args.pool, p.images * p.out_h, rows_per_task(p.out_row()), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      pool_row(p, x + r / p.out_h * p.h * p.row(), r % p.out_h, y + r * p.out_row(), streamed);
    }
    if (streamed) stream_fence();
  });
}

// The two rows of dx of one row of windows.
template <typename T>
void grad_row_two_by_two(const PoolShape& p, const T* dy, T* dx) {
  const int64_t channels = p.channels;
  T* dx_bottom = dx + p.row();
  for (int64_t ox = 0; ox < p.out_w; ++ox) {
    by_vectors<T>(
        channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
          const Vec<T> share = load(dy + c, n) * Vec<T>::set(T(0.25));
          store(share, dx + c, n);
          store(share, dx + channels + c, n);
          store(share, dx_bottom + c, n);
          store(share, dx_bottom + channels + c, n);
        });
    dy += channels, dx += 2 * channels, dx_bottom += 2 * channels;
  }
  // A column behind the last window.
  const int64_t left = (p.w - 2 * p.out_w) * channels * static_cast<int64_t>(sizeof(T));
  std::memset(dx, 0, left);
  std::memset(dx_bottom, 0, left);
}

// Row iy of dx gets its share of all the windows that it lies in. `dy` is the gradient of the image's result.
template <typename T>
void grad_row(const PoolShape& p, const T* dy, int64_t iy, T* dx) {
  std::memset(dx, 0, p.row() * sizeof(T));
  const int64_t padded = iy + p.g.pad_top;
  const int64_t last = padded / p.g.stride_h + 1, below = padded - p.g.kernel_h + 1;
  const int64_t first = below > 0 ? (below + p.g.stride_h - 1) / p.g.stride_h : 0;
  for (int64_t oy = first; oy < last && oy < p.out_h; ++oy) {
    const int64_t rows = taps(p.rows(oy));
    for (int64_t ox = 0; ox < p.out_w; ++ox) {
      const TapRange cols = p.cols(ox);
      const T pixels = static_cast<T>(rows * taps(cols));
      const T* from = dy + oy * p.out_row() + ox * p.channels;
      if (p.channels < kFewChannels) {
        for (int64_t j = cols.begin; j < cols.end; ++j) {
          T* to = dx + (cols.first + j) * p.channels;
          for (int64_t c = 0; c < p.channels; ++c) to[c] += from[c] / pixels;
        }
        continue;
      }
      const Vec<T> count = Vec<T>::set(pixels);
      by_vectors<T>(
          p.channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
            const Vec<T> share = load(from + c, n) / count;
            for (int64_t j = cols.begin; j < cols.end; ++j) {
              T* to = dx + (cols.first + j) * p.channels + c;
              store(load(to, n) + share, to, n);
            }
          });
    }
  }
}

template <typename T>
void avg_pool_grad(KernelArgs& args, const ConvGeometry& g) {
  const PoolShape p(g, args.out[0], args.in[0]);
  const T* dy = args.in[0].as<T>();
  T* dx = args.out[0].as<T>();
  if (p.two_by_two()) {
    parallel_ranges(args.pool, p.images * p.out_h, rows_per_task(p.row()), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const int64_t oy = r % p.out_h, at = (r / p.out_h * p.h + 2 * oy) * p.row();
        grad_row_two_by_two(p, dy + r * p.out_row(), dx + at);
        // The rows behind the last window.
        if (oy + 1 == p.out_h) std::memset(dx + at + 2 * p.row(), 0, (p.h - 2 * p.out_h) * p.row() * sizeof(T));
      }
    });
    return;
  }
  parallel_ranges(args.pool, p.images * p.h, rows_per_task(p.row()), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      grad_row(p, dy + r / p.h * p.out_h * p.out_row(), r % p.h, dx + r * p.row());
    }
  });
}

void check(const ConvGeometry& g, const TensorView& image, const TensorView& pooled) {
  check_pooling(g, image, pooled);
  NABLA_CHECK(g.dilation_h == 1 && g.dilation_w == 1, "windows of average pooling have no gaps");
}

}  // namespace

void avgPool2d(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  const TensorView &x = args.in[0], &y = args.out[0];
  check(g, x, y);
  if (y.numel() == 0) return;
  x.dtype == DType::float32 ? avg_pool<float>(args, g) : avg_pool<double>(args, g);
}

void avgPool2dGrad(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  const TensorView &dy = args.in[0], &dx = args.out[0];
  check(g, dx, dy);
  if (dx.numel() == 0) return;
  if (dy.numel() == 0) {
    std::memset(dx.data, 0, dx.numel() * dtype_size(dx.dtype));
    return;
  }
  dx.dtype == DType::float32 ? avg_pool_grad<float>(args, g) : avg_pool_grad<double>(args, g);
}

}  // namespace nabla::NABLA_ISA
