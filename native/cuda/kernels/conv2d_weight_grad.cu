// Weight gradient of a 2-D convolution: dw[k, o] is the sum over output pixels of patch[pixel, k] * dy[pixel, o], a
// product with a long inner dimension. It is cut into parts, by shape alone, which a second kernel adds in order.
#include "core/conv_geometry.h"
#include "core/kernel.h"
#include "cuda/kernels/conv_correlation.h"
#include "cuda/kernels/conv_depthwise.h"
#include "cuda/kernels/conv_tile.h"
#include "cuda/launch.h"

namespace nabla::cuda {

namespace {

// Where a part of the result goes: dw, then dbias unless null, `part_size` from one part to the next.
template <typename T>
struct Result {
  T *dw, *dbias;
  int64_t part_size;
  bool packs;  // rows can be stored by packs
};

// A block's part of the product.
struct Block {
  int group, row, column, rows;  // `rows` of dw [taps * channels, outputs]
  int begin, end;                // the pixels of the part
};

__device__ __forceinline__ Block block_of(const Correlation& c, int tile_rows, int tile_columns, int step) {
  Block p;
  unsigned block = blockIdx.x;
  p.column = static_cast<int>(block % c.tiles_n) * tile_columns;
  block /= c.tiles_n;
  p.group = static_cast<int>(block % c.groups);
  p.row = static_cast<int>(block / c.groups) * tile_rows;
  p.rows = c.kernel_h * c.kernel_w * c.channels;
  const int pixels = c.images * c.out_h * c.out_w, steps = (pixels + step - 1) / step;
  const int per_split = (steps + c.splits - 1) / c.splits;
  p.begin = min(static_cast<int>(blockIdx.y) * per_split, steps) * step;
  p.end = min(p.begin + min(per_split, steps) * step, pixels);
  return p;
}

// Of an output pixel: where its patch begins, modulo 2^32: offset (x), row (y) and column (z), and its place in dy (w),
// which is negative behind the part's last pixel.
__device__ __forceinline__ int4 pixel_element(const Correlation& c, const Block& p, int pixel) {
  if (pixel >= p.end) return make_int4(0, 0, 0, -1);
  const unsigned line = static_cast<unsigned>(pixel) / c.out_w, image = line / c.out_h;
  const unsigned y = line % c.out_h * c.stride_h - c.pad_top;
  const unsigned x = static_cast<unsigned>(pixel) % c.out_w * c.stride_w - c.pad_left;
  const unsigned offset =
      ((image * c.in_h + y) * c.in_w + x) * c.in_pitch + static_cast<unsigned>(p.group) * c.channels;
  return make_int4(static_cast<int>(offset), static_cast<int>(y), static_cast<int>(x),
                   pixel * c.out_pitch + p.group * c.outputs);
}

// Of element k of a patch: its offset, row and column from the patch's beginning.
struct Tap {
  unsigned offset, y, x;
};
__device__ __forceinline__ Tap tap_of(const Correlation& c, int k) {
  const unsigned tap = static_cast<unsigned>(k) / c.channels, channel = static_cast<unsigned>(k) % c.channels;
  const unsigned y = tap / c.kernel_w * c.dilation_h, x = tap % c.kernel_w * c.dilation_w;
  return {(y * c.in_w + x) * c.in_pitch + channel, y, x};
}
__device__ __forceinline__ bool in_image(const Correlation& c, const Tap& tap, const int4& pixel) {
  return tap.y + pixel.y < static_cast<unsigned>(c.in_h) && tap.x + pixel.z < static_cast<unsigned>(c.in_w) &&
         pixel.w >= 0;
}

// kVector: patches and dy can be read by packs.
template <typename Tile, bool kVector>
__global__ void __launch_bounds__(kTileThreads, kVector ? Tile::kBlocks : Tile::kBlocks - 1)
    weight_kernel(const Correlation c, const typename Tile::T* x, const typename Tile::T* dy,
                  const Result<typename Tile::T> result) {
  using T = typename Tile::T;
  constexpr int V = kVector ? Pack<T>::size : 1, kDepth = Tile::kDepth, M = Tile::kM, N = Tile::kN;
  // Loads of V elements: in a row of the tile, and those of one thread.
  constexpr int kLoadsM = M / V, kLoadsN = N / V, kMine = kDepth * kLoadsM / kTileThreads;
  constexpr int kMineN = (kDepth * kLoadsN + kTileThreads - 1) / kTileThreads;
  SHARED(Pack<T>, a_packs, [2 * kDepth * M / Pack<T>::size]);
  SHARED(Pack<T>, b_packs, [2 * kDepth * N / Pack<T>::size]);
  SHARED(int4, pixels, [2][kDepth]);
  SHARED(Block, blocks, [1]);
  T *a_tiles = a_packs[0].value, *b_tiles = b_packs[0].value;
  const Block& place = blocks[0];
  const int thread = threadIdx.x;
  if (thread == 0) blocks[0] = block_of(c, M, N, kDepth);
  __syncthreads();

  const int steps = (place.end - place.begin + kDepth - 1) / kDepth;
  const int row = thread % kLoadsM * V, first_pixel = thread / kLoadsM;
  // Rows behind the last one repeat it, and are not stored.
  const Tap tap = tap_of(c, min(place.row + row, place.rows - V));
  const bool sums_dy = result.dbias != nullptr && place.row == 0 && thread < N;
  T dy_sum = 0;

  T a_next[kMine][V], b_next[kMineN][V];
  const auto describe = [&](int step) {
    if (thread < kDepth && step < steps) {
      pixels[step % 2][thread] = pixel_element(c, place, place.begin + step * kDepth + thread);
    }
  };
  const auto load = [&](int step) {
#pragma unroll
    for (int i = 0; i < kMine; ++i) {
      const int4 pixel = pixels[step % 2][first_pixel + i * (kTileThreads / kLoadsM)];
      const bool inside = in_image(c, tap, pixel);
      const T* from = x + (inside ? tap.offset + pixel.x : 0);
      if constexpr (kVector) {
        const Pack<T> p = inside ? load_pack(from) : zero_pack<T>();
#pragma unroll
        for (int l = 0; l < V; ++l) a_next[i][l] = p.value[l];
      } else {
        a_next[i][0] = inside ? *from : T{0};
      }
    }
#pragma unroll
    for (int i = 0; i < kMineN; ++i) {
      const int at = thread + i * kTileThreads, column = place.column + at % kLoadsN * V;
      const int offset = at < kDepth * kLoadsN && column < c.outputs ? pixels[step % 2][at / kLoadsN].w : -1;
      const T* from = dy + (offset >= 0 ? offset + column : 0);
      if constexpr (kVector) {
        const Pack<T> p = offset >= 0 ? load_pack(from) : zero_pack<T>();
#pragma unroll
        for (int l = 0; l < V; ++l) b_next[i][l] = p.value[l];
      } else {
        b_next[i][0] = offset >= 0 ? *from : T{0};
      }
    }
  };
  const auto store_loaded = [&](T* to, const T(&values)[V]) {
    if constexpr (kVector) {
      Pack<T> p;
#pragma unroll
      for (int l = 0; l < V; ++l) p.value[l] = values[l];
      store_pack(to, p);
    } else {
      *to = values[0];
    }
  };
  const auto store = [&](int step) {
    T *a = a_tiles + step % 2 * (kDepth * M), *b = b_tiles + step % 2 * (kDepth * N);
#pragma unroll
    for (int i = 0; i < kMine; ++i) {
      store_loaded(a + (first_pixel + i * (kTileThreads / kLoadsM)) * M + row, a_next[i]);
    }
#pragma unroll
    for (int i = 0; i < kMineN; ++i) {
      const int at = thread + i * kTileThreads;
      if (at < kDepth * kLoadsN) store_loaded(b + at * V, b_next[i]);
    }
  };

  Tile tile;
  describe(0);
  describe(1);
  __syncthreads();
  if (steps > 0) {
    load(0);
    store(0);
  }
  __syncthreads();
  for (int step = 0; step < steps; ++step) {
    const T *a = a_tiles + step % 2 * (kDepth * M), *b = b_tiles + step % 2 * (kDepth * N);
    if (step + 1 < steps) load(step + 1);
    // The pixels of this step were read before the last barrier.
    describe(step + 2);
    tile.add_product(a, b, N);
    if (sums_dy) {
#pragma unroll
      for (int k = 0; k < kDepth; ++k) dy_sum += b[k * N + thread];
    }
    if (step + 1 < steps) store(step + 1);
    __syncthreads();
  }

  const int64_t part = blockIdx.y * result.part_size;
  const int first_output = place.group * c.outputs;
  if (sums_dy && place.column + thread < c.outputs) {
    result.dbias[part + first_output + place.column + thread] = dy_sum;
  }
  T* dw = result.dw + (part + first_output);
  tile.each_pack([&](int r, int tile_column, const Pack<T>& values) {
    const int column = place.column + tile_column;
    if (place.row + r >= place.rows || column >= c.outputs) return;
    T* to = dw + ((place.row + r) * c.out_pitch + column);
    if (result.packs) {
      store_pack(to, values);
    } else {
#pragma unroll
      for (int l = 0; l < Pack<T>::size; ++l) {
        if (column + l < c.outputs) to[l] = values.value[l];
      }
    }
  });
}

// On tensor cores. Patches and dy are read by packs.
template <typename Tile>
__global__ void __launch_bounds__(kTileThreads, Tile::kBlocks)
    weight_tensor_kernel(const Correlation c, const float* x, const float* dy, const Result<float> result) {
  constexpr int kDepth = Tile::kDepth, M = Tile::kM, N = Tile::kN, kStages = Tile::kStages;
  constexpr int kPitchM = M + 8, kPitchN = N + 8;  // so that the lanes of a warp read different banks
  SHARED(Pack<float>, a_packs, [kStages * kDepth * kPitchM / 4]);
  SHARED(Pack<float>, b_packs, [kStages * kDepth * kPitchN / 4]);
  SHARED(int4, pixels, [2][kDepth]);
  SHARED(Block, blocks, [1]);
  float *a_tiles = a_packs[0].value, *b_tiles = b_packs[0].value;
  const Block& place = blocks[0];
  const int thread = threadIdx.x;
  if (thread == 0) blocks[0] = block_of(c, M, N, kDepth);
  __syncthreads();

  const int steps = (place.end - place.begin + kDepth - 1) / kDepth;
  constexpr int kPixelStep = kTileThreads / (M / 4), kPixelStepN = kTileThreads / (N / 4);
  const int row = thread % (M / 4) * 4, first_pixel = thread / (M / 4);
  const int tile_column = thread % (N / 4) * 4, first_pixel_n = thread / (N / 4);
  const Tap tap = tap_of(c, min(place.row + row, place.rows - 4));
  const bool sums_dy = result.dbias != nullptr && place.row == 0 && thread < N;
  float dy_sum = 0;
  const auto describe = [&](int step) {
    if (thread < kDepth && step < steps) {
      pixels[step % 2][thread] = pixel_element(c, place, place.begin + step * kDepth + thread);
    }
  };
  const auto copy = [&](int step) {
    if (step < steps) {
      float *a = a_tiles + step % kStages * (kDepth * kPitchM), *b = b_tiles + step % kStages * (kDepth * kPitchN);
      const int column = place.column + tile_column;
#pragma unroll
      for (int p = first_pixel, i = 0; i < kDepth / kPixelStep; ++i, p += kPixelStep) {
        const int4 pixel = pixels[step % 2][p];
        const bool inside = in_image(c, tap, pixel);
        cp_async16(a + p * kPitchM + row, x + (inside ? tap.offset + pixel.x : 0), inside ? 16 : 0);
      }
#pragma unroll
      for (int p = first_pixel_n, i = 0; i < kDepth / kPixelStepN; ++i, p += kPixelStepN) {
        const int offset = pixels[step % 2][p].w;
        const bool inside = offset >= 0 && column < c.outputs;
        cp_async16(b + p * kPitchN + tile_column, dy + (inside ? offset + column : 0), inside ? 16 : 0);
      }
    }
    cp_async_commit();
  };

  Tile tile;
  describe(0);
  describe(1);
  __syncthreads();
  copy(0);
  copy(1);
  __syncthreads();
  describe(2);
  for (int step = 0; step < steps; ++step) {
    cp_async_wait<kStages - 2>();
    __syncthreads();
    // The stage and the pixels that are overwritten were read before this barrier.
    copy(step + 2);
    describe(step + 3);
    const float *a = a_tiles + step % kStages * (kDepth * kPitchM), *b = b_tiles + step % kStages * (kDepth * kPitchN);
    tile.template add_product<1, kPitchM, kPitchN, 1>(a, b);
    if (sums_dy) {
#pragma unroll
      for (int k = 0; k < kDepth; ++k) dy_sum += b[k * kPitchN + thread];
    }
  }

  const int64_t part = blockIdx.y * result.part_size;
  const int first_output = place.group * c.outputs;
  if (sums_dy && place.column + thread < c.outputs) {
    result.dbias[part + first_output + place.column + thread] = dy_sum;
  }
  float* dw = result.dw + (part + first_output);
  tile.each_pair([&](int r, int pair_column, float first, float second) {
    const int column = place.column + pair_column;
    if (place.row + r >= place.rows || column >= c.outputs) return;
    float* to = dw + ((place.row + r) * c.out_pitch + column);
    if (result.packs) {
      *reinterpret_cast<float2*>(to) = make_float2(first, second);
    } else {
      to[0] = first;
      to[1] = second;
    }
  });
}

template <typename T>
struct Problem {
  Correlation c;
  const T *x, *dy;
  T *dw, *dbias;
  int64_t size, bias_size, pixels;  // of dw, of dbias or 0, of dy

