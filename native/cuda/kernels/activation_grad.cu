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
// Rows of a chunk at least, to earn a row of partial sums; chunks at most; blocks that fill any device.
constexpr int64_t kLeastChunk = 16, kMostChunks = 1024, kBlocks = 1024;

// How the sums of rows x columns elements are split. Short rows are taken several at a time, as one row of `width`.
struct Split {
  int64_t n, columns, together, width, chunk_rows, chunks;
  unsigned tiles;  // of the columns

  Split(int64_t elements, int64_t row_length, int64_t tile, int64_t v) : n(elements), columns(row_length) {
    together = columns < tile ? tile / columns : 1;
    while (together > 1 && columns * together % v != 0) --together;
    width = columns * together;
    tiles = blocks_for(width, tile);
    const int64_t rows = (n + width - 1) / width;
    chunks = (kBlocks + tiles - 1) / tiles;
    if (chunks > kMostChunks) chunks = kMostChunks;
    if (chunks > rows / kLeastChunk) chunks = rows / kLeastChunk;
    chunk_rows = chunks < 2 ? rows : (rows + chunks - 1) / chunks;
    chunks = (rows + chunk_rows - 1) / chunk_rows;
  }
  // Whether vectors of v elements lie in one row each.
  bool packs(int64_t v) const { return width % v == 0; }
};

// partial[chunk][columns] = sums over a chunk's rows. V columns per thread.
template <typename T, int V>
__global__ void __launch_bounds__(kLanes* kRows)
    slope_and_sums(Slope<T> slope, Split split, const T* __restrict__ dy, const T* __restrict__ y, T* __restrict__ dz,
                   T* __restrict__ partial) {
  SHARED(T, sums, [kRows][kLanes * V]);
  const int lane = static_cast<int>(threadIdx.x) % kLanes, row = static_cast<int>(threadIdx.x) / kLanes;
  const int64_t first_column = static_cast<int64_t>(blockIdx.x) * (kLanes * V), column = first_column + lane * V;
  T sum[V] = {};
  if (column < split.width) {
    const int64_t chunk = static_cast<int64_t>(blockIdx.y) * split.chunk_rows;
    const int64_t chunk_end = (chunk + split.chunk_rows) * split.width;
    const int64_t end = chunk_end < split.n ? chunk_end : split.n;
    for (int64_t at = (chunk + row) * split.width + column; at < end; at += kRows * split.width) {
      const uint32_t count = end - at < V ? static_cast<uint32_t>(end - at) : V;
      const Vec<T, V> g =
          map_each<V, T>(slope, load_operand<V>(dy + at, false, count), load_operand<V>(y + at, false, count));
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
  const int i = static_cast<int>(threadIdx.x);
  if (i < kLanes * V) {
    T total = sums[0][i];
#pragma unroll
    for (int r = 1; r < kRows; ++r) total += sums[r][i];
    sums[0][i] = total;
  }
  __syncthreads();
  // The rows that were taken together.
  const int columns = static_cast<int>(split.columns < kLanes * V ? split.columns : kLanes * V);
  for (int left = static_cast<int>(split.together); left > 1;) {
    const int kept = (left + 1) / 2;
    if (i < (left - kept) * columns) sums[0][i] += sums[0][i + kept * columns];
    left = kept;
    __syncthreads();
  }
  if (i < columns && first_column + i < split.columns) {
    partial[blockIdx.y * split.columns + first_column + i] = sums[0][i];
  }
}

// sums[column] = the sum of a column of partial [chunks, columns].
constexpr int kFoldRows = 16;
template <typename T>
__global__ void __launch_bounds__(kLanes* kFoldRows)
    fold_sums(int64_t chunks, int64_t columns, const T* __restrict__ partial, T* __restrict__ sums) {
  SHARED(T, part, [kFoldRows][kLanes]);
  const int lane = static_cast<int>(threadIdx.x) % kLanes, row = static_cast<int>(threadIdx.x) / kLanes;
  const int64_t column = static_cast<int64_t>(blockIdx.x) * kLanes + lane;
  T sum = 0;
  if (column < columns) {
#pragma unroll 4
    for (int64_t i = row; i < chunks; i += kFoldRows) sum += partial[i * columns + column];
  }
  part[row][lane] = sum;
  __syncthreads();
  if (row > 0 || column >= columns) return;
  T total = 0;
#pragma unroll
  for (int r = 0; r < kFoldRows; ++r) total += part[r][lane];
  sums[column] = total;
}

template <typename T, int V>
void with_sums(KernelArgs& args, Slope<T> slope, const Split& split) {
  T* partial = args.workspace.array<T>(split.chunks * split.columns);
  const cudaStream_t stream = queue_of(args).stream();
  launch(slope_and_sums<T, V>, dim3(split.tiles, static_cast<unsigned>(split.chunks)), kLanes * kRows, 0, stream, slope,
         split, args.in[0].as<T>(), args.in[1].as<T>(), args.out[0].as<T>(), partial);
  launch(fold_sums<T>, blocks_for(split.columns, kLanes), kLanes * kFoldRows, 0, stream, split.chunks, split.columns,
         partial, args.out[1].as<T>());
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
  const Split split(n, columns, kLanes * V, V);
  if (split.packs(V) && aligned(dy.data, kPackBytes) && aligned(y.data, kPackBytes) && aligned(dz.data, kPackBytes)) {
    with_sums<T, V>(args, slope, split);
  } else {
    with_sums<T, 1>(args, slope, Split(n, columns, kLanes, 1));
  }
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
