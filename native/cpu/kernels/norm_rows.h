// What layer_norm.cc and rms_norm.cc share: each row of `columns` elements is normalised by itself. A row is read from
// memory once; the passes after the first find it in the cache. rmsNorm is the form without a mean.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/norm_rows.h"
#include "cpu/isa_namespace.h"
#include "cpu/kernels/partial_sums.h"
#include "cpu/simd/stream.h"

namespace nabla::NABLA_ISA {

// Sums over a row go to four accumulators, so that additions need not wait for one another. Each of them takes at most
// 64, then they are added up in double.
constexpr int kChains = 4;
template <typename T>
constexpr int64_t kChainBlock = 64 * kChains * Vec<T>::width;

// body(chain, j, lanes) for the vectors of [begin, n).
template <typename T, typename Body>
NABLA_INLINE void for_chains(int64_t begin, int64_t n, Body&& body) {
  constexpr int64_t kWidth = Vec<T>::width;
  int64_t i = begin;
  for (; i + kChains * kWidth <= n; i += kChains * kWidth) {
    for (int k = 0; k < kChains; ++k) body(k, i + k * kWidth, AllLanes<T>{});
  }
  for_lanes<T>(i, n, [&](int64_t j, auto lanes) { body(0, j, lanes); });
}

template <typename T>
struct Chains {
  Vec<T> v[kChains];
  NABLA_INLINE Chains() {
    for (int k = 0; k < kChains; ++k) v[k] = Vec<T>::zero();
  }
  NABLA_INLINE double sum() const { return static_cast<double>(sum_lanes((v[0] + v[1]) + (v[2] + v[3]))); }
};

// The sum over a row of what `add` puts into an accumulator: acc = add(acc, j, lanes) for each vector.
template <typename T, typename Add>
NABLA_INLINE double row_sum(int64_t n, Add&& add) {
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += kChainBlock<T>) {
    Chains<T> chain;
    for_chains<T>(begin, begin + kChainBlock<T> < n ? begin + kChainBlock<T> : n,
                  [&](int k, int64_t j, auto lanes) { chain.v[k] = add(chain.v[k], j, lanes); });
    total += chain.sum();
  }
  return total;
}

// Whether the output is written past the caches.
template <typename T>
NABLA_INLINE bool is_large(const NormRows& p) {
  return p.rows * p.columns * static_cast<int64_t>(sizeof(T)) >= kStreamBytes;
}

// Rows of a task of the forward pass.
NABLA_INLINE int64_t norm_grain(int64_t columns) { return 16384 / (columns + 1) + 1; }

// y = (x - mean) / deviation * gamma + beta; gamma, beta and (without `centered`) mean may be null.
template <typename T, bool centered>
NABLA_INLINE void normalize_rows(KernelArgs& args, const NormRows& p, const T* gamma, const T* beta, T* mean,
                                 T* reciprocal) {
  using V = Vec<T>;
  const T* in = args.in[0].as<const T>();
  T* out = args.out[0].as<T>();
  const int64_t n = p.columns;
  const bool large = is_large<T>(p);
  parallel_ranges(args.pool, p.rows, norm_grain(n), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const T* x = in + r * n;
      T* y = out + r * n;
      V m = V::zero();
      if constexpr (centered) {
        const double sum = row_sum<T>(n, [&](V acc, int64_t j, auto lanes) { return acc + lanes.load(x + j); });
        mean[r] = static_cast<T>(sum / static_cast<double>(n));
        m = V::set(mean[r]);
      }
      const double squares = row_sum<T>(n, [&](V acc, int64_t j, auto lanes) {
        const V d = lanes.load(x + j, m) - m;
        return fma(d, d, acc);
      });
      reciprocal[r] = static_cast<T>(1 / std::sqrt(squares / static_cast<double>(n) + p.epsilon));
      const V scale = V::set(reciprocal[r]);
      for_streamed_lanes<T>(large, y, n, [&](int64_t j, auto lanes) {
        V v = (lanes.load(x + j) - m) * scale;
        if (gamma) v = v * lanes.load(gamma + j);
        if (beta) v = v + lanes.load(beta + j);
        lanes.store(y + j, v);
      });
    }
    if (large) stream_fence();
  });
}

