// The rows of an image that a task of a convolution reads: in place where they can be, otherwise copied into scratch
// memory that holds one group's channels, with columns of zeros for the padding.
#pragma once
#include <cstdint>
#include <cstring>

#include "core/inline.h"
#include "core/parallel.h"
#include "cpu/integers.h"
#include "cpu/isa_namespace.h"

namespace nabla::NABLA_ISA {

// Images [images, h, w, pixel] of which one group reads `channels` of a pixel's `pixel` channels.
template <typename T>
struct Images {
  const T* data;
  int64_t h, w, pixel, channels;

  const T* image(int64_t i, int64_t group) const { return data + i * h * w * pixel + group * channels; }
};

// Columns [first, first + count) of every row; those outside the image are zeros.
struct ColumnRange {
  int64_t first, count;
};

// Row y of the image, `first_row` and after, at data + (y - first_row)*row; its pixels are `channels` apart.
template <typename T>
struct Window {
  const T* data;
  int64_t first_row, row;

  const T* at(int64_t y) const { return data + (y - first_row) * row; }
};

template <typename T>
NABLA_INLINE bool needs_copy(const Images<T>& in, ColumnRange cols) {
  return in.channels != in.pixel || cols.first < 0 || cols.first + cols.count > in.w;
}

// Rows [first_row, first_row + rows) as far as they lie in the image.
template <typename T>
inline Window<T> window(const Images<T>& in, int64_t image, int64_t group, ColumnRange cols, int64_t first_row,
                        int64_t rows, T* scratch) {
  const T* source = in.image(image, group);
  const int64_t row_begin = max_of(first_row, 0), row_end = min_of(first_row + rows, in.h);
  if (!needs_copy(in, cols)) {
    return {source + (row_begin * in.w + cols.first) * in.pixel, row_begin, in.w * in.pixel};
  }
  const int64_t row = cols.count * in.channels;
  // The image covers columns [begin, end) of the window.
  const int64_t begin = min_of(max_of(-cols.first, 0), cols.count);
  const int64_t end = max_of(min_of(in.w - cols.first, cols.count), begin);
  T* to = scratch;
  for (int64_t y = row_begin; y < row_end; ++y, to += row) {
    std::memset(to, 0, begin * in.channels * sizeof(T));
    std::memset(to + end * in.channels, 0, (cols.count - end) * in.channels * sizeof(T));
    const T* from = source + (y * in.w + cols.first + begin) * in.pixel;
    T* pixel = to + begin * in.channels;
    if (in.channels == in.pixel) {
      std::memcpy(pixel, from, (end - begin) * in.channels * sizeof(T));
    } else {
      for (int64_t x = begin; x < end; ++x, pixel += in.channels, from += in.pixel) {
        for (int64_t c = 0; c < in.channels; ++c) pixel[c] = from[c];
      }
    }
  }
  return {scratch, row_begin, row};
}

// result[0 to n) = (accumulate ? result : 0) + the sum of `count` partial results, `stride` apart, in order.
template <typename T>
inline void add_partials(ThreadPool& pool, T* result, int64_t n, const T* partials, int64_t stride, int64_t count,
                         bool accumulate) {
  parallel_ranges(pool, n, 1 << 14, [&](int64_t begin, int64_t end) {
    if (!accumulate) std::memset(result + begin, 0, (end - begin) * sizeof(T));
    for (int64_t p = 0; p < count; ++p) {
      const T* partial = partials + p * stride;
      for (int64_t i = begin; i < end; ++i) result[i] += partial[i];
    }
  });
}

}  // namespace nabla::NABLA_ISA
