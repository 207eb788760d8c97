// 2-D convolution, also with max pooling of its result, and its input gradient: products of patches and kernels
// (conv_correlation.h, conv_products.h). Depthwise convolutions have kernels of their own.
#include "core/activation.h"
#include "core/conv_geometry.h"
#include "core/kernel.h"
#include "cuda/kernels/conv_correlation.h"
#include "cuda/kernels/conv_depthwise.h"
#include "cuda/kernels/conv_pooled.h"
#include "cuda/kernels/conv_products.h"
#include "cuda/launch.h"

namespace nabla::cuda {

namespace {

template <typename T>
struct Problem {
  Correlation c;
  const T *in, *w, *bias;
  T* out;
  int64_t out_size;
  Activation activation;
  int phases;
  int64_t rows, depth;   // of the product, of the first phase
  const Pooled* pooled;  // null if the result is not pooled

  bool vector(bool grad) const {
    return c.channels % Pack<T>::size == 0 && (grad || c.outputs % Pack<T>::size == 0) && packable(in) && packable(w);
  }
};

constexpr int64_t kEnoughBlocks = 256;  // to keep any device busy
constexpr int64_t kMaxGrid = 65535;     // along y and z

template <typename Tile>
int64_t tiles_of(const Correlation& c, int64_t rows) {
  return ceil_div(rows, Tile::kM) * ceil_div(c.outputs, Tile::kN) * c.groups;
}

// kernel(c, in, w, result) for all phases, and what is left to do when the inner dimension was cut into parts. False if
// the result cannot be pooled on the way.
template <typename Tile, typename T, typename Kernel>
bool correlate_by(Queue& q, Workspace& workspace, const Problem<T>& problem, Kernel kernel) {
  constexpr int64_t kLeastDepth = 256, kMostSplits = 32;  // of a part, to earn the memory traffic of its result
  Correlation c = problem.c;
  int64_t tiles = tiles_of<Tile>(c, problem.rows);
  const int64_t blocks = tiles * problem.phases;
  int64_t splits = 1;
  while (splits < kMostSplits && 2 * splits * blocks <= kEnoughBlocks && 2 * splits * kLeastDepth <= problem.depth) {
    splits *= 2;
  }
  c.tiles_n = static_cast<int>(ceil_div(c.outputs, Tile::kN));
  c.splits = static_cast<int>(splits);
  const bool finishes = splits > 1 || problem.activation > Activation::relu;
  Result<T> result{problem.out, problem.out_size, problem.bias, problem.activation == Activation::relu, false, nullptr};
  if (problem.pooled != nullptr) {
    // By the same tiles as the whole result, so that the sums have the same bits.
    if (finishes || !Tile::kPools) return false;
    c.pooled = true;
    tiles = tiles_of<Tile>(c, 4 * problem.pooled->y.numel() / c.out_pitch);
    c.out_h = static_cast<int>(problem.pooled->y.shape[1]), c.out_w = static_cast<int>(problem.pooled->y.shape[2]);
    result.out = problem.pooled->y.template as<T>(), result.places = problem.pooled->places;
  }
  if (finishes) result.bias = nullptr, result.relu = false;
  if (splits > 1) result.out = workspace.array<T>(splits * problem.out_size);
  result.packs = c.outputs % Pack<T>::size == 0 && problem.out_size % Pack<T>::size == 0 && packable(result.out);
  for (int64_t first = 0; first < problem.phases; first += kMaxGrid) {
    c.first_phase = static_cast<int>(first);
    const int64_t phases = problem.phases - first < kMaxGrid ? problem.phases - first : kMaxGrid;
    const dim3 grid(static_cast<unsigned>(tiles), static_cast<unsigned>(phases), static_cast<unsigned>(splits));
    launch(kernel, grid, dim3(kTileThreads), 0, q.stream(), c, problem.in, problem.w, result);
  }
  if (!finishes) return true;
  finish(q, result.out, problem.out_size, c.splits, problem.bias, c.out_pitch, problem.activation, problem.out_size,
         problem.out);
  return true;
}

template <typename Tile, bool kGrad>
bool correlate_by_tile(Queue& q, Workspace& workspace, const Problem<typename Tile::T>& problem) {
  return problem.vector(kGrad) ? correlate_by<Tile>(q, workspace, problem, correlate_kernel<Tile, kGrad, true>)
                               : correlate_by<Tile>(q, workspace, problem, correlate_kernel<Tile, kGrad, false>);
}

template <bool kGrad>
bool correlate(Queue& q, Workspace& workspace, const Problem<double>& problem) {
  return correlate_by_tile<DoubleTile, kGrad>(q, workspace, problem);
}

template <bool kGrad>
bool correlate(Queue& q, Workspace& workspace, const Problem<float>& problem) {
  const bool wide = problem.c.outputs > NarrowTile::kN;
  if (q.allow_tf32() && q.capability() >= 80 && problem.vector(kGrad)) {
    if (wide) {
      using Tile = TensorTile<64>;
      return correlate_by<Tile>(q, workspace, problem, correlate_tensor_kernel<Tile, kGrad>);
    }
    using Tile = TensorTile<32>;
    return correlate_by<Tile>(q, workspace, problem, correlate_tensor_kernel<Tile, kGrad>);
  }
  const int64_t phases = problem.phases;
  if (wide && tiles_of<WideTile>(problem.c, problem.rows) * phases >= kEnoughBlocks) {
    return correlate_by_tile<WideTile, kGrad>(q, workspace, problem);
  }
  if (!wide && tiles_of<NarrowTile>(problem.c, problem.rows) * phases >= kEnoughBlocks) {
    return correlate_by_tile<NarrowTile, kGrad>(q, workspace, problem);
  }
  return correlate_by_tile<SmallTile, kGrad>(q, workspace, problem);
}

// With `pooled`, which may be null, y is never written. False if the result cannot be pooled on the way.
template <typename T>
bool forward(KernelArgs& args, const ConvGeometry& g, const TensorView& y, const Pooled* pooled) {
  const TensorView &x = args.in[0], &w = args.in[1];
  if (y.numel() == 0) return true;
  Queue& q = queue_of(args);
  Problem<T> problem = {};
  problem.c = correlation_of(g, x, y);
  problem.in = x.as<T>(), problem.w = w.as<T>(), problem.out = y.as<T>();
  problem.bias = args.n_in > 2 ? args.in[2].as<T>() : nullptr;
  problem.activation = static_cast<Activation>(static_cast<int>(args.attr[ConvGeometry::kAttrs]));
  problem.out_size = y.numel();
  problem.pooled = pooled;
  if (depthwise(problem.c.channels, g.groups)) {
    if (pooled != nullptr) return false;
    depthwise_forward(q, DepthwiseShape::of(problem.c), problem.in, problem.w, problem.bias, problem.activation,
                      problem.out);
    return true;
  }
  problem.phases = 1;
  problem.rows = y.numel() / y.shape[3];
  problem.depth = g.kernel_h * g.kernel_w * problem.c.channels;
  return correlate<false>(q, args.workspace, problem);
}

template <typename T>
void input_grad(KernelArgs& args, const ConvGeometry& g) {
  const TensorView &dy = args.in[0], &w = args.in[1], &dx = args.out[0];
  if (dx.numel() == 0) return;
  Queue& q = queue_of(args);
  Problem<T> problem = {};
  problem.c = correlation_of(g, dy, dx);
  // Without windows all of dx is zero: sums of no taps.
  if (dy.numel() == 0) problem.c.kernel_h = problem.c.kernel_w = 0, problem.c.stride_h = problem.c.stride_w = 1;
  problem.in = dy.as<T>(), problem.w = w.as<T>(), problem.out = dx.as<T>();
  problem.out_size = dx.numel();
  if (dy.numel() > 0 && depthwise(problem.c.outputs, g.groups)) {
    return depthwise_input_grad(q, DepthwiseShape::of(correlation_of(g, dx, dy)), problem.in, problem.w, problem.out);
  }
  Correlation& c = problem.c;
  const int phases_h = c.stride_h < c.out_h ? c.stride_h : c.out_h;
  c.phases_w = c.stride_w < c.out_w ? c.stride_w : c.out_w;
  problem.phases = phases_h * c.phases_w;
  problem.rows = ceil_div(c.out_h, c.stride_h) * ceil_div(c.out_w, c.stride_w) * c.images;
  problem.depth = ceil_div(c.kernel_h, c.tap_step_h) * ceil_div(c.kernel_w, c.tap_step_w) * c.channels;
  correlate<true>(q, args.workspace, problem);
}

}  // namespace

bool convolve_and_pool(KernelArgs& args, const ConvGeometry& conv, const TensorView& map, const Pooled& pooled) {
  return map.dtype == DType::float32 && forward<float>(args, conv, map, &pooled);
}

void conv2d(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  check_convolution(g, args.in[0], args.out[0], args.in[1]);
  check_convolution_size(args.in[0], args.out[0], args.in[1]);
  if (args.n_in > 2) check_bias(args.in[2], args.in[1]);
  check_algorithm(args, ConvGeometry::kAttrs + 1);
  args.in[0].dtype == DType::float32 ? forward<float>(args, g, args.out[0], nullptr)
                                     : forward<double>(args, g, args.out[0], nullptr);
}

void conv2dInputGrad(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  check_convolution(g, args.out[0], args.in[0], args.in[1]);
  check_convolution_size(args.out[0], args.in[0], args.in[1]);
  check_algorithm(args, ConvGeometry::kAttrs);
  args.in[0].dtype == DType::float32 ? input_grad<float>(args, g) : input_grad<double>(args, g);
}

}  // namespace nabla::cuda
