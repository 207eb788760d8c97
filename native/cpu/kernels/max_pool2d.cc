// 2-D max pooling and its gradient, NHWC, vectorised over the channels. Padding never wins, NaN does. The gradient
// finds the first maximum of a window again by comparing x with y.
#include <cstring>

#include "core/checks.h"
#include "core/conv_geometry.h"
#include "core/kernel.h"
#include "cpu/simd/vec.h"

namespace nabla::NABLA_ISA {

namespace {

// What x and y of both kernels have in common.
template <typename T>
struct Pool {
  ConvGeometry g;
  const T* x;
  int64_t images, h, w, channels, out_h, out_w;

  Pool(const ConvGeometry& geometry, const TensorView& x_view, const TensorView& y_view)
      : g(geometry),
        x(x_view.as<T>()),
        images(x_view.shape[0]),
        h(x_view.shape[1]),
        w(x_view.shape[2]),
        channels(x_view.shape[3]),
        out_h(y_view.shape[1]),
        out_w(y_view.shape[2]) {}

  int64_t row() const { return w * channels; }
  int64_t out_row() const { return out_w * channels; }
  // Of tap (i, j) of a window in an image.
  NABLA_INLINE int64_t tap(const TapRange& rows, const TapRange& cols, int64_t i, int64_t j) const {
    return ((rows.first + i * g.dilation_h) * w + cols.first + j * g.dilation_w) * channels;
  }
  bool two_by_two() const {
    return g.kernel_h == 2 && g.kernel_w == 2 && g.stride_h == 2 && g.stride_w == 2 && g.dilation_h == 1 &&
           g.dilation_w == 1 && g.pad_top == 0 && g.pad_left == 0 && 2 * out_h <= h && 2 * out_w <= w;
  }
};

constexpr int64_t kElementsPerTask = 1 << 14;

NABLA_INLINE int64_t rows_per_task(int64_t row) { return row >= kElementsPerTask ? 1 : kElementsPerTask / row; }

template <typename T>
NABLA_INLINE Vec<T> nan_or_max(Vec<T> a, Vec<T> b) {
  // max gives b where b is NaN.
  return select(a != a, a, max(a, b));
}

// body(first channel, channels) for whole vectors, then for the rest.
template <typename T, typename F>
NABLA_INLINE void by_vectors(int64_t channels, F&& body) {
  constexpr int64_t width = Vec<T>::width;
  int64_t c = 0;
  for (; c + width <= channels; c += width) body(c, width);
  if (c < channels) body(c, channels - c);
}

template <typename T>
NABLA_INLINE Vec<T> load(const T* p, int64_t n) {
  return n == Vec<T>::width ? Vec<T>::load(p) : Vec<T>::load_part(p, n);
}
template <typename T>
NABLA_INLINE void store(Vec<T> x, T* p, int64_t n) {
  n == Vec<T>::width ? x.store(p) : x.store_part(p, n);
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
  const TapRange rows = TapRange::of(oy * p.g.stride_h - p.g.pad_top, p.g.kernel_h, p.g.dilation_h, p.h);
  for (int64_t ox = 0; ox < p.out_w; ++ox, y += channels) {
    const TapRange cols = TapRange::of(ox * p.g.stride_w - p.g.pad_left, p.g.kernel_w, p.g.dilation_w, p.w);
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
  const TapRange rows = TapRange::of(oy * p.g.stride_h - p.g.pad_top, p.g.kernel_h, p.g.dilation_h, p.h);
  for (int64_t ox = 0; ox < p.out_w; ++ox) {
    const TapRange cols = TapRange::of(ox * p.g.stride_w - p.g.pad_left, p.g.kernel_w, p.g.dilation_w, p.w);
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

void check(const ConvGeometry& g, const TensorView& x, const TensorView& y) {
  NABLA_CHECK(x.rank == 4 && y.rank == 4, "pooling needs tensors of rank 4");
  NABLA_CHECK(x.dtype == DType::float32 || x.dtype == DType::float64, "pooling needs floats");
  NABLA_CHECK(y.dtype == x.dtype && x.contiguous() && y.contiguous(), "pooling needs contiguous tensors of one dtype");
  NABLA_CHECK(y.shape[0] == x.shape[0] && y.shape[1] == g.out_h(x.shape[1]) && y.shape[2] == g.out_w(x.shape[2]) &&
                  y.shape[3] == x.shape[3],
              "the shapes do not fit the geometry");
}

void check_same(const TensorView& a, const TensorView& b) {
  NABLA_CHECK(a.rank == 4 && a.dtype == b.dtype && a.contiguous(), "a gradient needs the layout of its tensor");
  for (int i = 0; i < 4; ++i) NABLA_CHECK(a.shape[i] == b.shape[i], "a gradient needs the shape of its tensor");
}

}  // namespace

void maxPool2d(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  const TensorView &x = args.in[0], &y = args.out[0];
  check(g, x, y);
  if (y.numel() == 0) return;
  x.dtype == DType::float32 ? max_pool<float>(args, g) : max_pool<double>(args, g);
}

void maxPool2dGrad(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  const TensorView &x = args.in[0], &y = args.in[1];
  check(g, x, y);
  check_same(args.in[2], y);
  check_same(args.out[0], x);
  if (x.numel() == 0) return;
  if (y.numel() == 0) {
    std::memset(args.out[0].data, 0, x.numel() * dtype_size(x.dtype));
    return;
  }
  x.dtype == DType::float32 ? max_pool_grad<float>(args, g) : max_pool_grad<double>(args, g);
}

}  // namespace nabla::NABLA_ISA
