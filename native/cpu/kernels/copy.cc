// copy and assign: any strides to any strides. Equal layouts are memcpy, transposed ones go by tiles.
#include <cstring>

#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/kernels/strided.h"
#include "cpu/simd/stream.h"

namespace nabla::NABLA_ISA {
namespace {

// Side of the square tiles of a transposed copy. The lines of a tile of both tensors fit in the first-level cache.
constexpr int64_t kTile = 64;
// Shorter dimensions are not worth tiles.
constexpr int64_t kMinTransposed = 8;

// Elements are moved as unsigned integers of their size.
template <typename T>
void copy_row(T* target, int64_t target_stride, const T* source, int64_t source_stride, int64_t n, bool streamed) {
  if (target_stride == 1 && source_stride == 1) {
    if (streamed && whole_cache_lines(target, n * sizeof(T))) {
      stream_copy(target, source, n * sizeof(T));
    } else {
      std::memcpy(target, source, n * sizeof(T));
    }
  } else if (target_stride == 1 && source_stride == 0) {
    const T value = *source;
    for (int64_t i = 0; i < n; ++i) target[i] = value;
  } else {
    for (int64_t i = 0; i < n; ++i) target[i * target_stride] = source[i * source_stride];
  }
}

// target[i * target_stride + j] = source[i + j * source_stride] for i < rows, j < columns. Blocks with sides of a
// cache line (bytes: 16) go through the stack, so that a line is used up before another one can displace it.
template <typename T>
void transpose_tile(T* target, int64_t target_stride, const T* source, int64_t source_stride, int64_t rows,
                    int64_t columns, bool streamed) {
  constexpr int64_t side = sizeof(T) == 1 ? 16 : 64 / sizeof(T);
  for (int64_t j = 0; j < columns; j += side) {
    for (int64_t i = 0; i < rows; i += side) {
      T* to = target + i * target_stride + j;
      const T* from = source + i + j * source_stride;
      if (rows - i >= side && columns - j >= side) {
        T block[side][side];
        for (int64_t y = 0; y < side; ++y) std::memcpy(block[y], from + y * source_stride, sizeof(block[y]));
        for (int64_t x = 0; x < side; ++x) {
          T line[side];
          for (int64_t y = 0; y < side; ++y) line[y] = block[y][x];
          if (streamed) {
            stream_copy(to + x * target_stride, line, sizeof(line));
          } else {
            std::memcpy(to + x * target_stride, line, sizeof(line));
          }
        }
      } else {
        const int64_t block_rows = rows - i < side ? rows - i : side;
        const int64_t block_columns = columns - j < side ? columns - j : side;
        for (int64_t x = 0; x < block_rows; ++x) {
          for (int64_t y = 0; y < block_columns; ++y) to[x * target_stride + y] = from[x + y * source_stride];
        }
      }
    }
  }
}

// The loop over all dimensions but two, of which `row` is contiguous in the source and `column` in the target.
template <typename T>
void copy_transposed(T* target, const T* source, const StridedLoop<2>& loop, int row, int column, ThreadPool& pool) {
  StridedLoop<2> outer;
  outer.rank = 0;
  int64_t planes = 1;
  for (int d = 0; d < loop.rank; ++d) {
    if (d == row || d == column) continue;
    outer.shape[outer.rank] = loop.shape[d];
    for (int k = 0; k < 2; ++k) outer.stride[k][outer.rank] = loop.stride[k][d];
    planes *= loop.shape[d];
    ++outer.rank;
  }
  const int64_t rows = loop.shape[row], columns = loop.shape[column];
  const int64_t target_stride = loop.stride[0][row], source_stride = loop.stride[1][column];
  const int64_t row_tiles = (rows + kTile - 1) / kTile;
  const int64_t column_tiles = (columns + kTile - 1) / kTile;
  const int64_t tiles = planes * row_tiles * column_tiles;
  // Blocks of bytes are shorter than a cache line.
  const bool large = sizeof(T) > 1 && planes * rows * columns * int64_t{sizeof(T)} >= kStreamBytes;
  parallel_ranges(pool, tiles, kElementGrain / (kTile * kTile), [&](int64_t begin, int64_t end) {
    for (int64_t tile = begin; tile < end; ++tile) {
      // The tiles of a column of tiles follow each other, so that the source is read along its lines.
      const int64_t i = tile % row_tiles * kTile;
      const int64_t j = tile / row_tiles % column_tiles * kTile;
      int64_t plane = tile / (row_tiles * column_tiles);
      T* to = target + i * target_stride + j;
      const T* from = source + i + j * source_stride;
      for (int d = outer.rank - 1; d >= 0; --d) {
        to += plane % outer.shape[d] * outer.stride[0][d];
        from += plane % outer.shape[d] * outer.stride[1][d];
        plane /= outer.shape[d];
      }
      const bool streamed = large && whole_cache_lines(to, target_stride * sizeof(T));
      transpose_tile(to, target_stride, from, source_stride, rows - i < kTile ? rows - i : kTile,
                     columns - j < kTile ? columns - j : kTile, streamed);
    }
    if (large) stream_fence();
  });
}

// The dimension of at least kMinTransposed elements in which a tensor is contiguous, or -1.
NABLA_INLINE int unit_stride_dimension(const StridedLoop<2>& loop, int tensor) {
  for (int d = 0; d < loop.rank; ++d) {
    if (loop.stride[tensor][d] == 1 && loop.shape[d] >= kMinTransposed) return d;
  }
  return -1;
}

template <typename T>
void copy_elements(const TensorView& target_view, const TensorView& source_view, ThreadPool& pool) {
  T* target = static_cast<T*>(target_view.data);
  const T* source = static_cast<const T*>(source_view.data);
  const TensorView* views[2] = {&target_view, &source_view};
  const StridedLoop<2> loop = collapse<2>(views);
  const int column = unit_stride_dimension(loop, 0);
  const int row = unit_stride_dimension(loop, 1);
  if (row >= 0 && column >= 0 && row != column) return copy_transposed(target, source, loop, row, column, pool);

  const int64_t target_stride = loop.row_stride(0), source_stride = loop.row_stride(1);
  const int64_t numel = target_view.numel();
  const bool streamed = numel * int64_t{sizeof(T)} >= kStreamBytes;
  parallel_ranges(pool, numel, kElementGrain, [&](int64_t begin, int64_t end) {
    for_each_row(loop, begin, end, [&](const int64_t* offset, int64_t n) {
      copy_row(target + offset[0], target_stride, source + offset[1], source_stride, n, streamed);
    });
    if (streamed) stream_fence();
  });
}

// The bytes that a view's elements lie in: [first, last).
struct Extent {
  const char* first;
  const char* last;
};
NABLA_INLINE Extent extent_of(const TensorView& view) {
  const int64_t size = dtype_size(view.dtype);
  int64_t low = 0, high = 0;
  for (int i = 0; i < view.rank; ++i) {
    const int64_t reach = (view.shape[i] - 1) * view.stride[i];
    (reach < 0 ? low : high) += reach;
  }
  const char* data = static_cast<const char*>(view.data);
  return {data + low * size, data + (high + 1) * size};
}
NABLA_INLINE bool overlap(const TensorView& a, const TensorView& b) {
  const Extent x = extent_of(a), y = extent_of(b);
  return x.first < y.last && y.first < x.last;
}

}  // namespace

void copy_strided(const TensorView& target, const TensorView& source, ThreadPool& pool) {
  if (target.numel() == 0) return;
  switch (dtype_size(target.dtype)) {
    case 1: return copy_elements<uint8_t>(target, source, pool);
    case 2: return copy_elements<uint16_t>(target, source, pool);
    case 4: return copy_elements<uint32_t>(target, source, pool);
    default: return copy_elements<uint64_t>(target, source, pool);
  }
}

void copy(KernelArgs& args) {
  NABLA_CHECK(args.in[0].dtype == args.out[0].dtype, "the dtypes of input and output differ");
  NABLA_CHECK(same_shape(args.in[0], args.out[0]), "the shapes of input and output differ");
  copy_strided(args.out[0], args.in[0], args.pool);
}

void assign(KernelArgs& args) {
  const TensorView& target = args.in[0];
  const TensorView& source = args.in[1];
  NABLA_CHECK(target.dtype == source.dtype, "the dtypes of target and source differ");
  NABLA_CHECK(same_shape(target, source), "the shapes of target and source differ");
  if (target.numel() == 0) return;
  for (int i = 0; i < target.rank; ++i) {
    NABLA_CHECK(target.stride[i] != 0 || target.shape[i] == 1, "the target is a broadcast view");
  }
  if (!overlap(target, source)) return copy_strided(target, source, args.pool);
  // As if the source were read before the target is written.
  const TensorView before = contiguous_like(source, args.workspace.get(source.numel() * dtype_size(source.dtype)));
  copy_strided(before, source, args.pool);
  copy_strided(target, before, args.pool);
}

}  // namespace nabla::NABLA_ISA
