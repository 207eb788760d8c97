// 2-D max pooling and its gradient, NHWC, vectorised over the channels. Padding never wins, NaN does. The gradient
// finds the first maximum of a window again by comparing x with y.
#include <cmath>
#include <cstring>

#include "core/kernel.h"
#include "cpu/kernels/pool.h"

namespace nabla::NABLA_ISA {

namespace {

template <typename T>
struct Pool : PoolShape {
  const T* x;

  Pool(const ConvGeometry& geometry, const TensorView& x_view, const TensorView& y_view)
      : PoolShape(geometry, x_view, y_view), x(x_view.as<T>()) {}
};

template <typename T>
NABLA_INLINE Vec<T> nan_or_max(Vec<T> a, Vec<T> b) {
  // max gives b where b is NaN.
  return select(a != a, a, max(a, b));
}

template <typename T>
void pool_row(const Pool<T>& p, int64_t image, int64_t oy, T* y) {
  const T* x = p.x + image * p.h * p.row();
  const int64_t channels = p.channels;
  if (p.two_by_two()) {
    const T* top = x + 2 * oy * p.row();
    const T* bottom = top + p.row();
    for (int64_t ox = 0; ox < p.out_w; ++ox, top += 2 * channels, bottom += 2 * channels, y += channels) {
      by_vectors<T>(
          channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
            const Vec<T> upper = nan_or_max(load(top + c, n), load(top + channels + c, n));
            const Vec<T> lower = nan_or_max(load(bottom + c, n), load(bottom + channels + c, n));
            store(nan_or_max(upper, lower), y + c, n);
          });
    }
    return;
  }
  const TapRange rows = p.rows(oy);
  for (int64_t ox = 0; ox < p.out_w; ++ox, y += channels) {
    const TapRange cols = p.cols(ox);
    by_vectors<T>(
        channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
          Vec<T> best = Vec<T>::set(-static_cast<T>(INFINITY));
          for (int64_t i = rows.begin; i < rows.end; ++i) {
            for (int64_t j = cols.begin; j < cols.end; ++j)
              best = nan_or_max(best, load(x + p.tap(rows, cols, i, j) + c, n));
          }
          store(best, y + c, n);
        });
  }
}

template <typename T>
void max_pool(KernelArgs& args, const ConvGeometry& g) {
  const Pool<T> p(g, args.in[0], args.out[0]);
  T* y = args.out[0].as<T>();
  parallel_ranges(args.pool, p.images * p.out_h, rows_per_task(p.out_row()), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) pool_row(p, r / p.out_h, r % p.out_h, y + r * p.out_row());
  });
}

// Takes dy from `rest` where x is the maximum y, and leaves zero there: later maxima get nothing.
template <typename T>
NABLA_INLINE Vec<T> take(Vec<T> x, Vec<T> y, Vec<T>& rest) {
  const Mask<T> wins = (x == y) | (x != x);
  const Vec<T> taken = select(wins, rest, Vec<T>::zero());
  rest = select(wins, Vec<T>::zero(), rest);
  return taken;
}

// The two rows of dx of one row of windows.
template <typename T>
void grad_row_two_by_two(const Pool<T>& p, const T* top, const T* y, const T* dy, T* dx) {
  const int64_t channels = p.channels;
  const T* bottom = top + p.row();
  T* dx_bottom = dx + p.row();
  for (int64_t ox = 0; ox < p.out_w; ++ox) {
    by_vectors<T>(
        channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
          const Vec<T> best = load(y + c, n);
          Vec<T> rest = load(dy + c, n);
          store(take(load(top + c, n), best, rest), dx + c, n);
          store(take(load(top + channels + c, n), best, rest), dx + channels + c, n);
          store(take(load(bottom + c, n), best, rest), dx_bottom + c, n);
          store(take(load(bottom + channels + c, n), best, rest), dx_bottom + channels + c, n);
        });
    top += 2 * channels, bottom += 2 * channels, dx += 2 * channels, dx_bottom += 2 * channels;
    y += channels, dy += channels;
  }
  // A column behind the last window.
  const int64_t left = (p.w - 2 * p.out_w) * channels * static_cast<int64_t>(sizeof(T));
  std::memset(dx, 0, left);
  std::memset(dx_bottom, 0, left);
}

// dx += the gradient of one row of windows, for channels [c0, c0 + n). `dx` is the image's gradient.
template <typename T>
void add_grad_row(const Pool<T>& p, int64_t image, int64_t oy, int64_t c0, int64_t channels, const T* y, const T* dy,
                  T* dx) {
  const T* x = p.x + image * p.h * p.row();
  const TapRange rows = p.rows(oy);
  for (int64_t ox = 0; ox < p.out_w; ++ox) {
    const TapRange cols = p.cols(ox);
    const int64_t out = ox * p.channels + c0;
    by_vectors<T>(
        channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
          const Vec<T> best = load(y + out + c, n);
          Vec<T> rest = load(dy + out + c, n);
          for (int64_t i = rows.begin; i < rows.end; ++i) {
            for (int64_t j = cols.begin; j < cols.end; ++j) {
              const int64_t at = p.tap(rows, cols, i, j) + c0 + c;
              store(load(dx + at, n) + take(load(x + at, n), best, rest), dx + at, n);
            }
          }
        });
  }
}

