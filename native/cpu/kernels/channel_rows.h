// What batch_norm.cc and group_norm.cc share: passes over rows of channels, with a coefficient or a sum for each
// channel. Short rows are taken several at a time, as one row of `width` elements with repeated coefficients.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/isa_namespace.h"
#include "cpu/simd/lanes.h"

namespace nabla::NABLA_ISA {

struct ChannelRows {
  int64_t channels, together, width, grain;  // grain: rows of a task, a multiple of together

  NABLA_INLINE explicit ChannelRows(int64_t count) : channels(count) {
    constexpr int64_t kLeastWidth = 128, kElements = 16384;
    together = channels > 0 && channels < kLeastWidth ? kLeastWidth / channels : 1;
    width = together * channels;
    grain = (kElements / (width + 1) > 16 ? kElements / (width + 1) : 16) * together;
  }
  NABLA_INLINE int64_t tasks(int64_t rows) const { return (rows + grain - 1) / grain; }
  // body(row, elements) for each of the rows [begin, end), or several together.
  template <typename Body>
  NABLA_INLINE void for_each(int64_t begin, int64_t end, Body&& body) const {
    for (int64_t row = begin; row < end; row += together)
      body(row, end - row < together ? (end - row) * channels : width);
  }
  // Fills the repetitions after the first `channels` elements.
  template <typename T>
  NABLA_INLINE void repeat(T* values) const {
    for (int64_t j = channels; j < width; ++j) values[j] = values[j - channels];
  }
  // Adds the repetitions to the first `channels` elements.
  template <typename T>
  NABLA_INLINE void fold(T* values) const {
    for (int64_t j = channels; j < width; ++j) values[j % channels] += values[j];
  }
};

template <typename T>
NABLA_INLINE void check_channel_tensor(const TensorView& view, int64_t numel, T dtype) {
  NABLA_CHECK(view.contiguous() && view.numel() == numel && view.dtype == dtype,
              "inputs and outputs must be contiguous, of one dtype and of fitting sizes");
}

// y = (x - mean) * scale + beta for rows [begin, end); the coefficients are repeated to the width, beta may be null.
template <typename T>
NABLA_INLINE void scale_channels(const ChannelRows& rows, int64_t begin, int64_t end, const T* x, T* y, const T* mean,
                                 const T* scale, const T* beta) {
  using V = Vec<T>;
  rows.for_each(begin, end, [&](int64_t row, int64_t n) {
    const T* in = x + row * rows.channels;
    T* out = y + row * rows.channels;
    for_lanes<T>(0, n, [&](int64_t j, auto lanes) {
      const V centered = lanes.load(in + j) - lanes.load(mean + j), factor = lanes.load(scale + j);
      lanes.store(out + j, beta ? fma(centered, factor, lanes.load(beta + j)) : centered * factor);
    });
  });
}

// For each channel, over rows [begin, end): sums[c] = sum of dy, products[c] = sum of dy * (x - mean). visit(offset, j,
// lanes, dy, x - mean) sees every element; offset is its row's.
template <typename T, typename Visit>
NABLA_INLINE void sum_channels(const ChannelRows& rows, int64_t begin, int64_t end, const T* x, const T* dy,
                               const T* mean, T* sums, T* products, Visit&& visit) {
  using V = Vec<T>;
  std::memset(sums, 0, static_cast<size_t>(rows.width) * sizeof(T));
  std::memset(products, 0, static_cast<size_t>(rows.width) * sizeof(T));
  rows.for_each(begin, end, [&](int64_t row, int64_t n) {
    const int64_t offset = row * rows.channels;
    for_lanes<T>(0, n, [&](int64_t j, auto lanes) {
      const V slope = lanes.load(dy + offset + j), centered = lanes.load(x + offset + j) - lanes.load(mean + j);
      lanes.store(sums + j, lanes.load(sums + j) + slope);
      lanes.store(products + j, fma(slope, centered, lanes.load(products + j)));
      visit(offset, j, lanes, slope);
    });
  });
}

}  // namespace nabla::NABLA_ISA
