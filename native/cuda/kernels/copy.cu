// copy and assign: any strides to any strides. Elements are moved as unsigned integers of their size, contiguous rows
// by up to 16 bytes at once, transposed tensors by tiles.
#include "core/checks.h"
#include "cuda/queue.h"
#include "cuda/strided.h"

namespace nabla::cuda {
namespace {

constexpr int kThreads = 256;
// Elements of a thread, which lie apart.
constexpr int kApart = 4;

template <typename T>
__global__ void __launch_bounds__(kThreads)
    copy_elements(StridedIndex<2> index, uint32_t n, T* __restrict__ target, const T* __restrict__ source) {
  const uint32_t first = blockIdx.x * (kThreads * kApart) + threadIdx.x;
  int32_t to[kApart];
  T value[kApart];
#pragma unroll
  for (int j = 0; j < kApart; ++j) {
    const uint32_t i = first + j * kThreads;
    const Offsets<2> offset = index(i < n ? i : n - 1);
    to[j] = offset.of[0];
    value[j] = source[offset.of[1]];
  }
#pragma unroll
  for (int j = 0; j < kApart; ++j) {
    if (first + j * kThreads < n) target[to[j]] = value[j];
  }
}

// Side of the tiles of a transposed copy, and the rows of one that a block's threads take at once.
constexpr int kTile = 32, kTileRows = 8;
// Shorter dimensions are not worth tiles.
constexpr int64_t kMinTransposed = 8;

// Planes of rows x columns elements: element (row, column) is target[row * target_stride + column] and source[row +
// column * source_stride] from the plane's offset on.
struct Transposition {
  StridedIndex<2> plane;
  Divisor row_tiles, column_tiles;
  int32_t rows, columns;
  int32_t target_stride, source_stride;
};

template <typename T>
__global__ void __launch_bounds__(kTile* kTileRows)
    copy_transposed(Transposition t, T* __restrict__ target, const T* __restrict__ source) {
  SHARED(T, tile, [kTile][kTile + 1]);
  // Tiles that lie side by side in the source follow each other.
  uint32_t row_tile = blockIdx.x;
  uint32_t column_tile = t.row_tiles.split(row_tile);
  const Offsets<2> plane = t.plane(t.column_tiles.split(column_tile));
  const int row0 = static_cast<int>(row_tile) * kTile, column0 = static_cast<int>(column_tile) * kTile;
  const int x = static_cast<int>(threadIdx.x) % kTile, y0 = static_cast<int>(threadIdx.x) / kTile;
#pragma unroll
  for (int y = y0; y < kTile; y += kTileRows) {
    const int row = row0 + x, column = column0 + y;
    if (row < t.rows && column < t.columns) {
      tile[y][x] = source[plane.of[1] + row + static_cast<int64_t>(column) * t.source_stride];
    }
  }
  __syncthreads();
#pragma unroll
  for (int y = y0; y < kTile; y += kTileRows) {
    const int row = row0 + y, column = column0 + x;
    if (row < t.rows && column < t.columns) {
      target[plane.of[0] + static_cast<int64_t>(row) * t.target_stride + column] = tile[x][y];
    }
  }
}

// The loop over the two tensors in the order of the target's memory.
StridedLoop<2> loop_over(const TensorView& target, const TensorView& source) {
  int order[kMaxRank];
  int n = 0;
  for (int d = 0; d < target.rank; ++d) {
    const auto size_of = [&](int axis) { return target.stride[axis] < 0 ? -target.stride[axis] : target.stride[axis]; };
    int at = n++;
    for (; at > 0 && size_of(order[at - 1]) < size_of(d); --at) order[at] = order[at - 1];
    order[at] = d;
  }
  StridedLoop<2> loop;
  for (int i = 0; i < n; ++i) {
    const int d = order[i];
    loop.append(target.shape[d], {target.stride[d], source.stride[d]});
  }
  loop.finish();
  return loop;
}

// The dimension of at least kMinTransposed elements in which a tensor is contiguous, or -1.
int unit_stride_dimension(const StridedLoop<2>& loop, int tensor) {
  for (int d = loop.rank - 1; d >= 0; --d) {
    if (loop.stride[tensor][d] == 1 && loop.shape[d] >= kMinTransposed) return d;
  }
  return -1;
}

template <typename T>
void transpose(void* target, const void* source, const StridedLoop<2>& loop, int row, int column, cudaStream_t stream) {
  StridedLoop<2> planes;
  for (int d = 0; d < loop.rank; ++d) {
    if (d != row && d != column) planes.append(loop.shape[d], {loop.stride[0][d], loop.stride[1][d]});
  }
  planes.finish();
  const int64_t rows = loop.shape[row], columns = loop.shape[column];
  const int64_t row_tiles = blocks_for(rows, kTile), column_tiles = blocks_for(columns, kTile);
  const Transposition t = {StridedIndex<2>(planes),
                           Divisor(row_tiles),
                           Divisor(column_tiles),
                           static_cast<int32_t>(rows),
                           static_cast<int32_t>(columns),
                           static_cast<int32_t>(loop.stride[0][row]),
                           static_cast<int32_t>(loop.stride[1][column])};
  launch(copy_transposed<T>, static_cast<unsigned>(planes.numel() * row_tiles * column_tiles), kTile * kTileRows, 0,
         stream, t, static_cast<T*>(target), static_cast<const T*>(source));
}

template <typename T>
void move(void* target, const void* source, const StridedLoop<2>& loop, cudaStream_t stream) {
  const int64_t n = loop.numel();
  launch(copy_elements<T>, blocks_for(n, int64_t{kThreads} * kApart), kThreads, 0, stream, StridedIndex<2>(loop), n,
         static_cast<T*>(target), static_cast<const T*>(source));
}

// The bytes that a view's elements lie in: [first, last).
struct Extent {
  const char* first;
  const char* last;
};
Extent extent_of(const TensorView& view) {
  const int64_t size = dtype_size(view.dtype);
  int64_t low = 0, high = 0;
  for (int i = 0; i < view.rank; ++i) {
    const int64_t reach = (view.shape[i] - 1) * view.stride[i];
    (reach < 0 ? low : high) += reach;
  }
  const char* data = static_cast<const char*>(view.data);
  return {data + low * size, data + (high + 1) * size};
}
bool overlap(const TensorView& a, const TensorView& b) {
  const Extent x = extent_of(a), y = extent_of(b);
  return x.first < y.last && y.first < x.last;
}

}  // namespace

void copy_strided(const TensorView& target, const TensorView& source, cudaStream_t stream) {
  const int64_t numel = target.numel();
  if (numel == 0) return;
  StridedLoop<2> loop = loop_over(target, source);
  int64_t size = dtype_size(target.dtype);
  if (loop.rank == 1 && loop.stride[0][0] == 1 && loop.stride[1][0] == 1) {
    return check(
        cudaMemcpyAsync(target.data, source.data, static_cast<size_t>(numel * size), cudaMemcpyDeviceToDevice, stream));
  }
  const int column = unit_stride_dimension(loop, 0), row = unit_stride_dimension(loop, 1);
  if (row >= 0 && column >= 0 && row != column) {
    switch (size) {
      case 1: return transpose<uint8_t>(target.data, source.data, loop, row, column, stream);
      case 2: return transpose<uint16_t>(target.data, source.data, loop, row, column, stream);
      case 4: return transpose<uint32_t>(target.data, source.data, loop, row, column, stream);
      default: return transpose<uint64_t>(target.data, source.data, loop, row, column, stream);
    }
  }
  // Rows that are contiguous in both are moved by larger pieces.
  if (loop.row_stride(0) == 1 && loop.row_stride(1) == 1) {
    int64_t v = kPackBytes / size;
    while (v > 1 && !(loop.row_length() % v == 0 && loop.packs(v) && aligned(target.data, v * size) &&
                      aligned(source.data, v * size))) {
      v /= 2;
    }
    for (int k = 0; k < 2; ++k) {
      for (int d = 0; d < loop.rank - 1; ++d) loop.stride[k][d] /= v;
    }
    loop.shape[loop.rank - 1] /= v;
    size *= v;
  }
  switch (size) {
    case 1: return move<uint8_t>(target.data, source.data, loop, stream);
    case 2: return move<uint16_t>(target.data, source.data, loop, stream);
    case 4: return move<uint32_t>(target.data, source.data, loop, stream);
    case 8: return move<uint64_t>(target.data, source.data, loop, stream);
    default: return move<uint4>(target.data, source.data, loop, stream);
  }
}

void copy(KernelArgs& args) {
  NABLA_CHECK(args.in[0].dtype == args.out[0].dtype, "the dtypes of input and output differ");
  NABLA_CHECK(same_shape(args.in[0], args.out[0]), "the shapes of input and output differ");
  copy_strided(args.out[0], args.in[0], queue_of(args).stream());
}

void assign(KernelArgs& args) {
  const TensorView& target = args.in[0];
  const TensorView& source = args.in[1];
  const cudaStream_t stream = queue_of(args).stream();
  NABLA_CHECK(target.dtype == source.dtype, "the dtypes of target and source differ");
  NABLA_CHECK(same_shape(target, source), "the shapes of target and source differ");
  if (target.numel() == 0) return;
  for (int i = 0; i < target.rank; ++i) {
    NABLA_CHECK(target.stride[i] != 0 || target.shape[i] == 1, "the target is a broadcast view");
  }
  if (!overlap(target, source)) return copy_strided(target, source, stream);
  // As if the source were read before the target is written.
  const TensorView before = contiguous_like(source, args.workspace.get(source.numel() * dtype_size(source.dtype)));
  copy_strided(before, source, stream);
  copy_strided(target, before, stream);
}

}  // namespace nabla::cuda