template <typename T>
void max_pool_grad(KernelArgs& args, const ConvGeometry& g) {
  const Pool<T> p(g, args.in[0], args.in[1]);
  const T *y = args.in[1].as<T>(), *dy = args.in[2].as<T>();
  T* dx = args.out[0].as<T>();
  if (p.two_by_two()) {
    parallel_ranges(args.pool, p.images * p.out_h, rows_per_task(p.row()), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const int64_t image = r / p.out_h, oy = r % p.out_h, at = (image * p.h + 2 * oy) * p.row();
        grad_row_two_by_two(p, p.x + at, y + r * p.out_row(), dy + r * p.out_row(), dx + at);
        // The rows behind the last window.
        if (oy + 1 == p.out_h) {
          std::memset(dx + at + 2 * p.row(), 0, (p.h - 2 * p.out_h) * p.row() * sizeof(T));
        }
      }
    });
    return;
  }
  // Windows may overlap: a task takes some channels of one image and goes through the windows in order.
  constexpr int64_t kChannels = 8 * Vec<T>::width;
  const int64_t channel_tasks = (p.channels + kChannels - 1) / kChannels;
  parallel_for(args.pool, p.images * channel_tasks, [&](int64_t task) {
    const int64_t image = task / channel_tasks, c0 = task % channel_tasks * kChannels;
    const int64_t n = c0 + kChannels < p.channels ? kChannels : p.channels - c0;
    T* image_dx = dx + image * p.h * p.row();
    for (int64_t i = 0; i < p.h * p.w; ++i) std::memset(image_dx + i * p.channels + c0, 0, n * sizeof(T));
    for (int64_t oy = 0; oy < p.out_h; ++oy) {
      const int64_t out = (image * p.out_h + oy) * p.out_row();
      add_grad_row(p, image, oy, c0, n, y + out, dy + out, image_dx);
    }
  });
}

// out = g at the first maximum of each window of one row.
template <typename T>
void gather_row(const Pool<T>& p, int64_t image, int64_t oy, const T* y, const T* g, T* out) {
  const T* x = p.x + image * p.h * p.row();
  const TapRange rows = p.rows(oy);
  for (int64_t ox = 0; ox < p.out_w; ++ox) {
    const TapRange cols = p.cols(ox);
    const int64_t at = ox * p.channels;
    by_vectors<T>(
        p.channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
          const Vec<T> best = load(y + at + c, n);
          Vec<T> found = Vec<T>::zero(), rest = Vec<T>::set(1);
          for (int64_t i = rows.begin; i < rows.end; ++i) {
            for (int64_t j = cols.begin; j < cols.end; ++j) {
              const int64_t tap = p.tap(rows, cols, i, j) + c;
              const Mask<T> first = take(load(x + tap, n), best, rest) != Vec<T>::zero();
              found = select(first, load(g + tap, n), found);
            }
          }
          store(found, out + at + c, n);
        });
  }
}

template <typename T>
void max_pool_gather(KernelArgs& args, const ConvGeometry& geometry) {
  const Pool<T> p(geometry, args.in[0], args.in[1]);
  const T *y = args.in[1].as<T>(), *g = args.in[2].as<T>();
  T* out = args.out[0].as<T>();
  parallel_ranges(args.pool, p.images * p.out_h, rows_per_task(p.out_row()), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t image = r / p.out_h, at = r * p.out_row();
      gather_row(p, image, r % p.out_h, y + at, g + image * p.h * p.row(), out + at);
    }
  });
}

void check_same(const TensorView& a, const TensorView& b) {
  NABLA_CHECK(a.rank == 4 && a.dtype == b.dtype && a.contiguous(), "a gradient needs the layout of its tensor");
  for (int i = 0; i < 4; ++i) NABLA_CHECK(a.shape[i] == b.shape[i], "a gradient needs the shape of its tensor");
}

}  // namespace

void maxPool2d(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  const TensorView &x = args.in[0], &y = args.out[0];
  check_pooling(g, x, y);
  if (y.numel() == 0) return;
  x.dtype == DType::float32 ? max_pool<float>(args, g) : max_pool<double>(args, g);
}

void maxPool2dGrad(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  const TensorView &x = args.in[0], &y = args.in[1];
  check_pooling(g, x, y);
  check_same(args.in[2], y);
  check_same(args.out[0], x);
  if (x.numel() == 0) return;
  if (y.numel() == 0) {
    std::memset(args.out[0].data, 0, x.numel() * dtype_size(x.dtype));
    return;
  }
  x.dtype == DType::float32 ? max_pool_grad<float>(args, g) : max_pool_grad<double>(args, g);
}

void maxPool2dGather(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  const TensorView &x = args.in[0], &y = args.in[1];
  check_pooling(g, x, y);
  check_same(args.in[2], x);
  check_same(args.out[0], y);
  if (y.numel() == 0) return;
  x.dtype == DType::float32 ? max_pool_gather<float>(args, g) : max_pool_gather<double>(args, g);
}

}  // namespace nabla::NABLA_ISA
