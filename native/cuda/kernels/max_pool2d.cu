// 2-D max pooling and its gradient, NHWC. A place counts the pixels of its window that lie in the image, row by row.
// Padding never wins, NaN does, and of equals the first. The gradient of a pixel is collected from its windows.
#include <cmath>
#include <cstdint>

#include "cuda/kernels/pool.h"

namespace nabla::cuda {
namespace {

// `places` may be null.
template <typename T, typename Place>
__global__ void __launch_bounds__(kPoolThreads) max_pool(PoolShape p, const T* x, T* y, Place* places) {
  const uint32_t at = blockIdx.x * kPoolThreads + threadIdx.x;
  if (at >= p.pooled) return;
  const ImagePlace window = p.window(at);
  const PoolTaps rows = p.rows.taps(window.row), cols = p.cols.taps(window.column);
  T best = -static_cast<T>(INFINITY);
  int won = 0, place = 0;
  for (int i = rows.begin; i < rows.end; ++i) {
    const T* row = x + p.image_at(window, rows.first + i * p.rows.dilation, cols.first);
    for (int j = cols.begin; j < cols.end; ++j, ++place) {
      const T value = row[int64_t{j} * p.cols.dilation * p.channels];
      // Not <=, so that NaN wins, but nothing wins over NaN.
      if (best == best && !(value <= best)) won = place;
      if (best == best && !(best > value)) best = value;
    }
  }
  y[at] = best;
  if (places != nullptr) places[at] = static_cast<Place>(won);
}

template <typename T, typename Place>
__global__ void __launch_bounds__(kPoolThreads) max_pool_grad(PoolShape p, const Place* places, const T* dy, T* dx) {
  const uint32_t at = blockIdx.x * kPoolThreads + threadIdx.x;
  if (at >= p.pixels) return;
  const ImagePlace pixel = p.pixel(at);
  const int y = static_cast<int>(pixel.row), x = static_cast<int>(pixel.column);
  const PoolWindows down = p.rows.windows(y), across = p.cols.windows(x);
  T sum = 0;
  for (int oy = down.begin; oy < down.end; ++oy) {
    const int i = p.rows.tap_of(oy, y), above = i - p.rows.taps(oy).begin;
    if (i < 0) continue;
    for (int ox = across.begin; ox < across.end; ++ox) {
      const int j = p.cols.tap_of(ox, x);
      if (j < 0) continue;
      const PoolTaps cols = p.cols.taps(ox);
      const int64_t from = p.pooled_at(pixel, oy, ox);
      if (static_cast<int>(places[from]) == above * cols.count() + j - cols.begin) sum += dy[from];
    }
  }
  dx[at] = sum;
}

template <typename T, typename Place>
__global__ void __launch_bounds__(kPoolThreads) gather_places(PoolShape p, const Place* places, const T* g, T* out) {
  const uint32_t at = blockIdx.x * kPoolThreads + threadIdx.x;
  if (at >= p.pooled) return;
  const ImagePlace window = p.window(at);
  const PoolTaps rows = p.rows.taps(window.row), cols = p.cols.taps(window.column);
  const uint32_t place = static_cast<uint32_t>(places[at]), width = static_cast<uint32_t>(cols.count());
  T found = 0;
  if (place < static_cast<uint32_t>(rows.count()) * width) {
    const uint32_t i = place / width;
    found = g[p.image_at(window, rows.first + (rows.begin + static_cast<int>(i)) * p.rows.dilation,
                         cols.first + (cols.begin + static_cast<int>(place - i * width)) * p.cols.dilation)];
  }
  out[at] = found;
}

// Places of windows of up to 256 pixels are uint8, of larger ones int32.
void check_places(const ConvGeometry& g, const TensorView& x, const TensorView& y, const TensorView& places) {
  const bool small = places.dtype == DType::uint8;
  NABLA_CHECK(small || places.dtype == DType::int32, "places are uint8 or int32");
  NABLA_CHECK(small ? g.kernel_h * g.kernel_w <= 256 : x.shape[1] * x.shape[2] <= INT32_MAX,
              "the places do not fit their dtype");
  NABLA_CHECK(places.rank == 4 && places.contiguous(), "places need the layout of the maxima");
  for (int i = 0; i < 4; ++i) NABLA_CHECK(places.shape[i] == y.shape[i], "places need the shape of the maxima");
}

// body(T{}, Place{}) for the dtypes of the elements and the places.
template <typename F>
void by_dtypes(DType elements, DType places, F&& body) {
  const bool small = places == DType::uint8;
  if (elements == DType::float32) {
    small ? body(float{}, uint8_t{}) : body(float{}, int32_t{});
  } else {
    small ? body(double{}, uint8_t{}) : body(double{}, int32_t{});
  }
}

}  // namespace

void maxPool2d(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  const TensorView &x = args.in[0], &y = args.out[0];
  check_pooling(g, x, y);
  check_pooling_size(g, x);
  if (args.n_out > 1) check_places(g, x, y, args.out[1]);
  if (y.numel() == 0) return;
  by_dtypes(x.dtype, args.n_out > 1 ? args.out[1].dtype : DType::uint8, [&](auto t, auto place) {
    using T = decltype(t);
    using Place = decltype(place);
    launch(max_pool<T, Place>, blocks_for(y.numel(), kPoolThreads), kPoolThreads, 0, queue_of(args).stream(),
           PoolShape(g, x, y), x.as<const T>(), y.as<T>(), args.n_out > 1 ? args.out[1].as<Place>() : nullptr);
  });
}

void maxPool2dGrad(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  const TensorView &places = args.in[0], &dy = args.in[1], &dx = args.out[0];
  check_pooling(g, dx, dy);
  check_pooling_size(g, dx);
  check_places(g, dx, dy, places);
  if (dx.numel() == 0) return;
  if (dy.numel() == 0) return fill_zeros(args, dx);
  by_dtypes(dx.dtype, places.dtype, [&](auto t, auto place) {
    using T = decltype(t);
    using Place = decltype(place);
    launch(max_pool_grad<T, Place>, blocks_for(dx.numel(), kPoolThreads), kPoolThreads, 0, queue_of(args).stream(),
           PoolShape(g, dx, dy), places.as<const Place>(), dy.as<const T>(), dx.as<T>());
  });
}

void maxPool2dGather(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  const TensorView &places = args.in[0], &from = args.in[1], &y = args.out[0];
  check_pooling(g, from, y);
  check_pooling_size(g, from);
  check_places(g, from, y, places);
  if (y.numel() == 0) return;
  by_dtypes(y.dtype, places.dtype, [&](auto t, auto place) {
    using T = decltype(t);
    using Place = decltype(place);
    launch(gather_places<T, Place>, blocks_for(y.numel(), kPoolThreads), kPoolThreads, 0, queue_of(args).stream(),
           PoolShape(g, from, y), places.as<const Place>(), from.as<const T>(), y.as<T>());
  });
}

}  // namespace nabla::cuda