  // Parts of the pixels: enough of them to keep any device busy, but each with so many pixels that the memory traffic
  // of its result is earned.
  int splits(int64_t tiles) const {
    constexpr int64_t kEnoughBlocks = 512, kLeastPixels = 256, kMostSplits = 1024, kMostBytes = 64 << 20;
    int64_t splits = 1;
    while (splits < kMostSplits && 2 * splits * tiles <= kEnoughBlocks && 2 * splits * kLeastPixels <= pixels &&
           2 * splits * (size + bias_size) * int64_t{sizeof(T)} <= kMostBytes) {
      splits *= 2;
    }
    return static_cast<int>(splits);
  }
  Result<T> result(Workspace& workspace, int splits) const {
    if (splits == 1) return {dw, dbias, 0, packs(dw)};
    // Whole packs, so that every part is aligned.
    const int64_t part_size = ceil_div(size + bias_size, Pack<T>::size) * Pack<T>::size;
    T* parts = workspace.array<T>(splits * part_size);
    return {parts, dbias == nullptr ? nullptr : parts + size, part_size, packs(parts)};
  }
  bool packs(const T* to) const { return c.outputs % Pack<T>::size == 0 && packable(to); }
  bool vector() const {
    return c.channels % Pack<T>::size == 0 && c.outputs % Pack<T>::size == 0 && packable(x) && packable(dy);
  }
  void add_parts(Queue& q, const Result<T>& parts, int splits) const {
    if (splits == 1) return;
    const T* no_bias = nullptr;
    finish(q, parts.dw, parts.part_size, splits, no_bias, 1, Activation::none, size, dw);
    if (dbias != nullptr) {
      finish(q, parts.dbias, parts.part_size, splits, no_bias, 1, Activation::none, bias_size, dbias);
    }
  }
};

template <typename Tile>
int64_t tiles_of(const Correlation& c) {
  return ceil_div(int64_t{c.kernel_h} * c.kernel_w * c.channels, Tile::kM) * ceil_div(c.outputs, Tile::kN) * c.groups;
}

template <typename Tile, typename T, typename Kernel>
void weight_grad_by(KernelArgs& args, const Problem<T>& problem, Kernel kernel) {
  Queue& q = queue_of(args);
  Correlation c = problem.c;
  const int64_t tiles = tiles_of<Tile>(c);
  c.tiles_n = static_cast<int>(ceil_div(c.outputs, Tile::kN));
  c.splits = problem.splits(tiles);
  const Result<T> result = problem.result(args.workspace, c.splits);
  launch(kernel, dim3(static_cast<unsigned>(tiles), static_cast<unsigned>(c.splits)), dim3(kTileThreads), 0, q.stream(),
         c, problem.x, problem.dy, result);
  problem.add_parts(q, result, c.splits);
}

template <typename Tile>
void weight_grad_by_tile(KernelArgs& args, const Problem<typename Tile::T>& problem) {
  problem.vector() ? weight_grad_by<Tile>(args, problem, weight_kernel<Tile, true>)
                   : weight_grad_by<Tile>(args, problem, weight_kernel<Tile, false>);
}

void weight_grad_by_tiles(KernelArgs& args, const Problem<double>& problem) {
  weight_grad_by_tile<DoubleTile>(args, problem);
}

void weight_grad_by_tiles(KernelArgs& args, const Problem<float>& problem) {
  const Queue& q = queue_of(args);
  const Correlation& c = problem.c;
  const bool wide = c.outputs > NarrowTile::kN;
  if (q.allow_tf32() && q.capability() >= 80 && problem.vector()) {
    return wide ? weight_grad_by<TensorTile<64>>(args, problem, weight_tensor_kernel<TensorTile<64>>)
                : weight_grad_by<TensorTile<32>>(args, problem, weight_tensor_kernel<TensorTile<32>>);
  }
  const int64_t rows = int64_t{c.kernel_h} * c.kernel_w * c.channels;
  if (rows <= SmallTile::kM) return weight_grad_by_tile<SmallTile>(args, problem);
  wide ? weight_grad_by_tile<WideTile>(args, problem) : weight_grad_by_tile<NarrowTile>(args, problem);
}

template <typename T>
void depthwise_weight_grad(KernelArgs& args, const Problem<T>& problem, const DepthwiseShape& s) {
  Queue& q = queue_of(args);
  const unsigned channel_blocks = blocks_for(s.outputs, kWarp);
  const unsigned tap_blocks = blocks_for(int64_t{s.kernel_h} * s.kernel_w, kDepthwiseTaps);
  const int splits = problem.splits(int64_t{channel_blocks} * tap_blocks);
  const Result<T> result = problem.result(args.workspace, splits);
  launch(depthwise_weight_kernel<T>, dim3(channel_blocks, tap_blocks, static_cast<unsigned>(splits)),
         dim3(kWarp * kDepthwiseWarps), 0, q.stream(), s, problem.x, problem.dy, ceil_div(problem.pixels, splits),
         result.part_size, result.dw, result.dbias);
  problem.add_parts(q, result, splits);
}

template <typename T>
void weight_grad(KernelArgs& args, const ConvGeometry& g) {
  const TensorView &x = args.in[0], &dy = args.in[1], &dw = args.out[0];
  if (x.numel() == 0 || dy.numel() == 0) {
    for (int i = 0; i < args.n_out; ++i) {
      const size_t bytes = static_cast<size_t>(args.out[i].numel()) * sizeof(T);
      if (bytes > 0) check(cudaMemsetAsync(args.out[i].data, 0, bytes, queue_of(args).stream()));
    }
    return;
  }
  Problem<T> problem = {};
  problem.c = correlation_of(g, x, dy);
  problem.x = x.as<T>(), problem.dy = dy.as<T>(), problem.dw = dw.as<T>();
  problem.dbias = args.n_out > 1 ? args.out[1].as<T>() : nullptr;
  problem.size = dw.numel(), problem.bias_size = args.n_out > 1 ? args.out[1].numel() : 0;
  problem.pixels = dy.numel() / dy.shape[3];
  if (depthwise(problem.c.channels, g.groups)) {
    return depthwise_weight_grad(args, problem, DepthwiseShape::of(problem.c));
  }
  weight_grad_by_tiles(args, problem);
}

}  // namespace

void conv2dWeightGrad(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  const TensorView &x = args.in[0], &dy = args.in[1], &dw = args.out[0];
  check_convolution(g, x, dy, dw);
  check_convolution_size(x, dy, dw);
  if (args.n_out > 1) check_bias(args.out[1], dw);
  check_algorithm(args, ConvGeometry::kAttrs);
  x.dtype == DType::float32 ? weight_grad<float>(args, g) : weight_grad<double>(args, g);
}

}  // namespace nabla::cuda
