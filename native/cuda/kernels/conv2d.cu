// 2-D convolution and its input gradient: products of patches and kernels (conv_correlation.h) that load both straight
// into tiles in shared memory. Depthwise convolutions have kernels of their own.
#include "core/activation.h"
#include "core/conv_geometry.h"
#include "core/kernel.h"
#include "cuda/kernels/conv_correlation.h"
#include "cuda/kernels/conv_depthwise.h"
#include "cuda/kernels/conv_tile.h"
#include "cuda/launch.h"

namespace nabla::cuda {

namespace {

// What is done with a sum: sums of parts are stored as they are, part by part. `packs`: rows can be stored by packs.
template <typename T>
struct Result {
  T* out;
  int64_t part_size;
  const T* bias;
  bool relu, packs;
};

template <typename T>
__device__ __forceinline__ T finished(const Result<T>& result, T x, int column) {
  if (result.bias != nullptr) x += result.bias[column];
  return result.relu ? activate(x, Activation::relu) : x;
}

// kVector: patches and kernels can be read by packs.
template <typename Tile, bool kGrad, bool kVector>
__global__ void __launch_bounds__(kTileThreads, kVector ? Tile::kBlocks : Tile::kBlocks - 1)
    correlate_kernel(const Correlation c, const typename Tile::T* in, const typename Tile::T* w,
                     const Result<typename Tile::T> result) {
  using T = typename Tile::T;
  constexpr int V = Pack<T>::size, kDepth = Tile::kDepth, M = Tile::kM, N = Tile::kN;
  constexpr int kPitch = N + (kGrad ? V : 0);  // so that columns of kernels can be stored
  constexpr int kMine = kDepth * M / kTileThreads, kPackRounds = (kDepth * N / V + kTileThreads - 1) / kTileThreads;
  constexpr int kScalars = kDepth * N / kTileThreads;
  SHARED(Pack<T>, a_packs, [2 * kDepth * M / V]);
  SHARED(Pack<T>, b_packs, [2 * kDepth * kPitch / V]);
  SHARED(int4, elements, [2][kDepth]);
  SHARED(int, out_offsets, [M]);
  T *a_tiles = a_packs[0].v, *b_tiles = b_packs[0].v;

  // In shared memory, since registers are scarce.
  SHARED(Place, places, [1]);
  const Place& place = places[0];
  if (threadIdx.x == 0) places[0] = place_of<kGrad>(c, M, N, kDepth);
  __syncthreads();
  if (place.row >= place.rows) return;
  const int thread = threadIdx.x, row = thread % M, first_k = thread / M * kMine;
  const int steps = (place.end - place.begin + kDepth - 1) / kDepth;
  const Pixel pixel = pixel_of(place, place.row + row);
  const Patch patch = patch_of(c, place.h, place.w, pixel, place.group);
  w += kGrad ? place.group * c.channels : place.group * c.outputs;
  if (first_k == 0) out_offsets[row] = out_offset(c, place, pixel);

  T a_next[kMine];
  Pack<T> b_next[kPackRounds];
  T b_scalars[kScalars];
  const auto describe = [&](int step) {
    if (thread < kDepth && step < steps) {
      elements[step % 2][thread] = patch_element<kGrad>(c, place, place.begin + step * kDepth + thread);
    }
  };
  const auto load = [&](int step) {
    const int4* element = elements[step % 2];
    const int k0 = place.begin + step * kDepth;
    if (kVector) {
#pragma unroll
      for (int i = 0; i < kMine; i += V) {
        const int4 e = element[first_k + i];
        const Pack<T> p = in_image(c, patch, e) ? load_pack(in + (patch.offset + e.x)) : zero_pack<T>();
#pragma unroll
        for (int l = 0; l < V; ++l) a_next[i + l] = p.v[l];
      }
#pragma unroll
      for (int i = 0; i < kPackRounds; ++i) {
        const int p = thread + i * kTileThreads;
        b_next[i] = zero_pack<T>();
        if (p >= kDepth * N / V) continue;
        if (kGrad) {
          const int column = place.column + p % N, weight = element[p / N * V].w;
          if (column < c.outputs && weight >= 0) b_next[i] = load_pack(w + (weight + column * c.in_pitch));
        } else {
          const int column = place.column + p % (N / V) * V, k = k0 + p / (N / V);
          if (column < c.outputs && k < place.end) b_next[i] = load_pack(w + (k * c.out_pitch + column));
        }
      }
    } else {
#pragma unroll
      for (int i = 0; i < kMine; ++i) {
        const int4 e = element[first_k + i];
        a_next[i] = in_image(c, patch, e) ? in[patch.offset + e.x] : T{0};
      }
#pragma unroll
      for (int i = 0; i < kScalars; ++i) {
        const int at = thread + i * kTileThreads;
        b_scalars[i] = 0;
        if (kGrad) {
          const int column = place.column + at / kDepth, weight = element[at % kDepth].w;
          if (column < c.outputs && weight >= 0) b_scalars[i] = w[weight + column * c.in_pitch];
        } else {
          const int column = place.column + at % N, k = k0 + at / N;
          if (column < c.outputs && k < place.end) b_scalars[i] = w[k * c.out_pitch + column];
        }
      }
    }
  };
  const auto store = [&](int step) {
    T *a = a_tiles + step % 2 * (kDepth * M), *b = b_tiles + step % 2 * (kDepth * kPitch);
#pragma unroll
    for (int i = 0; i < kMine; ++i) a[(first_k + i) * M + row] = a_next[i];
    if (kVector) {
#pragma unroll
      for (int i = 0; i < kPackRounds; ++i) {
        const int p = thread + i * kTileThreads;
        if (p >= kDepth * N / V) continue;
        if (kGrad) {
#pragma unroll
          for (int l = 0; l < V; ++l) b[(p / N * V + l) * kPitch + p % N] = b_next[i].v[l];
        } else {
          store_pack(b + p / (N / V) * kPitch + p % (N / V) * V, b_next[i]);
        }
      }
    } else {
#pragma unroll
      for (int i = 0; i < kScalars; ++i) {
        const int at = thread + i * kTileThreads;
        b[kGrad ? at % kDepth * kPitch + at / kDepth : at / N * kPitch + at % N] = b_scalars[i];
      }
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
    if (step + 1 < steps) load(step + 1);
    // The elements of this step were read before the last barrier.
    describe(step + 2);
    tile.add_product(a_tiles + step % 2 * (kDepth * M), b_tiles + step % 2 * (kDepth * kPitch), kPitch);
    if (step + 1 < steps) store(step + 1);
    __syncthreads();
  }

  T* out = result.out + blockIdx.z * result.part_size;
  tile.each_pack([&](int r, int tile_column, Pack<T>& values) {
    const int column = place.column + tile_column;
    if (place.row + r >= place.rows || column >= c.outputs) return;
    const int bias_column = place.group * c.outputs + column;
    T* to = out + (out_offsets[r] + column);
    if (result.packs) {
#pragma unroll
      for (int l = 0; l < V; ++l) values.v[l] = finished(result, values.v[l], bias_column + l);
      store_pack(to, values);
    } else {
#pragma unroll
      for (int l = 0; l < V; ++l) {
        if (column + l < c.outputs) to[l] = finished(result, values.v[l], bias_column + l);
      }
    }
  });
}

// On tensor cores. Patches and kernels are read by packs.
template <typename Tile, bool kGrad>
__global__ void __launch_bounds__(kTileThreads, Tile::kBlocks)
    correlate_tensor_kernel(const Correlation c, const float* in, const float* w, const Result<float> result) {
  constexpr int kDepth = Tile::kDepth, M = Tile::kM, N = Tile::kN, kStages = Tile::kStages, kPacks = kDepth / 4;
  // Pitches for which the lanes of a warp read different banks.
  constexpr int kPitch = kDepth + 4, kPitchN = N + 8, kSizeB = kGrad ? N * kPitch : kDepth * kPitchN;
  SHARED(Pack<float>, a_packs, [kStages * M * kPitch / 4]);
  SHARED(Pack<float>, b_packs, [kStages * kSizeB / 4]);
  SHARED(int4, elements, [2][kPacks]);
  SHARED(int, out_offsets, [M]);
  float *a_tiles = a_packs[0].v, *b_tiles = b_packs[0].v;

  // In shared memory, since registers are scarce.
  SHARED(Place, places, [1]);
  const Place& place = places[0];
  if (threadIdx.x == 0) places[0] = place_of<kGrad>(c, M, N, kDepth);
  __syncthreads();
  if (place.row >= place.rows) return;
  constexpr int kRowStep = kTileThreads / kPacks, kMine = M / kRowStep;  // four threads read 16 elements of a row
  const int thread = threadIdx.x, first_row = thread / kPacks, pack = thread % kPacks;
  const int steps = (place.end - place.begin + kDepth - 1) / kDepth;
  w += kGrad ? place.group * c.channels : place.group * c.outputs;
  Patch patches[kMine];
#pragma unroll
  for (int i = 0; i < kMine; ++i) {
    const Pixel pixel = pixel_of(place, place.row + first_row + i * kRowStep);
    patches[i] = patch_of(c, place.h, place.w, pixel, place.group);
    if (pack == 0) out_offsets[first_row + i * kRowStep] = out_offset(c, place, pixel);
  }

  const auto describe = [&](int step) {
    if (thread < kPacks && step < steps) {
      elements[step % 2][thread] = patch_element<kGrad>(c, place, place.begin + step * kDepth + thread * 4);
    }
  };
  const auto copy = [&](int step) {
    if (step < steps) {
      float *a = a_tiles + step % kStages * (M * kPitch), *b = b_tiles + step % kStages * kSizeB;
      const int4 e = elements[step % 2][pack];
#pragma unroll
      for (int i = 0; i < kMine; ++i) {
        const bool inside = in_image(c, patches[i], e);
        cp_async16(a + (first_row + i * kRowStep) * kPitch + pack * 4, in + (inside ? patches[i].offset + e.x : 0),
                   inside ? 16 : 0);
      }
#pragma unroll
      for (int i = 0; i < N * kPacks / kTileThreads; ++i) {
        if (kGrad) {
          const int r = first_row + i * kRowStep, column = place.column + r;
          const bool inside = column < c.outputs && e.w >= 0;
          cp_async16(b + r * kPitch + pack * 4, w + (inside ? e.w + column * c.in_pitch : 0), inside ? 16 : 0);
        } else {
          const int p = thread + i * kTileThreads, r = p / (N / 4), tile_column = p % (N / 4) * 4;
          const int k = place.begin + step * kDepth + r, column = place.column + tile_column;
          const bool inside = column < c.outputs && k < place.end;
          cp_async16(b + r * kPitchN + tile_column, w + (inside ? k * c.out_pitch + column : 0), inside ? 16 : 0);
        }
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
    // The stage and the elements that are overwritten were read before this barrier.
    copy(step + 2);
    describe(step + 3);
    const float *a = a_tiles + step % kStages * (M * kPitch), *b = b_tiles + step % kStages * kSizeB;
    if (kGrad)
      tile.template add_product<kPitch, 1, 1, kPitch>(a, b);
    else
      tile.template add_product<kPitch, 1, kPitchN, 1>(a, b);
  }

  float* out = result.out + blockIdx.z * result.part_size;
  tile.each_pair([&](int r, int tile_column, float first, float second) {
    const int column = place.column + tile_column, bias_column = place.group * c.outputs + column;
    if (place.row + r >= place.rows || column >= c.outputs) return;
    float* to = out + (out_offsets[r] + column);
    first = finished(result, first, bias_column);
    if (column + 1 < c.outputs) second = finished(result, second, bias_column + 1);
    if (result.packs) {
      *reinterpret_cast<float2*>(to) = make_float2(first, second);
    } else {
      to[0] = first;
      if (column + 1 < c.outputs) to[1] = second;
    }
  });
}

template <typename T>
struct Problem {
  Correlation c;
  const T *in, *w, *bias;
  T* out;
  int64_t out_size;
  Activation activation;
  int phases;
  int64_t rows, depth;  // of the product, of the first phase

  bool vector(bool grad) const {
    return c.channels % Pack<T>::size == 0 && (grad || c.outputs % Pack<T>::size == 0) && aligned16(in) && aligned16(w);
  }
};

constexpr int64_t kEnoughBlocks = 256;  // to keep any device busy
constexpr int64_t kMaxGrid = 65535;     // along y and z

template <typename Tile>
int64_t tiles_of(const Correlation& c, int64_t rows) {
  return ceil_div(rows, Tile::kM) * ceil_div(c.outputs, Tile::kN) * c.groups;
}

// kernel(c, in, w, result) for all phases, and what is left to do when the inner dimension was cut into parts.
template <typename Tile, typename T, typename Kernel>
void correlate_by(Queue& q, Workspace& workspace, const Problem<T>& problem, Kernel kernel) {
  constexpr int64_t kLeastDepth = 256, kMostSplits = 32;  // of a part, to earn the memory traffic of its result
  Correlation c = problem.c;
  const int64_t tiles = tiles_of<Tile>(c, problem.rows), blocks = tiles * problem.phases;
  int64_t splits = 1;
  while (splits < kMostSplits && 2 * splits * blocks <= kEnoughBlocks && 2 * splits * kLeastDepth <= problem.depth) {
    splits *= 2;
  }
  c.tiles_n = static_cast<int>(ceil_div(c.outputs, Tile::kN));
  c.splits = static_cast<int>(splits);
  const bool finishes = splits > 1 || problem.activation > Activation::relu;
  Result<T> result{problem.out, problem.out_size, problem.bias, problem.activation == Activation::relu, false};
  if (finishes) result.bias = nullptr, result.relu = false;
  if (splits > 1) result.out = workspace.array<T>(splits * problem.out_size);
  result.packs = c.outputs % Pack<T>::size == 0 && problem.out_size % Pack<T>::size == 0 && aligned16(result.out);
  for (int64_t first = 0; first < problem.phases; first += kMaxGrid) {
    c.first_phase = static_cast<int>(first);
    const int64_t phases = problem.phases - first < kMaxGrid ? problem.phases - first : kMaxGrid;
    const dim3 grid(static_cast<unsigned>(tiles), static_cast<unsigned>(phases), static_cast<unsigned>(splits));
    launch(kernel, grid, dim3(kTileThreads), 0, q.stream(), c, problem.in, problem.w, result);
  }
  if (!finishes) return;
  finish(q, result.out, problem.out_size, c.splits, problem.bias, c.out_pitch, problem.activation, problem.out_size,
         problem.out);
}

template <typename Tile, bool kGrad>
void correlate_by_tile(Queue& q, Workspace& workspace, const Problem<typename Tile::T>& problem) {
  problem.vector(kGrad) ? correlate_by<Tile>(q, workspace, problem, correlate_kernel<Tile, kGrad, true>)
                        : correlate_by<Tile>(q, workspace, problem, correlate_kernel<Tile, kGrad, false>);
}

template <bool kGrad>
void correlate(Queue& q, Workspace& workspace, const Problem<double>& problem) {
  correlate_by_tile<DoubleTile, kGrad>(q, workspace, problem);
}

template <bool kGrad>
void correlate(Queue& q, Workspace& workspace, const Problem<float>& problem) {
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
  correlate_by_tile<SmallTile, kGrad>(q, workspace, problem);
}

template <typename T>
void forward(KernelArgs& args, const ConvGeometry& g) {
  const TensorView &x = args.in[0], &w = args.in[1], &y = args.out[0];
  if (y.numel() == 0) return;
  Queue& q = queue_of(args);
  Problem<T> problem = {};
  problem.c = correlation_of(g, x, y);
  problem.in = x.as<T>(), problem.w = w.as<T>(), problem.out = y.as<T>();
  problem.bias = args.n_in > 2 ? args.in[2].as<T>() : nullptr;
  problem.activation = static_cast<Activation>(static_cast<int>(args.attr[ConvGeometry::kAttrs]));
  problem.out_size = y.numel();
  if (depthwise(problem.c.channels, g.groups)) {
    return depthwise_forward(q, DepthwiseShape::of(g, x, y), problem.in, problem.w, problem.bias, problem.activation,
                             problem.out);
  }
  problem.phases = 1;
  problem.rows = y.numel() / y.shape[3];
  problem.depth = g.kernel_h * g.kernel_w * problem.c.channels;
  correlate<false>(q, args.workspace, problem);
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
    return depthwise_input_grad(q, DepthwiseShape::of(g, dx, dy), problem.in, problem.w, problem.out);
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

void conv2d(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  check_convolution(g, args.in[0], args.out[0], args.in[1]);
  if (args.n_in > 2) check_bias(args.in[2], args.in[1]);
  check_algorithm(args, ConvGeometry::kAttrs + 1);
  args.in[0].dtype == DType::float32 ? forward<float>(args, g) : forward<double>(args, g);
}

void conv2dInputGrad(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  check_convolution(g, args.out[0], args.in[0], args.in[1]);
  check_algorithm(args, ConvGeometry::kAttrs);
  args.in[0].dtype == DType::float32 ? input_grad<float>(args, g) : input_grad<double>(args, g);
}

}  // namespace nabla::cuda
