// 2-D max pooling and its gradient, NHWC, vectorised over the channels. The gradient goes to the places that the
// pooling has stored (cpu/kernels/max_pool.h).
#include <cstring>

#include "core/kernel.h"
#include "cpu/kernels/max_pool.h"
#include "cpu/simd/stream.h"

namespace nabla::NABLA_ISA {

namespace {

// dy where `k` is the place, zero elsewhere.
template <typename T>
NABLA_INLINE Vec<T> at_place(int64_t k, Vec<T> places, Vec<T> dy) {
  return select(same_place(places, place<T>(k)), dy, Vec<T>::zero());
}

// dx of one row of windows that lie side by side, zeros behind the last one included. `dx` is the image's gradient.
template <bool kTwoByTwo, typename T, typename Place, typename Store>
void grad_row_tiled(const PoolShape& p, int64_t oy, const Place* places, const T* dy, T* dx, Store&& store_lanes) {
  const TapRange rows = p.rows(oy);
  for (int64_t ox = 0; ox < p.out_w; ++ox, places += p.channels, dy += p.channels) {
    const TapRange cols = kTwoByTwo ? TapRange{2 * ox, 0, 2} : p.cols(ox);
    by_vectors<T>(
        p.channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
          const Vec<T> won = load_places<T>(places + c, n), g = load(dy + c, n);
          each_tap<kTwoByTwo>(
              p, rows, cols, [&](int64_t k, int64_t at) __attribute__((always_inline)) {
                store_lanes(at_place(k, won, g), dx + at + c, n);
              });
        });
  }
  const int64_t covered = p.out_w * p.g.kernel_w;
  for (int64_t i = 0; i < p.g.kernel_h && covered < p.w; ++i) {
    std::memset(dx + ((oy * p.g.kernel_h + i) * p.w + covered) * p.channels, 0,
                (p.w - covered) * p.channels * sizeof(T));
  }
}

template <typename T, typename Place>
void grad_tiled(KernelArgs& args, const PoolShape& p, const Place* places, const T* dy, T* dx) {
  const bool two_by_two = p.two_by_two();
  // Gradients too large for the caches go past them.
  const bool streamed = p.images * p.h * p.row() * static_cast<int64_t>(sizeof(T)) >= kStreamBytes &&
                        whole_cache_lines(dx, p.channels * static_cast<int64_t>(sizeof(T)));
  parallel_ranges(args.pool, p.images * p.out_h, rows_per_task(p.row()), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t oy = r % p.out_h, out = r * p.out_row();
      T* image = dx + r / p.out_h * p.h * p.row();
      const auto past = [](Vec<T> v, T * to, int64_t) __attribute__((always_inline)) { stream_store(to, v); };
      const auto kept = [](Vec<T> v, T * to, int64_t n) __attribute__((always_inline)) { store(v, to, n); };
      if (two_by_two && streamed)
        grad_row_tiled<true>(p, oy, places + out, dy + out, image, past);
      else if (two_by_two)
        grad_row_tiled<true>(p, oy, places + out, dy + out, image, kept);
      else
        grad_row_tiled<false>(p, oy, places + out, dy + out, image, kept);
      // The rows behind the last window.
      const int64_t covered = p.out_h * p.g.kernel_h;
      if (oy + 1 == p.out_h) std::memset(image + covered * p.row(), 0, (p.h - covered) * p.row() * sizeof(T));
    }
    if (streamed) stream_fence();
  });
}

