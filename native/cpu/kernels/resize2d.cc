// Images in another size, and the transpose of that map, NHWC, vectorised over the channels. Each axis has a table of
// where its pixels come from.
#include <cstring>

#include "core/kernel.h"
#include "cpu/kernels/pool.h"

namespace nabla::NABLA_ISA {

namespace {

enum class Method { nearest, bilinear };

// A pixel of the result along one axis: (1 - weight) * x[low] + weight * x[high]. Where the weight is 0, x[high] is
// left out, so that its NaN or infinity does not count.
struct Source {
  int64_t low, high;
  double weight;
};

// Positions are fractions of integers, so that no rounding moves a pixel.
void find_sources(Method method, bool align_corners, int64_t size, int64_t out_size, Source* sources) {
  for (int64_t i = 0; i < out_size; ++i) {
    if (method == Method::nearest) {
      const int64_t at = (2 * i + 1) * size / (2 * out_size);
      sources[i] = {at, at, 0};
      continue;
    }
    int64_t position = align_corners ? i * (size - 1) : (2 * i + 1) * size - out_size;
    const int64_t unit = align_corners ? (out_size > 1 ? out_size - 1 : 1) : 2 * out_size;
    if (position < 0) position = 0;
    const int64_t low = position / unit;
    const bool inside = low + 1 < size;
    sources[i] = {low, inside ? low + 1 : low,
                  inside ? static_cast<double>(position % unit) / static_cast<double>(unit) : 0};
  }
}

// x [N, h, w, C] and y [N, out_h, out_w, C], and the tables of both axes.
struct Resize {
  int64_t images, h, w, channels, out_h, out_w;
  Source *rows, *cols;

  Resize(KernelArgs& args, const TensorView& x, const TensorView& y)
      : images(x.shape[0]),
        h(x.shape[1]),
        w(x.shape[2]),
        channels(x.shape[3]),
        out_h(y.shape[1]),
        out_w(y.shape[2]),
        rows(args.workspace.array<Source>(out_h)),
        cols(args.workspace.array<Source>(out_w)) {
    const auto method = static_cast<Method>(static_cast<int>(args.attr[0]));
    find_sources(method, args.attr[1] != 0, h, out_h, rows);
    find_sources(method, args.attr[1] != 0, w, out_w, cols);
  }
  int64_t row() const { return w * channels; }
  int64_t out_row() const { return out_w * channels; }
};

void resize_nearest(KernelArgs& args) {
  const TensorView &x = args.in[0], &y = args.out[0];
  const Resize r(args, x, y);
  const auto pixel = r.channels * static_cast<int64_t>(dtype_size(x.dtype));
  const char* from = static_cast<const char*>(x.data);
  char* to = static_cast<char*>(y.data);
  parallel_ranges(args.pool, r.images * r.out_h, rows_per_task(r.out_row()), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const char* row = from + (i / r.out_h * r.h + r.rows[i % r.out_h].low) * r.w * pixel;
      char* out = to + i * r.out_w * pixel;
      for (int64_t ox = 0; ox < r.out_w; ++ox) std::memcpy(out + ox * pixel, row + r.cols[ox].low * pixel, pixel);
    }
  });
}

template <typename T>
NABLA_INLINE Vec<T> mix(Vec<T> low, Vec<T> high, T weight) {
  return fma(high, Vec<T>::set(weight), low * Vec<T>::set(1 - weight));
}

template <typename T>
void bilinear_row(const Resize& r, const T* top, const T* bottom, T weight, T* y) {
  for (int64_t ox = 0; ox < r.out_w; ++ox, y += r.channels) {
    const int64_t low = r.cols[ox].low * r.channels, high = r.cols[ox].high * r.channels;
    const T across = static_cast<T>(r.cols[ox].weight);
    by_vectors<T>(
        r.channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
          Vec<T> upper = load(top + low + c, n);
          if (across != 0) upper = mix(upper, load(top + high + c, n), across);
          if (weight != 0) {
            Vec<T> lower = load(bottom + low + c, n);
            if (across != 0) lower = mix(lower, load(bottom + high + c, n), across);
            upper = mix(upper, lower, weight);
          }
          store(upper, y + c, n);
        });
  }
}

template <typename T>
void resize_bilinear(KernelArgs& args) {
  const Resize r(args, args.in[0], args.out[0]);
  const T* x = args.in[0].as<T>();
  T* y = args.out[0].as<T>();
  parallel_ranges(args.pool, r.images * r.out_h, rows_per_task(r.out_row()), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Source& from = r.rows[i % r.out_h];
      const T* image = x + i / r.out_h * r.h * r.row();
      bilinear_row(r, image + from.low * r.row(), image + from.high * r.row(), static_cast<T>(from.weight),
                   y + i * r.out_row());
    }
  });
}

