// Images in another size, and the transpose of that map, NHWC. Both axes have tables of where the result's pixels come
// from and, for the transpose, of where the image's pixels go.
#include <cstdint>

#include "core/checks.h"
#include "cuda/kernels/image_place.h"
#include "cuda/launch.h"
#include "cuda/queue.h"

namespace nabla::cuda {
namespace {

constexpr int kThreads = 256;

// A pixel of the result along one axis: (1 - weight) * x[low] + weight * x[high]. Where the weight is 0, x[high] is
// left out, so that its NaN or infinity does not count.
struct Source {
  int32_t low, high;
  double weight;
};

// The pixels of the result that a pixel of the image may be a source of.
struct Targets {
  int32_t begin, end;
};

struct Axis {
  int32_t size, out_size;
  Source* sources;   // [out_size]
  Targets* targets;  // [size], or null
};

// x [N, h, w, C] and y [N, out_h, out_w, C].
struct Resize {
  Axis rows, cols;
  uint32_t channels;
  bool nearest, align_corners;
};

// Positions are fractions of integers, so that no rounding moves a pixel.
__global__ void __launch_bounds__(kThreads) find_sources(Resize r) {
  const Axis axis = blockIdx.y == 0 ? r.rows : r.cols;
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const int64_t size = axis.size, out_size = axis.out_size;
  if (i >= out_size) return;
  if (r.nearest) {
    const auto at = static_cast<int32_t>((2 * i + 1) * size / (2 * out_size));
    axis.sources[i] = {at, at, 0};
    return;
  }
  int64_t position = r.align_corners ? i * (size - 1) : (2 * i + 1) * size - out_size;
  const int64_t unit = r.align_corners ? (out_size > 1 ? out_size - 1 : 1) : 2 * out_size;
  if (position < 0) position = 0;
  const int64_t low = position / unit;
  const bool inside = low + 1 < size;
  axis.sources[i] = {static_cast<int32_t>(low), static_cast<int32_t>(inside ? low + 1 : low),
                     inside ? static_cast<double>(position % unit) / static_cast<double>(unit) : 0};
}

// The first of the sources whose low is not below a pixel.
__device__ int32_t first_source(const Axis& axis, int64_t pixel) {
  int32_t begin = 0, end = axis.out_size;
  while (begin < end) {
    const int32_t middle = begin + (end - begin) / 2;
    if (axis.sources[middle].low < pixel) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

__global__ void __launch_bounds__(kThreads) find_targets(Resize r) {
  const Axis axis = blockIdx.y == 0 ? r.rows : r.cols;
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= axis.size) return;
  // Also those that have it for their high.
  axis.targets[i] = {first_source(axis, i - 1), first_source(axis, i + 1)};
}

// Elements are moved as unsigned integers of their size.
template <typename T>
__global__ void __launch_bounds__(kThreads) resize_nearest(Resize r, const T* x, T* y, uint32_t n) {
  const uint32_t at = blockIdx.x * kThreads + threadIdx.x;
  if (at >= n) return;
  const ImagePlace p = ImagePlace::of(at, r.rows.out_size, r.cols.out_size, r.channels);
  y[at] = x[p.at(r.rows.sources[p.row].low, r.cols.sources[p.column].low, r.rows.size, r.cols.size, r.channels)];
}

__device__ float mix(float low, float high, float weight) { return fmaf(high, weight, low * (1 - weight)); }
__device__ double mix(double low, double high, double weight) { return fma(high, weight, low * (1 - weight)); }

template <typename T>
__global__ void __launch_bounds__(kThreads) resize_bilinear(Resize r, const T* x, T* y, uint32_t n) {
  const uint32_t at = blockIdx.x * kThreads + threadIdx.x;
  if (at >= n) return;
  const ImagePlace p = ImagePlace::of(at, r.rows.out_size, r.cols.out_size, r.channels);
  const Source down = r.rows.sources[p.row], across = r.cols.sources[p.column];
  const T weight = static_cast<T>(across.weight);
  const auto row_value = [&](int32_t row) {
    const T low = x[p.at(row, across.low, r.rows.size, r.cols.size, r.channels)];
    return weight == 0 ? low : mix(low, x[p.at(row, across.high, r.rows.size, r.cols.size, r.channels)], weight);
  };
  T value = row_value(down.low);
  const T below = static_cast<T>(down.weight);
  if (below != 0) value = mix(value, row_value(down.high), below);
  y[at] = value;
}

// What a source has of a pixel: 0 if nothing.
template <typename T>
__device__ T share_of(const Source& source, int32_t pixel) {
  const T weight = static_cast<T>(source.weight);
  return source.low == pixel ? 1 - weight : source.high == pixel ? weight : T(0);
}

template <typename T>
__global__ void __launch_bounds__(kThreads) resize_grad(Resize r, const T* dy, T* dx, uint32_t n) {
  const uint32_t at = blockIdx.x * kThreads + threadIdx.x;
  if (at >= n) return;
  const ImagePlace p = ImagePlace::of(at, r.rows.size, r.cols.size, r.channels);
  const Targets down = r.rows.targets[p.row], across = r.cols.targets[p.column];
  T sum = 0;
  for (int32_t oy = down.begin; oy < down.end; ++oy) {
    const T weight = share_of<T>(r.rows.sources[oy], static_cast<int32_t>(p.row));
    if (weight == 0) continue;
    for (int32_t ox = across.begin; ox < across.end; ++ox) {
      const T share = weight * share_of<T>(r.cols.sources[ox], static_cast<int32_t>(p.column));
      if (share != 0) sum += dy[p.at(oy, ox, r.rows.out_size, r.cols.out_size, r.channels)] * share;
    }
  }
  dx[at] = sum;
}

// Makes the tables, of targets too if wanted.
Resize prepare(KernelArgs& args, const TensorView& x, const TensorView& y, bool targets) {
  const auto axis = [&](int d) {
    return Axis{static_cast<int32_t>(x.shape[d]), static_cast<int32_t>(y.shape[d]),
                args.workspace.array<Source>(y.shape[d]),
                targets ? args.workspace.array<Targets>(x.shape[d]) : nullptr};
  };
  const Resize r{axis(1), axis(2), static_cast<uint32_t>(x.shape[3]), args.attr[0] == 0, args.attr[1] != 0};
  const auto larger = [](int64_t a, int64_t b) { return a > b ? a : b; };
  const cudaStream_t stream = queue_of(args).stream();
  launch(find_sources, dim3(blocks_for(larger(y.shape[1], y.shape[2]), kThreads), 2), kThreads, 0, stream, r);
  if (!targets) return r;
  launch(find_targets, dim3(blocks_for(larger(x.shape[1], x.shape[2]), kThreads), 2), kThreads, 0, stream, r);
  return r;
}

template <typename T>
void resize_as(KernelArgs& args, void (*kernel)(Resize, const T*, T*, uint32_t), const Resize& r) {
  const TensorView& out = args.out[0];
  launch(kernel, blocks_for(out.numel(), kThreads), kThreads, 0, queue_of(args).stream(), r, args.in[0].as<const T>(),
         out.as<T>(), out.numel());
}

void check_resize(const KernelArgs& args, const TensorView& image, const TensorView& resized) {
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
  check_resize(args, x, y);
  if (y.numel() == 0) return;
  const bool nearest = args.attr[0] == 0;
  NABLA_CHECK(nearest || x.dtype == DType::float32 || x.dtype == DType::float64, "bilinear resizing needs floats");
  const Resize r = prepare(args, x, y, false);
  if (!nearest && x.dtype == DType::float32) return resize_as<float>(args, resize_bilinear<float>, r);
  if (!nearest) return resize_as<double>(args, resize_bilinear<double>, r);
  switch (dtype_size(x.dtype)) {
    case 1: return resize_as<uint8_t>(args, resize_nearest<uint8_t>, r);
    case 2: return resize_as<uint16_t>(args, resize_nearest<uint16_t>, r);
    case 4: return resize_as<uint32_t>(args, resize_nearest<uint32_t>, r);
    default: return resize_as<uint64_t>(args, resize_nearest<uint64_t>, r);
  }
}

void resize2dGrad(KernelArgs& args) {
  const TensorView &dy = args.in[0], &dx = args.out[0];
  check_resize(args, dx, dy);
  NABLA_CHECK(dx.dtype == DType::float32 || dx.dtype == DType::float64, "a gradient needs floats");
  if (dx.numel() == 0) return;
  const Resize r = prepare(args, dx, dy, true);
  if (dx.dtype == DType::float32) return resize_as<float>(args, resize_grad<float>, r);
  resize_as<double>(args, resize_grad<double>, r);
}

}  // namespace nabla::cuda
