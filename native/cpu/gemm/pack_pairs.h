// Operands of bfloat16 for the instruction that multiplies pairs: elements k and k + 1, k even, become one float's
// bits, so that the panels are those of a product of floats half as deep. After an odd last k comes a zero.
#pragma once
#include "cpu/gemm/pack.h"

namespace nabla::NABLA_ISA {

NABLA_INLINE int64_t pair_count(int64_t k) { return (k + 1) / 2; }
NABLA_INLINE float pair_of(BFloat16 low, BFloat16 high) { return float_of(uint32_t{high.bits} << 16 | low.bits); }

// dst[i] = (low[i], high[i]); a null `high` is zeros.
NABLA_INLINE void interleave_row(const BFloat16* low, const BFloat16* high, int64_t n, float* dst) {
  if (high) {
    for (int64_t i = 0; i < n; ++i) dst[i] = pair_of(low[i], high[i]);
  } else {
    for (int64_t i = 0; i < n; ++i) dst[i] = pair_of(low[i], BFloat16{0});
  }
}

// k elements that are neighbours.
NABLA_INLINE void pair_row(const BFloat16* src, int64_t k, float* dst) {
  std::memcpy(dst, src, static_cast<size_t>(k / 2) * sizeof(float));
  if (k % 2) dst[k / 2] = pair_of(src[k - 1], BFloat16{0});
}

// As pack_b.
NABLA_INLINE void pack_b_pairs(const BFloat16* b, int64_t b_row, int64_t b_col, int64_t k, int64_t n, float* dst) {
  constexpr int64_t NR = TileShape<float>::NR;
  const int64_t pairs = pair_count(k);
  if (b_col == 1) {
    for (int64_t p = 0; p < pairs; ++p) {
      const BFloat16* low = b + 2 * p * b_row;
      const BFloat16* high = 2 * p + 1 < k ? low + b_row : nullptr;
      float* out = dst + p * NR;
      int64_t j = 0;
      for (; j + NR <= n; j += NR) interleave_row(low + j, high ? high + j : nullptr, NR, out + j * pairs);
      if (j < n) interleave_row(low + j, high ? high + j : nullptr, n - j, out + j * pairs);
    }
    return;
  }
  for (int64_t j = 0; j < n; j += NR) {
    const int64_t width = n - j < NR ? n - j : NR;
    const BFloat16* from = b + j * b_col;
    float* out = dst + j * pairs;
    if (b_row == 1) {
      constexpr int64_t kRun = 128;
      float rows[NR * kRun / 2];
      for (int64_t p = 0; p < k; p += kRun) {
        const int64_t run = k - p < kRun ? k - p : kRun;
        for (int64_t i = 0; i < width; ++i) pair_row(from + i * b_col + p, run, rows + i * kRun / 2);
        transpose(rows, kRun / 2, width, pair_count(run), out + p / 2 * NR, NR);
      }
    } else {
      for (int64_t p = 0; p < k; p += 2) {
        for (int64_t i = 0; i < width; ++i) {
          const BFloat16* at = from + p * b_row + i * b_col;
          out[p / 2 * NR + i] = pair_of(at[0], p + 1 < k ? at[b_row] : BFloat16{0});
        }
      }
    }
  }
}

// As pack_a.
NABLA_INLINE ATile<float> pack_a_pairs(const BFloat16* a, int64_t a_row, int64_t a_col, int64_t m, int64_t k,
                                       float* dst) {
  constexpr int64_t MR = TileShape<float>::MR;
  const int64_t pairs = pair_count(k);
  if (a_col == 1) {
    const int64_t stride = packed_a_row<float>(pairs);
    for (int64_t i = 0; i < m; ++i) pair_row(a + i * a_row, k, dst + i * stride);
    return packed_tile(dst, true, pairs);
  }
  for (int64_t p = 0; p < k; p += 2) {
    float* to = dst + p / 2 * MR;
    for (int64_t first = 0; first < m; first += MR, to += packed_a_elements<float>(pairs)) {
      const int64_t rows = min_of(MR, m - first);
      const BFloat16* low = a + p * a_col + first * a_row;
      const BFloat16* high = p + 1 < k ? low + a_col : nullptr;
      if (a_row == 1) {
        interleave_row(low, high, rows, to);
      } else {
        for (int64_t i = 0; i < rows; ++i) to[i] = pair_of(low[i * a_row], high ? high[i * a_row] : BFloat16{0});
      }
    }
  }
  return packed_tile(dst, false, pairs);
}

}  // namespace nabla::NABLA_ISA
