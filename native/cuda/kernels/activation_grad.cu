// dz = dy * activation'(z) from y = activation(z), and in the same pass the sums of dz over all axes but the last.
#include "core/activation.h"
#include "core/checks.h"
#include "cuda/elementwise.h"

namespace nabla::cuda {
namespace {

template <typename T>
struct Slope {
  Activation activation;

  __device__ T operator()(T dy, T y) const {
    switch (activation) {
      // NaN in y passes dy on, as the gradient of relu at NaN does.
      case Activation::relu: return y <= 0 ? T(0) : dy;
      case Activation::sigmoid: return dy * (y * (1 - y));
      case Activation::tanh: return dy * (1 - y * y);
      default: return dy;
    }
  }
};

constexpr int kLanes = 32, kRows = 8;  // of a block's threads
// Short rows are taken several at a time, and their sums folded at the end.
constexpr int64_t kLeastWidth = 128;
// Rows of a chunk at least, to earn a row of partial sums; rows of partial sums at most; blocks that fill any device.
constexpr int64_t kLeastChunk = 64, kMostPartials = 8192, kBlocks = 1024;

// partial[chunk][width] = sums over a chunk's rows. V columns per thread.
template <typename T, int V>
__global__ void __launch_bounds__(kLanes* kRows)
    slope_and_sums(Slope<T> slope, int64_t n, int64_t width, int64_t chunk_rows, const T* __restrict__ dy,
                   const T* __restrict__ y, T* __restrict__ dz, T* __restrict__ partial) {
  SHARED(T, sums, [kRows][kLanes * V]);
  const int lane = static_cast<int>(threadIdx.x) % kLanes, row = static_cast<int>(threadIdx.x) / kLanes;
  const int64_t column = (static_cast<int64_t>(blockIdx.x) * kLanes + lane) * V;
  const int64_t chunk = static_cast<int64_t>(blockIdx.y) * chunk_rows;
  T sum[V] = {};
  if (column < width) {
    const int64_t end = (chunk + chunk_rows) * width < n ? (chunk + chunk_rows) * width : n;
    for (int64_t at = (chunk + row) * width + column; at < end; at += kRows * width) {
      const uint32_t count = end - at < V ? static_cast<uint32_t>(end - at) : V;
      const Vec<T, V> g = map_each<V, T>(slope, load_operand<V>(dy + at, false, count),
                                         load_operand<V>(y + at, false, count));
      if (count == V) store_vec(dz + at, g);
#pragma unroll
      for (int j = 0; j < V; ++j) {
        if (static_cast<uint32_t>(j) >= count) continue;
        sum[j] += g.at[j];
        if (count < V) dz[at + j] = g.at[j];
      }
    }
  }
#pragma unroll
  for (int j = 0; j < V; ++j) sums[row][lane * V + j] = sum[j];
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < kLanes * V; i += kLanes * kRows) {
    const int64_t at = static_cast<int64_t>(blockIdx.x) * (kLanes * V) + i;
    if (at >= width) break;
    T total = 0;
#pragma unroll
    for (int r = 0; r < kRows; ++r) total += sums[r][i];
    partial[blockIdx.y * width + at] = total;
  }
}

// sums[column] = the sum of a column of partial [rows, columns].
template <typename T>
__global__ void __launch_bounds__(kLanes* kRows)
    fold_sums(int64_t rows, int64_t columns, const T* __restrict__ partial, T* __restrict__ sums) {
  SHARED(T, part, [kRows][kLanes]);
  const int lane = static_cast<int>(threadIdx.x) % kLanes, row = static_cast<int>(threadIdx.x) / kLanes;
  const int64_t column = static_cast<int64_t>(blockIdx.x) * kLanes + lane;
  T sum = 0;
  if (column < columns) {
    for (int64_t i = row; i < rows; i += kRows) sum += partial[i * columns + column];
  }
  part[row][lane] = sum;
  __syncthreads();
  if (row > 0 || column >= columns) return;
  T total = 0;
#pragma unroll
  for (int r = 0; r < kRows; ++r) total += part[r][lane];
  sums[column] = total;
}

template <typename T, int V>
void with_sums(KernelArgs& args, Slope<T> slope, int64_t columns, int64_t together) {
  const int64_t n = args.out[0].numel(), width = columns * together;
  const int64_t rows = (n + width - 1) / width;
  const unsigned tiles = blocks_for(width, kLanes * V);
  int64_t chunks = (kBlocks + tiles - 1) / tiles;
  if (chunks > kMostPartials / together) chunks = kMostPartials / together;
  if (chunks > rows / kLeastChunk) chunks = rows / kLeastChunk;
  const int64_t chunk_rows = chunks < 2 ? rows : (rows + chunks - 1) / chunks;
  chunks = (rows + chunk_rows - 1) / chunk_rows;
  T* partial = args.workspace.array<T>(chunks * width);
  const cudaStream_t stream = queue_of(args).stream();
  launch(slope_and_sums<T, V>, dim3(tiles, static_cast<unsigned>(chunks)), kLanes * kRows, 0, stream, slope, n, width,
         chunk_rows, args.in[0].as<T>(), args.in[1].as<T>(), args.out[0].as<T>(), partial);
  launch(fold_sums<T>, blocks_for(columns, kLanes), kLanes * kRows, 0, stream, chunks * together, columns, partial,
         args.out[1].as<T>());
}

template <typename T>
void activation_grad(KernelArgs& args, Activation activation) {
  const TensorView &dy = args.in[0], &y = args.in[1], &dz = args.out[0];
  const Slope<T> slope = {activation};
  const int64_t n = dz.numel();
  const cudaStream_t stream = queue_of(args).stream();
  if (args.n_out == 1) {
    // Only the numbers of elements have been compared.
    TensorView flat = {nullptr, dz.dtype, 1, {n}, {1}};
    TensorView in[2] = {flat, flat}, out = flat;
    in[0].data = dy.data, in[1].data = y.data, out.data = dz.data;
    KernelArgs one = {in, 2, &out, 1, nullptr, 0, args.pool, args.workspace, args.queue};
    return map<T, T, T>(one, slope);
  }
  const int64_t columns = dz.rank == 0 ? 1 : dz.shape[dz.rank - 1];
  if (columns == 0) return;
  if (n == 0) return check(cudaMemsetAsync(args.out[1].data, 0, static_cast<size_t>(columns) * sizeof(T), stream));
  constexpr int V = kPackBytes / sizeof(T);
  const bool packs = aligned(dy.data, kPackBytes) && aligned(y.data, kPackBytes) && aligned(dz.data, kPackBytes);
  int64_t together = columns < kLeastWidth ? kLeastWidth / columns : 1;
  while (packs && columns * together % V != 0) ++together;
  packs ? with_sums<T, V>(args, slope, columns, together) : with_sums<T, 1>(args, slope, columns, together);
}

}  // namespace

void activationGrad(KernelArgs& args) {
  const TensorView &dy = args.in[0], &y = args.in[1], &dz = args.out[0];
  NABLA_CHECK(dz.dtype == DType::float32 || dz.dtype == DType::float64, "activationGrad needs floats");
  NABLA_CHECK(dy.dtype == dz.dtype && y.dtype == dz.dtype, "activationGrad needs equal dtypes");
  NABLA_CHECK(dy.contiguous() && y.contiguous() && dy.numel() == dz.numel() && y.numel() == dz.numel(),
              "activationGrad needs contiguous inputs of the output's shape");
  NABLA_CHECK(args.n_attr >= 1 && args.attr[0] >= 0 && args.attr[0] < kActivationCount, "unknown activation");
  if (args.n_out > 1) {
    NABLA_CHECK(args.out[1].dtype == dz.dtype && args.out[1].numel() == (dz.rank == 0 ? 1 : dz.shape[dz.rank - 1]),
                "the sums need the shape of the last axis");
  }
  const auto activation = static_cast<Activation>(static_cast<int>(args.attr[0]));
  dz.dtype == DType::float32 ? activation_grad<float>(args, activation) : activation_grad<double>(args, activation);
}

}  // namespace nabla::cuda
