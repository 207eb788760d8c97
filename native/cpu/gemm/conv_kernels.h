// The kernels of a correlation as operand B of the micro-kernel.
#pragma once
#include <cstdint>

#include "core/parallel.h"
#include "cpu/gemm/conv_window.h"
#include "cpu/gemm/pack.h"
#include "cpu/gemm/tile.h"

namespace nabla::NABLA_ISA {

// Panel p of group g is the matrix [taps * channels, NR] with rows `ldb` apart at data + g*group + p*panel.
template <typename T>
struct KernelPanels {
  const T* data;
  int64_t ldb, panel, group;
};

// Kernels whose weight (tap, c, o) of a group lies at w[tap*tap_stride + c*channel_stride + o*output_stride], where one
// of the last two strides is 1. `taps` lists the taps in the order of the correlation.
template <typename T>
struct KernelSource {
  const T* w;
  const int64_t* taps;
  int64_t tap_count, channels, outputs, groups;
  int64_t tap_stride, channel_stride, output_stride, group_stride;
};

template <typename T>
int64_t packed_size(const KernelSource<T>& s) {
  constexpr int64_t NR = TileShape<T>::NR;
  return s.groups * ceil_div(s.outputs, NR) * s.tap_count * s.channels * NR;
}

template <typename T>
KernelPanels<T> pack_kernels(ThreadPool& pool, const KernelSource<T>& s, T* packed) {
  constexpr int64_t NR = TileShape<T>::NR, kElementsPerTask = 1 << 15;
  const int64_t panels = ceil_div(s.outputs, NR), panel = s.tap_count * s.channels * NR;
  const int64_t grain = max_of(kElementsPerTask / max_of(s.channels * panels * NR, 1), 1);
  parallel_ranges(pool, s.tap_count * s.groups, grain, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t tap = t % s.tap_count, group = t / s.tap_count;
      const T* from = s.w + group * s.group_stride + s.taps[tap] * s.tap_stride;
      T* to = packed + group * panels * panel + tap * s.channels * NR;
      for (int64_t o = 0; o < s.outputs; o += NR, from += NR * s.output_stride, to += panel) {
        const int64_t n = min_of(NR, s.outputs - o);
        if (s.output_stride == 1) {
          for (int64_t c = 0; c < s.channels; ++c) copy_row(from + c * s.channel_stride, to + c * NR, n);
        } else {
          transpose(from, s.output_stride, n, s.channels, to, NR);
        }
      }
    }
  });
  return {packed, NR, panel, panels * panel};
}

}  // namespace nabla::NABLA_ISA
