// The input gradient of a convolution with few input channels, as a matrix product and col2im: the products of each
// pixel of dy with all weights are added to the pixels of dx that its window covers. As a correlation the product would
// have as many columns as dx has channels, which would leave most lanes of a vector empty.
#pragma once
#include <cstring>

#include "core/kernel.h"
#include "cpu/gemm/conv_kernels.h"
#include "cpu/gemm/microkernel.h"
#include "cpu/gemm/scratch.h"

namespace nabla::NABLA_ISA {

// Along a row the windows step by `stride_w` pixels. So dx is cut into steps of that many pixels, `step` elements: step
// i is the sum of the first `step` products of pixel i of dy, the next `step` of pixel i - 1, and so on: `reach` in
// all.
template <typename T>
class ScatteredGrad {
 public:
  ScatteredGrad(KernelArgs& kernel_args, const ConvGeometry& geometry)
      : args(kernel_args),
        g(geometry),
        dy(args.in[0]),
        dx(args.out[0]),
        channels(dx.shape[3]),
        outputs(dy.shape[3]),
        patch(g.kernel_h * g.kernel_w * channels),
        step(g.stride_w * channels),
        reach(ceil_div(g.kernel_w, g.stride_w)),
        last_step(g.kernel_w * channels - (reach - 1) * step),
        kept_rows(ceil_div(g.kernel_h, g.stride_h)),
        // An odd number of cache lines, so that neighbouring pixels lie in different sets.
        pixel((ceil_div(patch, kLine) | 1) * kLine),
        row(pixel * (dy.shape[2] + 2 * (reach - 1)) + kLine),
        steps(dy.shape[2] + reach - 1) {}

  void compute() {
    int64_t* taps = args.workspace.array<int64_t>(1);
    taps[0] = 0;
    const KernelSource<T> source{args.in[1].as<T>(), taps, 1, outputs, patch, 1, 0, 1, outputs, 0};
    kernels = pack_kernels(args.pool, source, args.workspace.array<T>(packed_size(source)));

    const int64_t images = dx.shape[0], h = dx.shape[1];
    const int64_t parts = min_of(ceil_div(kTasks, images), ceil_div(h, kLeastRows * kept_rows * g.stride_h));
    const size_t scratch = static_cast<size_t>(kept_rows * row + line_size()) * sizeof(T);
    parallel_for_with_scratch(args.pool, args.workspace, images * parts, scratch, [&](int64_t task, void* memory) {
      const int64_t part = task % parts;
      rows(task / parts, h * part / parts, h * (part + 1) / parts, static_cast<T*>(memory));
    });
  }

 private:
  static constexpr int64_t MR = TileShape<T>::MR, NR = TileShape<T>::NR;
  static constexpr int64_t kTasks = 16, kLeastRows = 4, kLine = 64 / sizeof(T);

  KernelArgs& args;
  const ConvGeometry& g;
  const TensorView &dy, &dx;
  int64_t channels, outputs, patch, step, reach, last_step, kept_rows, pixel, row, steps;
  KernelPanels<T> kernels{};

  // One row of dx with its padding, and a vector more.
  int64_t line_size() const { return steps * step + Vec<T>::width; }

  // Rows [begin, end) of dx of one image. The products of the last rows of dy are kept.
  void rows(int64_t image, int64_t begin, int64_t end, T* scratch) const {
    T* line = scratch + kept_rows * row;
    // Pixels beside the image have no products.
    std::memset(scratch, 0, static_cast<size_t>(kept_rows * row) * sizeof(T));
    int64_t next = 0;
    for (int64_t y = begin; y < end; ++y) {
      // Tap kh of the windows of row oy reaches row y = oy*stride - pad + kh.
      const int64_t at = y + g.pad_top;
      const int64_t first = at < g.kernel_h ? 0 : (at - g.kernel_h) / g.stride_h + 1;
      const int64_t last = min_of(at / g.stride_h, dy.shape[1] - 1);
      for (next = max_of(next, first); next <= last; ++next) {
        products(image, next, scratch + next % kept_rows * row + (reach - 1) * pixel);
      }
      T* out = dx.as<T>() + (image * dx.shape[1] + y) * dx.shape[2] * channels;
      gather(scratch, at, first, last, line);
      // The part of the line that is the image.
      const int64_t size = dx.shape[2] * channels;
      const int64_t from = g.pad_left * channels, count = max_of(min_of(size, steps * step - from), 0);
      std::memcpy(out, line + from, static_cast<size_t>(count) * sizeof(T));
      std::memset(out + count, 0, static_cast<size_t>(size - count) * sizeof(T));
    }
  }

  // The products of one row of dy with all weights.
  void products(int64_t image, int64_t y, T* to) const {
    const int64_t width = dy.shape[2], tiles = ceil_div(width, MR);
    const T* from = dy.as<T>() + (image * dy.shape[1] + y) * width * outputs;
    for (int64_t t = 0; t < tiles; ++t) {
      // Tiles of nearly equal widths.
      const int64_t x0 = width * t / tiles, x1 = width * (t + 1) / tiles;
      const ATile<T> a{from + x0 * outputs, outputs, 1, outputs, 1, 0};
      for (int64_t j = 0; j < patch; j += NR) {
        microkernel<T>(static_cast<int>(x1 - x0), static_cast<int>(min_of(NR, patch - j)), a,
                       kernels.data + j / NR * kernels.panel, NR, CTile<T>{to + x0 * pixel + j, pixel}, false, nullptr);
      }
    }
  }

  // line = the sums of all products that belong to a row of dx, from rows [first, last] of dy.
  void gather(const T* scratch, int64_t at, int64_t first, int64_t last, T* line) const {
    using V = Vec<T>;
    for (int64_t i = 0; i < steps; ++i, line += step) {
      for (int64_t e = 0; e < step; e += V::width) {
        V sum = V::zero();
        for (int64_t oy = first; oy <= last; ++oy) {
          const T* p = scratch + oy % kept_rows * row + (i + reach - 1) * pixel +
                       (at - oy * g.stride_h) * g.kernel_w * channels + e;
          for (int64_t r = 0; r + 1 < reach; ++r, p += step - pixel) sum = sum + V::load(p);
          if (e < last_step) sum = sum + V::load_part(p, min_of(V::width, last_step - e));
        }
        // What a vector holds beyond the step is overwritten by the next one.
        sum.store(line + e);
      }
    }
  }
};

}  // namespace nabla::NABLA_ISA