// dx += the gradient of one row of windows, for channels [c0, c0 + n). `dx` is the image's gradient.
template <typename T, typename Place>
void add_grad_row(const PoolShape& p, int64_t oy, int64_t c0, int64_t channels, const Place* places, const T* dy,
                  T* dx) {
  const TapRange rows = p.rows(oy);
  for (int64_t ox = 0; ox < p.out_w; ++ox) {
    const TapRange cols = p.cols(ox);
    const int64_t out = ox * p.channels + c0;
    by_vectors<T>(
        channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
          const Vec<T> won = load_places<T>(places + out + c, n), g = load(dy + out + c, n);
          each_tap<false>(
              p, rows, cols, [&](int64_t k, int64_t tap) __attribute__((always_inline)) {
                const int64_t at = tap + c0 + c;
                store(load(dx + at, n) + at_place(k, won, g), dx + at, n);
              });
        });
  }
}

template <typename T, typename Place>
void max_pool_grad(KernelArgs& args, const PoolShape& p) {
  const Place* places = args.in[0].as<Place>();
  const T* dy = args.in[1].as<T>();
  T* dx = args.out[0].as<T>();
  if (p.tiled()) return grad_tiled(args, p, places, dy, dx);
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
      add_grad_row(p, oy, c0, n, places + out, dy + out, image_dx);
    }
  });
}

// out = g at the place of each window of one row. `g` is one image.
template <typename T, typename Place>
void gather_row(const PoolShape& p, int64_t oy, const Place* places, const T* g, T* out) {
  const TapRange rows = p.rows(oy);
  for (int64_t ox = 0; ox < p.out_w; ++ox, places += p.channels, out += p.channels) {
    const TapRange cols = p.cols(ox);
    by_vectors<T>(
        p.channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
          const Vec<T> won = load_places<T>(places + c, n);
          Vec<T> found = Vec<T>::zero();
          each_tap<false>(
              p, rows, cols, [&](int64_t k, int64_t at) __attribute__((always_inline)) {
                found = select(same_place(won, place<T>(k)), load(g + at + c, n), found);
              });
          store(found, out + c, n);
        });
  }
}

template <typename T, typename Place>
void max_pool_gather(KernelArgs& args, const PoolShape& p) {
  const Place* places = args.in[0].as<Place>();
  const T* g = args.in[1].as<T>();
  T* out = args.out[0].as<T>();
  parallel_ranges(args.pool, p.images * p.out_h, rows_per_task(p.out_row()), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      gather_row(p, r % p.out_h, places + r * p.out_row(), g + r / p.out_h * p.h * p.row(), out + r * p.out_row());
    }
  });
}

}  // namespace

void maxPool2d(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  const TensorView &x = args.in[0], &y = args.out[0];
  check_pooling(g, x, y);
  if (args.n_out > 1) check_places(g, x, y, args.out[1]);
  if (y.numel() == 0) return;
  const PoolShape p(g, x, y);
  by_dtypes(x.dtype, args.n_out > 1 ? args.out[1].dtype : DType::uint8, [&](auto t, auto place) {
    using T = decltype(t);
    using Place = decltype(place);
    max_pool(args.pool, p, x.as<T>(), y.as<T>(), args.n_out > 1 ? args.out[1].as<Place>() : nullptr);
  });
}

void maxPool2dGrad(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  const TensorView &places = args.in[0], &dy = args.in[1], &dx = args.out[0];
  check_pooling(g, dx, dy);
  check_places(g, dx, dy, places);
  if (dx.numel() == 0) return;
  if (dy.numel() == 0) {
    std::memset(dx.data, 0, dx.numel() * dtype_size(dx.dtype));
    return;
  }
  const PoolShape p(g, dx, dy);
  by_dtypes(dx.dtype, places.dtype, [&](auto t, auto place) { max_pool_grad<decltype(t), decltype(place)>(args, p); });
}

void maxPool2dGather(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  const TensorView &places = args.in[0], &from = args.in[1], &y = args.out[0];
  check_pooling(g, from, y);
  check_places(g, from, y, places);
  if (y.numel() == 0) return;
  const PoolShape p(g, from, y);
  by_dtypes(y.dtype, places.dtype, [&](auto t, auto place) { max_pool_gather<decltype(t), decltype(place)>(args, p); });
}

}  // namespace nabla::NABLA_ISA