// dx += weight * the part of one row of the result that comes from this row of the image.
template <typename T>
void add_grad_row(const Resize& r, const T* dy, T weight, T* dx) {
  for (int64_t ox = 0; ox < r.out_w; ++ox, dy += r.channels) {
    T *low = dx + r.cols[ox].low * r.channels, *high = dx + r.cols[ox].high * r.channels;
    const T across = static_cast<T>(r.cols[ox].weight);
    const T low_share = weight * (1 - across), high_share = weight * across;
    if (r.channels < kFewChannels) {
      for (int64_t c = 0; c < r.channels; ++c) low[c] += dy[c] * low_share;
      if (across != 0) {
        for (int64_t c = 0; c < r.channels; ++c) high[c] += dy[c] * high_share;
      }
      continue;
    }
    const Vec<T> to_low = Vec<T>::set(low_share), to_high = Vec<T>::set(high_share);
    by_vectors<T>(
        r.channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
          const Vec<T> g = load(dy + c, n);
          store(fma(g, to_low, load(low + c, n)), low + c, n);
          if (across != 0) store(fma(g, to_high, load(high + c, n)), high + c, n);
        });
  }
}

template <typename T>
void resize_grad(KernelArgs& args) {
  const Resize r(args, args.out[0], args.in[0]);
  const T* dy = args.in[0].as<T>();
  T* dx = args.out[0].as<T>();
  // The rows of the result that come from row iy of the image are neighbours: [first[iy], last[iy]].
  int64_t *first = args.workspace.array<int64_t>(r.h), *last = args.workspace.array<int64_t>(r.h);
  for (int64_t iy = 0; iy < r.h; ++iy) first[iy] = 0, last[iy] = -1;
  for (int64_t oy = 0; oy < r.out_h; ++oy) last[r.rows[oy].low] = last[r.rows[oy].high] = oy;
  for (int64_t oy = r.out_h - 1; oy >= 0; --oy) first[r.rows[oy].low] = first[r.rows[oy].high] = oy;
  parallel_ranges(args.pool, r.images * r.h, rows_per_task(r.row()), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t iy = i % r.h;
      const T* image = dy + i / r.h * r.out_h * r.out_row();
      T* row = dx + i * r.row();
      std::memset(row, 0, r.row() * sizeof(T));
      for (int64_t oy = first[iy]; oy <= last[iy]; ++oy) {
        const Source& from = r.rows[oy];
        const double weight = from.low == iy ? 1 - from.weight : from.weight;
        if (weight != 0) add_grad_row(r, image + oy * r.out_row(), static_cast<T>(weight), row);
      }
    }
  });
}

void check(const KernelArgs& args, const TensorView& image, const TensorView& resized) {
  NABLA_CHECK(args.n_attr >= 2 && args.attr[0] >= 0 && args.attr[0] <= 1, "resizing needs a method");
  NABLA_CHECK(image.rank == 4 && resized.rank == 4, "resizing needs tensors of rank 4");
  NABLA_CHECK(image.dtype == resized.dtype && image.contiguous() && resized.contiguous(),
              "resizing needs contiguous tensors of one dtype");
  NABLA_CHECK(image.shape[0] == resized.shape[0] && image.shape[3] == resized.shape[3] && image.shape[1] > 0 &&
                  image.shape[2] > 0 && resized.shape[1] > 0 && resized.shape[2] > 0,
              "resizing needs images with pixels, as many as before with as many channels");
}

}  // namespace

void resize2d(KernelArgs& args) {
  const TensorView &x = args.in[0], &y = args.out[0];
  check(args, x, y);
  if (y.numel() == 0) return;
  if (args.attr[0] == 0) return resize_nearest(args);
  NABLA_CHECK(x.dtype == DType::float32 || x.dtype == DType::float64, "bilinear resizing needs floats");
  x.dtype == DType::float32 ? resize_bilinear<float>(args) : resize_bilinear<double>(args);
}

void resize2dGrad(KernelArgs& args) {
  const TensorView &dy = args.in[0], &dx = args.out[0];
  check(args, dx, dy);
  NABLA_CHECK(dx.dtype == DType::float32 || dx.dtype == DType::float64, "a gradient needs floats");
  if (dx.numel() == 0) return;
  dx.dtype == DType::float32 ? resize_grad<float>(args) : resize_grad<double>(args);
}

}  // namespace nabla::NABLA_ISA
