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

// Vectors of neighbouring channels.
template <int count>
struct Strip {
  static constexpr int kVectors = count;
};

// body(rows, offset, j, lanes, strip) for every strip of vectors, from element j of a row on: `rows` rows of the width,
// the first at `offset`. Where a strip is a whole row, its coefficients and sums stay in registers over all rows;
// otherwise rows are taken one by one, as reading memory out of its order costs more than that saves.
template <typename T, typename Body>
NABLA_INLINE void for_strips(const ChannelRows& channels, int64_t begin, int64_t end, Body&& body) {
  constexpr int kVectors = 8;  // 128 float32 with AVX-512; AVX2 has not the registers, and its rows are longer
  constexpr int64_t kStrip = kVectors * Vec<T>::width;
  const int64_t whole = (end - begin) / channels.together, rest = (end - begin) % channels.together;
  int64_t offset = begin * channels.channels;
  if (channels.width == kStrip) {
    if (whole > 0) body(whole, offset, int64_t{0}, AllLanes<T>{}, Strip<kVectors>{});
    offset += whole * channels.width;
  } else {
    for (int64_t row = 0; row < whole; ++row, offset += channels.width) {
      for_lanes<T>(0, channels.width, [&](int64_t j, auto lanes) { body(1, offset, j, lanes, Strip<1>{}); });
    }
  }
  for_lanes<T>(0, rest * channels.channels, [&](int64_t j, auto lanes) { body(1, offset, j, lanes, Strip<1>{}); });
}

// The strip's part of a coefficient for each channel.
template <typename T, int count>
struct StripOf {
  Vec<T> vectors[count];

  template <typename Lanes>
  NABLA_INLINE StripOf(const T* values, int64_t j, Lanes lanes) {
#pragma GCC unroll 8
    for (int i = 0; i < count; ++i) vectors[i] = lanes.load(values + j + i * Vec<T>::width);
  }
  template <typename Lanes>
  NABLA_INLINE void store(T* values, int64_t j, Lanes lanes) const {
#pragma GCC unroll 8
    for (int i = 0; i < count; ++i) lanes.store(values + j + i * Vec<T>::width, vectors[i]);
  }
  NABLA_INLINE Vec<T>& operator[](int i) { return vectors[i]; }
  NABLA_INLINE const Vec<T>& operator[](int i) const { return vectors[i]; }
};

// y = (x - mean) * scale + beta for rows [begin, end); the coefficients are repeated to the width, beta may be null.
template <typename T>
NABLA_INLINE void scale_channels(const ChannelRows& channels, int64_t begin, int64_t end, const T* x, T* y,
                                 const T* mean, const T* scale, const T* beta) {
  for_strips<T>(channels, begin, end, [&](int64_t rows, int64_t offset, int64_t j, auto lanes, auto strip) {
    using S = StripOf<T, strip.kVectors>;
    const S means(mean, j, lanes), factors(scale, j, lanes), betas(beta ? beta : mean, j, lanes);
    const auto write = [&](auto&& value) {
      for (int64_t row = 0, at = offset + j; row < rows; ++row, at += channels.width) {
#pragma GCC unroll 8
        for (int i = 0; i < strip.kVectors; ++i) {
          const int64_t e = at + i * Vec<T>::width;
          lanes.store(y + e, value(i, lanes.load(x + e) - means[i]));
        }
      }
    };
    if (beta) {
      write([&](int i, Vec<T> centered) { return fma(centered, factors[i], betas[i]); });
    } else {
      write([&](int i, Vec<T> centered) { return centered * factors[i]; });
    }
  });
}

// For each channel, over rows [begin, end): sums[c] = sum of dy, products[c] = sum of dy * (x - mean). visit(e, j,
// lanes, dy) sees every vector: e is its place in the tensor, j in the row.
template <typename T, typename Visit>
NABLA_INLINE void sum_channels(const ChannelRows& channels, int64_t begin, int64_t end, const T* x, const T* dy,
                               const T* mean, T* sums, T* products, Visit&& visit) {
  std::memset(sums, 0, static_cast<size_t>(channels.width) * sizeof(T));
  std::memset(products, 0, static_cast<size_t>(channels.width) * sizeof(T));
  for_strips<T>(channels, begin, end, [&](int64_t rows, int64_t offset, int64_t j, auto lanes, auto strip) {
    using S = StripOf<T, strip.kVectors>;
    const S means(mean, j, lanes);
    S sum(sums, j, lanes), product(products, j, lanes);
    for (int64_t row = 0, at = offset + j; row < rows; ++row, at += channels.width) {
#pragma GCC unroll 8
      for (int i = 0; i < strip.kVectors; ++i) {
        const int64_t step = i * Vec<T>::width, e = at + step;
        const Vec<T> slope = lanes.load(dy + e);
        sum[i] = sum[i] + slope;
        product[i] = fma(slope, lanes.load(x + e) - means[i], product[i]);
        visit(e, j + step, lanes, slope);
      }
    }
    sum.store(sums, j, lanes);
    product.store(products, j, lanes);
  });
}

}  // namespace nabla::NABLA_ISA
