// A correlation with short patches, as those of a first layer. The product of a tile is over after some ten or twenty
// steps, so its time is in what surrounds them. All kernels stay in the first-level cache: a tile of pixels takes all
// of its outputs one panel after another, and the result is written in the order of memory.
#pragma once
#include "cpu/gemm/conv_correlation.h"
#include "cpu/gemm/conv_epilogue.h"
#include "cpu/gemm/conv_kernels.h"
#include "cpu/simd/lanes.h"
#include "cpu/simd/stream.h"

namespace nabla::NABLA_ISA {

// Pixels of one output row whose patches are `segments` runs, and one panel of kernels.
template <typename T>
struct DirectTile {
  const T* patch;  // of the first pixel
  int64_t pixel, run, segments, segment;
  const T* kernels;
  int64_t ldb;
  T* out;
  int64_t out_pixel;
  const T* bias;  // may be null
  bool relu;
};

namespace direct_detail {

// How a panel's vectors are loaded and stored: whole, whole and past the caches, or masked.
enum class Access { whole, streamed, masked };

template <typename T, int vectors, Access access>
struct PanelAccess {
  using V = TileVec<T>;
  int64_t last;  // lanes of the last vector

  NABLA_INLINE V load(const T* p, int v) const {
    if (access != Access::masked || v < vectors - 1) return V::load(p + v * V::width);
    return V::load_part(p + v * V::width, last);
  }
  NABLA_INLINE void store(V x, T* p, int v) const {
    if (access == Access::masked && v == vectors - 1) return x.store_part(p + v * V::width, last);
    if constexpr (access == Access::streamed && std::is_same<V, Vec<T>>::value) {
      stream_store(p + v * V::width, x);
    } else {
      x.store(p + v * V::width);
    }
  }
};

template <typename T, int pixels, int vectors, Access access>
void direct_tile(const DirectTile<T>& t, int64_t outputs) {
  using V = TileVec<T>;
  const PanelAccess<T, vectors, access> panel{outputs - (vectors - 1) * V::width};
  V sum[pixels][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < pixels; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sum[i][v] = t.bias ? panel.load(t.bias, v) : V::zero();
  }
  // Every third pixel has a pointer, the two after it are reached by an index register: so all fit into registers.
  constexpr int kPointers = (pixels + 2) / 3;
  const T* b = t.kernels;
  for (int64_t s = 0; s < t.segments; ++s) {
    const T* from[kPointers];
#pragma GCC unroll 8
    for (int i = 0; i < kPointers; ++i) {
      from[i] = t.patch + s * t.segment + 3 * i * t.pixel;
      // Hides the relation between the pointers, or the compiler keeps one offset per pixel and spills them.
      __asm__("" : "+r"(from[i]));
    }
    for (int64_t k = 0; k < t.run; ++k) {
      V row[vectors];
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) row[v] = panel.load(b, v);
#pragma GCC unroll 16
      for (int i = 0; i < pixels; ++i) {
        const V x = V::set(from[i / 3][i % 3 * t.pixel]);
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) sum[i][v] = fma(x, row[v], sum[i][v]);
      }
#pragma GCC unroll 8
      for (int i = 0; i < kPointers; ++i) ++from[i];
      b += t.ldb;
    }
  }
  if (t.relu) {
#pragma GCC unroll 16
    for (int i = 0; i < pixels; ++i) {
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sum[i][v] = max(V::zero(), sum[i][v]);  // in this order NaN stays NaN
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < pixels; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) panel.store(sum[i][v], t.out + i * t.out_pixel, v);
  }
}

// `pixels` pixels from column x on of an output row, all outputs. `t` has what is the same for the row.
template <typename T, int pixels>
NABLA_INLINE void direct_pixels(const Correlation<T>& c, const KernelPanels<T>& b, DirectTile<T> t, int64_t kernel,
                                T* out, bool streamed) {
  constexpr int64_t width = TileVec<T>::width, NR = TileShape<T>::NR;
  static_assert(NR == 2 * width, "panels have two vectors");
  for (int64_t o = 0; o < c.outputs; o += NR) {
    const int64_t n = min_of(NR, c.outputs - o);
    t.kernels = b.data + o / NR * b.panel + kernel * b.ldb;
    t.out = out + o;
    t.bias = c.bias ? c.bias + o : nullptr;
    if (n == NR) {
      streamed ? direct_tile<T, pixels, 2, Access::streamed>(t, n) : direct_tile<T, pixels, 2, Access::whole>(t, n);
    } else if (n > width) {
      direct_tile<T, pixels, 2, Access::masked>(t, n);
    } else {
      direct_tile<T, pixels, 1, Access::masked>(t, n);
    }
  }
  if (c.activation <= Activation::relu) return;
  for (int i = 0; i < pixels; ++i) {
    T* y = out + i * c.out_pixel;
    for_lanes<T>(0, c.outputs,
                 [&](int64_t o, auto lanes) { lanes.store(y + o, activate(lanes.load(y + o), c.activation)); });
  }
}

}  // namespace direct_detail

// Output row y, which is at `out`. Needs at least a tile's pixels in the row.
template <typename T>
void direct_row(const Correlation<T>& c, const KernelPanels<T>& b, const Window<T>& win, int64_t y, T* out,
                bool streamed) {
  using namespace direct_detail;
  constexpr int MR = TileShape<T>::MR;
  const int64_t tiles = ceil_div(c.out_w, MR);
  const TapRange rows = TapRange::of(y * c.stride_h - c.pad_top, c.kernel_h, c.dilation_h, c.in.h);
  DirectTile<T> t;
  t.pixel = c.stride_w * c.in.channels;
  t.run = c.kernel_w * c.in.channels;
  t.segments = rows.end - rows.begin;
  t.segment = c.dilation_h * win.row;
  t.ldb = b.ldb;
  t.out_pixel = c.out_pixel;
  t.relu = c.activation == Activation::relu;
  const T* top = t.segments > 0 ? win.at(rows.first + rows.begin * c.dilation_h) : win.data;
  for (int64_t i = 0; i < tiles; ++i) {
    // Tiles of nearly equal widths. Shorter ones than these two compute some of their neighbour's pixels again.
    int64_t x = c.out_w * i / tiles;
    const bool wide = c.out_w * (i + 1) / tiles - x == MR;
    if (!wide) x = min_of(x, c.out_w - (MR - 1));
    t.patch = top + x * t.pixel;
    T* to = out + x * c.out_pixel;
    const int64_t kernel = rows.begin * t.run;
    wide ? direct_pixels<T, MR>(c, b, t, kernel, to, streamed)
         : direct_pixels<T, MR - 1>(c, b, t, kernel, to, streamed);
  }
}

}  // namespace nabla::NABLA_ISA
