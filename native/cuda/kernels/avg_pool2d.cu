// 2-D average pooling and its transpose, NHWC. Padding does not count. The gradient of a pixel is collected from its
// windows.
#include <cstdint>

#include "cuda/kernels/pool.h"

namespace nabla::cuda {
namespace {

template <typename T>
__global__ void __launch_bounds__(kPoolThreads) avg_pool(PoolShape p, const T* x, T* y) {
  const uint32_t at = blockIdx.x * kPoolThreads + threadIdx.x;
  if (at >= p.pooled) return;
  const ImagePlace window = p.window(at);
  const PoolTaps rows = p.rows.taps(window.row), cols = p.cols.taps(window.column);
  T sum = 0;
  for (int i = rows.begin; i < rows.end; ++i) {
    const T* row = x + p.image_at(window, rows.first + i, cols.first);
    for (int j = cols.begin; j < cols.end; ++j) sum += row[int64_t{j} * p.channels];
  }
  y[at] = sum / static_cast<T>(rows.count() * cols.count());
}

template <typename T>
__global__ void __launch_bounds__(kPoolThreads) avg_pool_grad(PoolShape p, const T* dy, T* dx) {
  const uint32_t at = blockIdx.x * kPoolThreads + threadIdx.x;
  if (at >= p.pixels) return;
  const ImagePlace pixel = p.pixel(at);
  const PoolWindows down = p.rows.windows(static_cast<int>(pixel.row));
  const PoolWindows across = p.cols.windows(static_cast<int>(pixel.column));
  T sum = 0;
  for (int oy = down.begin; oy < down.end; ++oy) {
    const int rows = p.rows.taps(oy).count();
    for (int ox = across.begin; ox < across.end; ++ox) {
      sum += dy[p.pooled_at(pixel, oy, ox)] / static_cast<T>(rows * p.cols.taps(ox).count());
    }
  }
  dx[at] = sum;
}

void check_average(const ConvGeometry& g, const TensorView& image, const TensorView& pooled) {
  check_pooling(g, image, pooled);
  check_pooling_size(g, image);
  NABLA_CHECK(g.dilation_h == 1 && g.dilation_w == 1, "windows of average pooling have no gaps");
}

template <typename T>
void avg_pool_as(KernelArgs& args, const ConvGeometry& g) {
  const TensorView &x = args.in[0], &y = args.out[0];
  launch(avg_pool<T>, blocks_for(y.numel(), kPoolThreads), kPoolThreads, 0, queue_of(args).stream(), PoolShape(g, x, y),
         x.as<const T>(), y.as<T>());
}

template <typename T>
void avg_pool_grad_as(KernelArgs& args, const ConvGeometry& g) {
  const TensorView &dy = args.in[0], &dx = args.out[0];
  launch(avg_pool_grad<T>, blocks_for(dx.numel(), kPoolThreads), kPoolThreads, 0, queue_of(args).stream(),
         PoolShape(g, dx, dy), dy.as<const T>(), dx.as<T>());
}

}  // namespace

void avgPool2d(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  check_average(g, args.in[0], args.out[0]);
  if (args.out[0].numel() == 0) return;
  args.in[0].dtype == DType::float32 ? avg_pool_as<float>(args, g) : avg_pool_as<double>(args, g);
}

void avgPool2dGrad(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  const TensorView &dy = args.in[0], &dx = args.out[0];
  check_average(g, dx, dy);
  if (dx.numel() == 0) return;
  if (dy.numel() == 0) return fill_zeros(args, dx);
  dx.dtype == DType::float32 ? avg_pool_grad_as<float>(args, g) : avg_pool_grad_as<double>(args, g);
}

}  // namespace nabla::cuda
