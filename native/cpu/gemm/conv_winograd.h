// 3x3 correlation with stride 1 by Winograd's F(4x4, 3x3) (Lavin and Gray, "Fast algorithms for convolutional neural
// networks", 2015): 4x4 outputs are 36 products of transformed 6x6 inputs and transformed kernels instead of 144.
//
// The interpolation points are 0, +-sqrt(1/2), +-sqrt(2) and infinity. docs/kernels.md has the error beside im2col's,
// over the layers of VGG16.
// An infinity or NaN in the image reaches all 16 outputs of its tiles. Used for float32 only.
#pragma once
#include "core/kernel.h"
#include "cpu/gemm/conv_correlation.h"
#include "cpu/gemm/conv_epilogue.h"
#include "cpu/gemm/conv_kernels.h"
#include "cpu/gemm/microkernel.h"
#include "cpu/gemm/scratch.h"

namespace nabla::NABLA_ISA {

namespace winograd_detail {

constexpr int64_t kOut = 4, kIn = 6, kProducts = kIn * kIn;
constexpr float kA = 0.70710678f, kA2 = 0.5f, kB = 1.41421356f, kB2 = 2.0f;  // the points and their squares

// d -> the value of the input's polynomial part for each point.
template <typename V>
NABLA_INLINE void transform_input(const V d[kIn], V t[kIn]) {
  const V sum = V::set(-(kA2 + kB2));
  t[0] = fma(sum, d[2], d[0] + d[4]);
  const V even_a = fma(V::set(-kB2), d[2], d[4]), odd_a = fma(V::set(-kB2), d[1], d[3]);
  t[1] = fma(V::set(kA), odd_a, even_a);
  t[2] = fma(V::set(-kA), odd_a, even_a);
  const V even_b = fma(V::set(-kA2), d[2], d[4]), odd_b = fma(V::set(-kA2), d[1], d[3]);
  t[3] = fma(V::set(kB), odd_b, even_b);
  t[4] = fma(V::set(-kB), odd_b, even_b);
  t[5] = fma(sum, d[3], d[1] + d[5]);
}

// The value of even + odd * point at +-sqrt(1/2) and +-sqrt(2), divided by the product of the point's differences from
// the other points.
template <typename V>
NABLA_INLINE void scaled_values(V even_a, V odd_a, V even_b, V odd_b, V t[kIn]) {
  constexpr float scale_a = 1 / (2 * kA2 * (kA2 - kB2)), scale_b = 1 / (2 * kB2 * (kB2 - kA2));
  even_a = V::set(scale_a) * even_a;
  t[1] = fma(V::set(scale_a * kA), odd_a, even_a);
  t[2] = fma(V::set(-scale_a * kA), odd_a, even_a);
  even_b = V::set(scale_b) * even_b;
  t[3] = fma(V::set(scale_b * kB), odd_b, even_b);
  t[4] = fma(V::set(-scale_b * kB), odd_b, even_b);
}

// The values of the polynomial g0 + g1*x + g2*x^2 at the points.
template <typename V>
NABLA_INLINE void transform_kernel(const V g[3], V t[kIn]) {
  t[0] = g[0];
  scaled_values(fma(V::set(kA2), g[2], g[0]), g[1], fma(V::set(kB2), g[2], g[0]), g[1], t);
  t[5] = g[2];
}

template <typename V>
NABLA_INLINE void transform_output(const V m[kIn], V y[kOut]) {
  const V even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
  y[0] = (m[0] + even_a) + even_b;
  y[1] = fma(V::set(kB), odd_b, V::set(kA) * odd_a);
  y[2] = fma(V::set(kB2), even_b, V::set(kA2) * even_a);
  y[3] = fma(V::set(kB * kB2), odd_b, fma(V::set(kA * kA2), odd_a, m[5]));
}

// 36 matrices are written side by side, element by element: a cache line between them puts them on different sets.
constexpr int64_t kLine = 16;
constexpr int64_t padded(int64_t matrix) { return matrix + kLine; }

// 36 matrices whose rows do not fall on the same sets either.
struct Planes {
  int64_t row, plane;

  Planes(int64_t rows, int64_t columns) : row((ceil_div(columns, kLine) | 1) * kLine), plane(padded(rows * row)) {}
  int64_t size() const { return kProducts * plane; }
};

// The 4x4 tiles of all output images.
struct Tiling {
  int64_t across, down, count;