template <typename T>
struct NormGradient {
  const T *x, *dy, *mean, *reciprocal, *gamma;  // mean and gamma may be null
  T* dx;
  int64_t columns;
  bool large;  // dx is
};

// dx = (w - mean(w) - z * mean(w * z)) / deviation, where z = (x - mean) / deviation and w = dy * gamma; with `sums`,
// dgamma += dy * z and dbeta += dy.
template <typename T, bool centered, bool sums>
NABLA_INLINE void norm_gradient_row(const NormGradient<T>& p, int64_t row, T* dgamma, T* dbeta) {
  using V = Vec<T>;
  const int64_t n = p.columns;
  const T *x = p.x + row * n, *dy = p.dy + row * n;
  T* dx = p.dx + row * n;
  const V mean = centered ? V::set(p.mean[row]) : V::zero(), scale = V::set(p.reciprocal[row]);
  double sum_w = 0, sum_wz = 0;
  for (int64_t begin = 0; begin < n; begin += kChainBlock<T>) {
    Chains<T> w_chain, wz_chain;
    for_chains<T>(begin, begin + kChainBlock<T> < n ? begin + kChainBlock<T> : n, [&](int k, int64_t j, auto lanes) {
      const V slope = lanes.load(dy + j), z = (lanes.load(x + j) - mean) * scale;
      const V w = p.gamma ? slope * lanes.load(p.gamma + j) : slope;
      if constexpr (centered) w_chain.v[k] = w_chain.v[k] + w;
      wz_chain.v[k] = fma(w, z, wz_chain.v[k]);
      if constexpr (sums) {
        lanes.store(dgamma + j, fma(slope, z, lanes.load(dgamma + j)));
        if constexpr (centered) lanes.store(dbeta + j, lanes.load(dbeta + j) + slope);
      }
    });
    if constexpr (centered) sum_w += w_chain.sum();
    sum_wz += wz_chain.sum();
  }
  const double count = static_cast<double>(n);
  const V mean_w = V::set(static_cast<T>(sum_w / count)), mean_wz = V::set(static_cast<T>(sum_wz / count));
  for_streamed_lanes<T>(p.large, dx, n, [&](int64_t j, auto lanes) {
    const V slope = lanes.load(dy + j), z = (lanes.load(x + j) - mean) * scale;
    const V w = p.gamma ? slope * lanes.load(p.gamma + j) : slope;
    lanes.store(dx + j, ((centered ? w - mean_w : w) - z * mean_wz) * scale);
  });
}

// `dgamma` null: dx alone. Each task adds up its rows; the tasks' sums are added in order.
template <typename T, bool centered>
NABLA_INLINE void norm_gradient(KernelArgs& args, const NormRows& rows, const NormGradient<T>& p, T* dgamma, T* dbeta) {
  const int64_t n = p.columns, width = centered ? 2 * n : n;
  int64_t grain = 32768 / (n + 1) > 32 ? 32768 / (n + 1) : 32;
  constexpr int64_t kMaxTasks = 512;
  if (grain < rows.rows / kMaxTasks) grain = rows.rows / kMaxTasks;
  const int64_t tasks = (rows.rows + grain - 1) / grain;
  T* partial = dgamma ? args.workspace.array<T>(tasks * width) : nullptr;
  parallel_for(args.pool, tasks, [&](int64_t task) {
    const int64_t end = (task + 1) * grain < rows.rows ? (task + 1) * grain : rows.rows;
    int64_t r = task * grain;
    if (partial) {
      T *gamma_sums = partial + task * width, *beta_sums = gamma_sums + (centered ? n : 0);
      std::memset(gamma_sums, 0, static_cast<size_t>(width) * sizeof(T));
      for (; r < end; ++r) norm_gradient_row<T, centered, true>(p, r, gamma_sums, beta_sums);
    } else {
      for (; r < end; ++r) norm_gradient_row<T, centered, false>(p, r, nullptr, nullptr);
    }
    if (p.large) stream_fence();
  });
  if (!dgamma) return;
  add_partial_sums(args, partial, tasks, width, dgamma, n);
  if constexpr (centered) add_partial_sums(args, partial + n, tasks, width, dbeta, n);
}

}  // namespace nabla::NABLA_ISA
