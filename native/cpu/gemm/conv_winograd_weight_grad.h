// Weight gradient of a 3x3 convolution with stride 1 by Winograd's F(3x3, 4x4), at the points of conv_winograd.h: the
// 3x3 results of a tile of 6x6 inputs and 4x4 gradients are 36 products. Adding over the tiles comes first, so these
// are 36 matrix products, and the result is transformed once.
#pragma once
#include "cpu/gemm/conv_winograd.h"

namespace nabla::NABLA_ISA {

namespace winograd_detail {

// The values of the polynomial g0 + ... + g3*x^3 at the points.
template <typename V>
NABLA_INLINE void transform_gradient(const V g[kOut], V t[kIn]) {
  const V a2 = V::set(kA2), b2 = V::set(kB2);
  t[0] = g[0];
  scaled_values(fma(a2, g[2], g[0]), fma(a2, g[3], g[1]), fma(b2, g[2], g[0]), fma(b2, g[3], g[1]), t);
  t[5] = g[3];
}

template <typename V>
NABLA_INLINE void transform_weights(const V m[kIn], V w[3]) {
  const V even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
  w[0] = (m[0] + even_a) + even_b;
  w[1] = fma(V::set(kB), odd_b, V::set(kA) * odd_a);
  w[2] = fma(V::set(kB2), even_b, fma(V::set(kA2), even_a, m[5]));
}

// The 36 transforms of `outputs` channels of a tile's gradients dy, each to its plane. sums (unless null) += the
// gradients.
template <typename T>
void gradient_tile(const T* dy, int64_t row, int64_t pixel, int64_t outputs, int64_t rows, int64_t cols, T* to,
                   const Planes& planes, T* sums) {
  using V = Vec<T>;
  for (int64_t o = 0; o < outputs; o += V::width) {
    const int64_t lanes = min_of(V::width, outputs - o);
    V half[kIn][kOut], sum = V::zero();
    for (int j = 0; j < kOut; ++j) {
      V g[kOut], t[kIn];
      for (int i = 0; i < kOut; ++i) {
        g[i] = i < rows && j < cols ? V::load_part(dy + i * row + j * pixel + o, lanes) : V::zero();
        sum = sum + g[i];
      }
      transform_gradient(g, t);
      for (int i = 0; i < kIn; ++i) half[i][j] = t[i];
    }
    for (int i = 0; i < kIn; ++i) {
      V t[kIn];
      transform_gradient(half[i], t);
      for (int j = 0; j < kIn; ++j) store_lanes(t[j], to + (i * kIn + j) * planes.plane + o, lanes);
    }
    if (sums) store_lanes(V::load_part(sums + o, lanes) + sum, sums + o, lanes);
  }
}

// 36 matrices [channels, outputs] -> dw [3, 3, channels, all_outputs], of which `outputs` columns are written.
template <typename T>
void weights_from_products(ThreadPool& pool, const T* products, int64_t channels, int64_t outputs, T* dw,
                           int64_t all_outputs) {
  using V = Vec<T>;
  const int64_t plane = padded(channels * outputs);
  parallel_ranges(pool, channels, max_of((1 << 10) / outputs, 1), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      for (int64_t o = 0; o < outputs; o += V::width) {
        const int64_t lanes = min_of(V::width, outputs - o);
        V half[3][kIn];
        for (int j = 0; j < kIn; ++j) {
          V m[kIn], w[3];
          for (int i = 0; i < kIn; ++i) m[i] = V::load_part(products + (i * kIn + j) * plane + c * outputs + o, lanes);
          transform_weights(m, w);
          for (int i = 0; i < 3; ++i) half[i][j] = w[i];
        }
        for (int i = 0; i < 3; ++i) {
          V w[3];
          transform_weights(half[i], w);
          for (int j = 0; j < 3; ++j) store_lanes(w[j], dw + ((i * 3 + j) * channels + c) * all_outputs + o, lanes);
        }
      }
    }
  });
}

}  // namespace winograd_detail

// `c` is the forward pass, `dy` the gradient of its result. dbias may be null.
template <typename T>
void winograd_weight_grad(KernelArgs& args, const Correlation<T>& c, const T* dy, T* dw, T* dbias) {
  using namespace winograd_detail;
  constexpr int64_t MR = TileShape<T>::MR, NR = TileShape<T>::NR;
  // Tiles whose transforms are in memory at a time: few enough to stay in the third-level cache, many enough to earn
  // the additions to the products. They are transformed in groups.
  constexpr int64_t kTransformBytes = 8 << 20, kLeastTiles = 56, kGroup = 8;
  const Tiling tiling(c);
  const int64_t channels = c.in.channels, part = min_of(panels_at_a_time<T>(channels) * NR, c.outputs);
  const int64_t fit = kTransformBytes / (kProducts * (channels + part) * int64_t{sizeof(T)});
  const int64_t batch = min_of(max_of(fit, kLeastTiles) / kGroup * kGroup, tiling.count);
  const Planes inputs(batch, channels), gradients(batch, part);
  T* x_transformed = args.workspace.array<T>(inputs.size());
  T* dy_transformed = args.workspace.array<T>(gradients.size());
  T* products = args.workspace.array<T>(kProducts * padded(channels * part));
  const int64_t groups = ceil_div(tiling.count, kGroup), tiles = ceil_div(channels, MR);
  T* sums = dbias ? args.workspace.array<T>(groups * part) : nullptr;

  for (int64_t o0 = 0; o0 < c.outputs; o0 += part) {
    const int64_t outputs = min_of(part, c.outputs - o0), panels = ceil_div(outputs, NR);
    for (int64_t first = 0; first < tiling.count; first += batch) {
      const int64_t count = min_of(batch, tiling.count - first);
      parallel_for(args.pool, ceil_div(count, kGroup), [&](int64_t group) {
        T* group_sums = sums ? sums + (first / kGroup + group) * outputs : nullptr;
        if (sums) std::memset(group_sums, 0, outputs * sizeof(T));
        for (int64_t t = group * kGroup; t < min_of((group + 1) * kGroup, count); ++t) {
          const Tiling::Tile tile = tiling.at(first + t);
          input_tile(c, c.in.image(tile.image, 0), tile.y - c.pad_top, tile.x - c.pad_left,
                     x_transformed + t * inputs.row, inputs);
          gradient_tile(dy + ((tile.image * c.out_h + tile.y) * c.out_w + tile.x) * c.outputs + o0, c.out_w * c.outputs,
                        c.outputs, outputs, c.out_h - tile.y, c.out_w - tile.x, dy_transformed + t * gradients.row,
                        gradients, group_sums);
        }
      });
      parallel_for(args.pool, kProducts * panels, [&](int64_t task) {
        const int64_t k = task / panels, column = task % panels * NR, n = min_of(NR, outputs - column);
        for (int64_t i = 0; i < tiles; ++i) {
          const int64_t c0 = channels * i / tiles, c1 = channels * (i + 1) / tiles;
          const ATile<T> a{x_transformed + k * inputs.plane + c0, 1, inputs.row, count, 1, 0};
          microkernel<T>(static_cast<int>(c1 - c0), static_cast<int>(n), a,
                         dy_transformed + k * gradients.plane + column, gradients.row,
                         CTile<T>{products + k * padded(channels * outputs) + c0 * outputs + column, outputs},
                         first > 0, nullptr);
        }
      });
    }
    weights_from_products(args.pool, products, channels, outputs, dw + o0, c.outputs);
    if (dbias) add_partials(args.pool, dbias + o0, outputs, sums, outputs, groups, false);
  }
}

}  // namespace nabla::NABLA_ISA