  struct Tile {
    int64_t image, y, x;  // of the first output
  };
  template <typename T>
  explicit Tiling(const Correlation<T>& c)
      : across(ceil_div(c.out_w, kOut)), down(ceil_div(c.out_h, kOut)), count(c.images * across * down) {}
  Tile at(int64_t t) const { return {t / (across * down), t / across % down * kOut, t % across * kOut}; }
};

template <typename T>
constexpr int64_t kBlockTiles = 28 / TileShape<T>::MR * TileShape<T>::MR;

// The 36 transforms of one tile's channels, each to its plane.
template <typename T>
void input_tile(const Correlation<T>& c, const T* image, int64_t y0, int64_t x0, T* to, const Planes& planes) {
  using V = Vec<T>;
  const int64_t channels = c.in.channels;
  const TapRange rows = TapRange::of(y0, kIn, 1, c.in.h), cols = TapRange::of(x0, kIn, 1, c.in.w);
  const bool inside = rows.end - rows.begin == kIn && cols.end - cols.begin == kIn;
  const T* corner = image + (y0 * c.in.w + x0) * c.in.pixel;
  for (int64_t ch = 0; ch < channels; ch += V::width) {
    const int64_t lanes = min_of(V::width, channels - ch);
    V half[kIn][kIn];
    for (int j = 0; j < kIn; ++j) {
      V d[kIn], t[kIn];
      for (int i = 0; i < kIn; ++i) {
        const bool valid = inside || (i >= rows.begin && i < rows.end && j >= cols.begin && j < cols.end);
        d[i] = valid ? V::load_part(corner + (i * c.in.w + j) * c.in.pixel + ch, lanes) : V::zero();
      }
      transform_input(d, t);
      for (int i = 0; i < kIn; ++i) half[i][j] = t[i];
    }
    for (int i = 0; i < kIn; ++i) {
      V t[kIn];
      transform_input(half[i], t);
      for (int j = 0; j < kIn; ++j) store_lanes(t[j], to + (i * kIn + j) * planes.plane + ch, lanes);
    }
  }
}

// n outputs of each pixel of one tile.
template <typename T>
void output_tile(const T* from, const Planes& planes, int64_t n, const Epilogue<T>& epilogue, T* out, int64_t out_row,
                 int64_t out_pixel, int64_t rows, int64_t cols) {
  using V = Vec<T>;
  for (int64_t o = 0; o < n; o += V::width) {
    const int64_t lanes = min_of(V::width, n - o);
    V half[kOut][kIn];
    for (int j = 0; j < kIn; ++j) {
      V m[kIn], t[kOut];
      for (int i = 0; i < kIn; ++i) m[i] = V::load_part(from + (i * kIn + j) * planes.plane + o, lanes);
      transform_output(m, t);
      for (int i = 0; i < kOut; ++i) half[i][j] = t[i];
    }
    const V bias = epilogue.bias ? V::load_part(epilogue.bias + o, lanes) : V::zero();
    for (int i = 0; i < kOut; ++i) {
      if (i >= rows) break;
      V t[kOut];
      transform_output(half[i], t);
      for (int j = 0; j < kOut; ++j) {
        if (j < cols)
          store_lanes(activate(t[j] + bias, epilogue.activation), out + i * out_row + j * out_pixel + o, lanes);
      }
    }
  }
}

// Panels [9 * channels, NR] -> 36 matrices [channels, NR] for each.
template <typename T>
void transform_kernels(ThreadPool& pool, const KernelPanels<T>& b, int64_t channels, int64_t panels, T* transformed) {
  using V = Vec<T>;
  constexpr int64_t kElementsPerTask = 1 << 10;
  const int64_t matrix = channels * TileShape<T>::NR, pieces = ceil_div(matrix, kElementsPerTask);
  parallel_for(pool, panels * pieces, [&](int64_t task) {
    const T* from = b.data + task / pieces * b.panel;
    T* to = transformed + task / pieces * kProducts * padded(matrix);
    const int64_t end = min_of((task % pieces + 1) * kElementsPerTask, matrix);
    for (int64_t e = task % pieces * kElementsPerTask; e < end; e += V::width) {
      V half[kIn][3];
      for (int j = 0; j < 3; ++j) {
        V g[3], t[kIn];
        for (int i = 0; i < 3; ++i) g[i] = V::load(from + (i * 3 + j) * matrix + e);
        transform_kernel(g, t);
        for (int i = 0; i < kIn; ++i) half[i][j] = t[i];
      }
      for (int i = 0; i < kIn; ++i) {
        V t[kIn];
        transform_kernel(half[i], t);
        for (int j = 0; j < kIn; ++j) t[j].store(to + (i * kIn + j) * padded(matrix) + e);
      }
    }
  });
}

// Panels of outputs that are worked on at a time, so that 36 matrices [channels, outputs] stay in the third-level
// cache.
template <typename T>
int64_t panels_at_a_time(int64_t channels) {
  constexpr int64_t kBytes = 10 << 20;
  return max_of(kBytes / (kProducts * channels * TileShape<T>::NR * int64_t{sizeof(T)}), 1);
}

// Outputs [p0, p1) panels of some tiles: transforms of the inputs, products, transforms of the results.
template <typename T>
void correlate_tiles(const Correlation<T>& c, const Tiling& tiling, int64_t first, int64_t count, int64_t p0,
                     int64_t p1, const T* kernels, T* scratch, const Planes& inputs, const Planes& products) {
  constexpr int64_t MR = TileShape<T>::MR, NR = TileShape<T>::NR;
  const int64_t matrix = padded(c.in.channels * NR);
  T* out = scratch + inputs.size();
  for (int64_t t = 0; t < count; ++t) {
    const Tiling::Tile tile = tiling.at(first + t);
    input_tile(c, c.in.image(tile.image, 0), tile.y - c.pad_top, tile.x - c.pad_left, scratch + t * inputs.row, inputs);
  }
  for (int64_t p = p0; p < p1; ++p, kernels += kProducts * matrix) {
    const int64_t n = min_of(NR, c.outputs - p * NR);
    for (int64_t k = 0; k < kProducts; ++k) {
      for (int64_t t = 0; t < count; t += MR) {
        const ATile<T> a{scratch + k * inputs.plane + t * inputs.row, inputs.row, 1, c.in.channels, 1, 0};
        microkernel<T>(static_cast<int>(min_of(MR, count - t)), static_cast<int>(n), a, kernels + k * matrix, NR,
                       CTile<T>{out + k * products.plane + t * products.row, products.row}, false, nullptr);
      }
    }
    const Epilogue<T> epilogue{c.bias ? c.bias + p * NR : nullptr, c.activation};
    for (int64_t t = 0; t < count; ++t) {
      const Tiling::Tile tile = tiling.at(first + t);
      output_tile(out + t * products.row, products, n, epilogue,
                  c.out + tile.image * c.out_image + tile.y * c.out_row + tile.x * c.out_pixel + p * NR, c.out_row,
                  c.out_pixel, c.out_h - tile.y, c.out_w - tile.x);
    }
  }
}

}  // namespace winograd_detail

// The taps of `source` must be in the order [kernel_h, kernel_w].
template <typename T>
void correlate_winograd(KernelArgs& args, const Correlation<T>& c, const KernelSource<T>& source) {
  using namespace winograd_detail;
  constexpr int64_t NR = TileShape<T>::NR, kLeastTasks = 8;
  const Tiling tiling(c);
  const int64_t channels = c.in.channels, matrix = channels * NR;
  const int64_t panels = ceil_div(c.outputs, NR), group = min_of(panels_at_a_time<T>(channels), panels);
  const int64_t block = min_of(kBlockTiles<T>, tiling.count), blocks = ceil_div(tiling.count, block);
  const Planes inputs(block, channels), products(block, NR);
  const size_t scratch = (inputs.size() + products.size()) * sizeof(T);
  T* packed = args.workspace.array<T>(group * 9 * matrix);
  T* kernels = args.workspace.array<T>(group * kProducts * padded(matrix));

  for (int64_t p0 = 0; p0 < panels; p0 += group) {
    const int64_t p_count = min_of(group, panels - p0);
    KernelSource<T> part = source;
    part.w += p0 * NR * source.output_stride;
    part.outputs = min_of(group * NR, source.outputs - p0 * NR);
    transform_kernels(args.pool, pack_kernels(args.pool, part, packed), channels, p_count, kernels);
    // Few blocks are cut by panels too, although each part transforms the inputs again.
    const int64_t cuts = min_of(ceil_div(kLeastTasks, blocks), p_count);
    parallel_for_with_scratch(args.pool, args.workspace, blocks * cuts, scratch, [&](int64_t task, void* memory) {
      const int64_t first = task / cuts * block, cut = task % cuts;
      const int64_t begin = p_count * cut / cuts, end = p_count * (cut + 1) / cuts;
      correlate_tiles(c, tiling, first, min_of(block, tiling.count - first), p0 + begin, p0 + end,
                      kernels + begin * kProducts * padded(matrix), static_cast<T*>(memory), inputs, products);
    });
  }
}

}  // namespace nabla::NABLA_ISA
